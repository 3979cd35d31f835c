"""What a job deletes of what somebody deleted: one pass finds all that is left, by its keys, and deletes it.

    erase_project   keys, connections with their calls and tokens, codes, saved views; what the audit log says of it
    erase_org       tombstones of projects that still live; once they are erased: people, invitations, slugs, the log
    erase_account   what hangs on its memberships, connections, codes, sessions, factor, letters, its own log

A pass answers how many of each kind it deleted; one that finds nothing answers an empty count. It may be interrupted at
any point and begun again: then it raises what it deleted till there (`PassInterrupted`), so that an unfinished pass is
never taken for an empty one.

Nothing can be added behind a pass that the next one would not find: whatever is made for a project, an organisation or
an account is made in a change that holds while that lives, or stands where its id leads.
"""

import time
from collections import Counter

from chalicelib import settings
from chalicelib.identity import members, users
from chalicelib.identity.deletion import bury_projects, delete_org
from chalicelib.identity.members import MemberMoved
from chalicelib.identity.membership import Operator, members_of, membership, orgs_of
from chalicelib.identity.orgs import LastOwner, OrgGone, org_by_id
from chalicelib.identity.projects import ACTIVE, DELETED, ERASED
from chalicelib.identity.remains import Place, Removed, codes_in, connections_in, followed, keys_in
from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage import audit, erasures, outbox
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Condition, Fields, commit, when
from chalicelib.storage.erasures import Subject
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.forgetting import forget_project
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys


class NotDeleted(Exception):
    """What is to be erased is there, and no tombstone: nobody deleted it."""


class PassInterrupted(Exception):
    """The store did not answer in time. `found` is what was deleted till then; the rest is there, or not."""

    def __init__(self, found: Counter[str]) -> None:
        super().__init__(f"a pass was interrupted after {found.total()} items")
        self.found = found


class ErasureWaits(Exception):
    """The organisation's own erasure begins when those of all its projects have ended."""


def erase_project(org: OrgId, project: ProjectId, *, deadline: float) -> Counter[str]:
    """One pass over all of a deleted project but its events. Raises `NotDeleted`,
    `PassInterrupted` and `StoreUnavailable`."""
    _check_deleted(item(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), deadline=deadline))
    return _counted(_of_project(org, project, deadline=deadline))


def erase_org(org: OrgId, *, deadline: float) -> Counter[str]:
    """One pass over all of a deleted organisation.

    It first finishes the deletion, where that was interrupted: projects that still live become tombstones, with
    erasures of their own. As long as any of these has not ended it deletes nothing and raises `ErasureWaits`. Raises
    `NotDeleted` and `StoreUnavailable`.
    """
    _check_deleted(item(keys.TENANTS, keys.org_partition(org), keys.ORG, deadline=deadline))
    bury_projects(org, by=_asked_by(Subject("org", org), deadline), now=int(time.time()), deadline=deadline)
    projects = items(keys.TENANTS, keys.org_partition(org), keys.PROJECT, deadline=deadline)
    if any(project["state"].text != ERASED for project in projects):
        raise ErasureWaits
    return _counted(_of_org(org, deadline=deadline))


def erase_account(user: UserId, *, deadline: float) -> Counter[str]:
    """One pass over all that was a person's, and no organisation's. Raises `NotDeleted`,
    `PassInterrupted` and `StoreUnavailable`."""
    tombstone = item(keys.USERS, keys.user_partition(user), keys.ONLY, deadline=deadline)
    if tombstone is None or users.is_here(tombstone):
        raise NotDeleted
    return _counted(_of_account(user, tombstone, deadline=deadline))


def stub_project(change: Change, org: OrgId, project: ProjectId, *, at: int) -> None:
    """Adds that nothing is left of a project but its ids, and the slugs that nobody gets again. Committing raises
    `NotDeleted`."""
    stub: Fields = {"org": org, "project": project, "state": ERASED, "erased_at": at}
    change.put(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), stub, _is_tombstone())
    listed = keys.project_list_partition(keys.work_number(project))
    change.delete(keys.WORK, listed, keys.project_list_sort(org, project))
    # Whether anybody was ever here must not be forgotten with the last project: strangers could be the first again.
    change.put(keys.USERS, keys.FIRST_ACCOUNT, keys.ONLY, {"created_at": at})


def stub_org(change: Change, org: OrgId, *, at: int) -> None:
    """Adds that nothing is left of an organisation but its id, and its slugs. Committing raises `NotDeleted`."""
    stub: Fields = {"org": org, "state": ERASED, "erased_at": at}
    change.put(keys.TENANTS, keys.org_partition(org), keys.ORG, stub, _is_tombstone())


def stub_account(change: Change, user: UserId, *, at: int) -> None:
    """Adds that nothing is left of an account but its id. Committing raises `NotDeleted`."""
    stub: Fields = {"user": user, "state": ERASED, "erased_at": at}
    change.put(keys.USERS, keys.user_partition(user), keys.ONLY, stub, _is_tombstone())


def _counted(removed: Removed) -> Counter[str]:
    found: Counter[str] = Counter()
    try:
        for kind, count in removed:
            found[kind] += count
    except StoreUnavailable as failed:
        raise PassInterrupted(+found) from failed
    return +found


def _of_project(org: OrgId, project: ProjectId, *, deadline: float) -> Removed:
    yield from keys_in(org, project, deadline=deadline)
    trail, listed = keys.project_trail_partition(org, project), keys.project_grants_partition(org, project)
    yield from connections_in(trail, listed, deadline=deadline)
    yield from codes_in(keys.project_codes_partition(org, project), deadline=deadline)
    views = keys.project_views_partition(org, project)
    yield from followed("saved views", keys.TENANTS, views, deadline=deadline)
    yield "facts in the audit log", forget_project(org, project, deadline=deadline)


def _of_org(org: OrgId, *, deadline: float) -> Removed:
    def invited(entry: Item) -> list[Place]:
        invitation, digest = entry["invitation"].binary, users.email_digest(entry["email"].text)
        by_address = keys.address_invitations_partition(digest), keys.invitation_sort(invitation)
        return [(keys.TENANTS, keys.invitation_partition(invitation), keys.ONLY), (keys.TENANTS, *by_address)]

    def membership(entry: Item) -> list[Place]:
        return [(keys.USERS, keys.user_partition(entry["user"].binary), keys.membership_sort(org))]

    place = keys.TENANTS, keys.org_partition(org)
    yield from keys_in(org, deadline=deadline)
    yield from followed("invitations", *place, keys.INVITATION, leads=invited, deadline=deadline)
    yield from followed("members", *place, keys.MEMBER, leads=membership, deadline=deadline)
    yield from followed("projects", *place, keys.PROJECT, deadline=deadline)
    yield from followed("slugs of projects", *place, keys.project_slug_sort(""), deadline=deadline)
    yield from followed("audit entries", keys.AUDIT, keys.org_audit_partition(org), deadline=deadline)


def _of_account(user: UserId, tombstone: Item, *, deadline: float) -> Removed:
    yield from _left_in_orgs(user, tombstone, deadline=deadline)
    trail, listed = keys.person_trail_partition(user), keys.person_grants_partition(user)
    yield from connections_in(trail, listed, deadline=deadline)
    yield from codes_in(keys.person_codes_partition(user), deadline=deadline)
    yield from _ways_in(user, deadline=deadline)
    if "address" in tombstone:
        yield from _at_address(tombstone["address"].binary, tombstone["deleted_at"].number, deadline=deadline)
    yield from followed("audit entries", keys.AUDIT, keys.person_audit_partition(user), deadline=deadline)


def _left_in_orgs(user: UserId, tombstone: Item, *, deadline: float) -> Removed:
    """What hangs on memberships that ended with the account; and those in organisations that were deleted before."""

    def member(entry: Item) -> list[Place]:
        return [(keys.TENANTS, keys.org_partition(OrgId(entry["org"].binary)), keys.member_sort(user))]

    place = keys.user_partition(user), keys.MEMBERSHIP
    by = _asked_by(Subject("account", user=user), deadline)
    for org in orgs_of(user, deadline=deadline):
        yield "memberships", _ended_late(org, user, by=by, deadline=deadline)
    yield from followed("memberships", keys.USERS, *place, leads=member, deadline=deadline)
    for org in (OrgId(each.binary) for each in tombstone["orgs"].L or ()) if "orgs" in tombstone else ():
        yield "left in organisations", _swept(org, user, by=by, deadline=deadline)


def _ended_late(org: OrgId, user: UserId, *, by: Actor, deadline: float) -> int:
    """Ends a membership that began at the moment in which the account was deleted, as leaving does: owners are counted.
    An organisation that was founded then, and has nobody else, goes too. Raises `LastOwner` where it has."""
    member, now = membership(org, user, deadline=deadline), int(time.time())
    if member is None:
        return 0
    change = Change()
    members.add_end(change, member, by=by, at=now)
    try:
        commit(change, deadline=deadline)
    except (MemberMoved, OrgGone):
        return 0  # the next pass finds it as it is then, and what is left of an organisation that ends is deleted below
    except LastOwner:
        founded = org_by_id(org, deadline=deadline)
        if founded is None or len(members_of(org, deadline=deadline)) > 1:
            raise
        delete_org(founded, by=Operator(), now=now, deadline=deadline)
        return 1
    return 1 + _swept(org, user, by=by, deadline=deadline)


def _swept(org: OrgId, user: UserId, *, by: Actor, deadline: float) -> int:
    try:
        return members.sweep(org, user, by=by, now=int(time.time()), deadline=deadline)
    except OrgGone:
        return 0  # it goes with the organisation


def _ways_in(user: UserId, *, deadline: float) -> Removed:
    def session(entry: Item) -> list[Place]:
        return [(keys.SESSIONS, keys.session_partition(entry["s"].binary[1:]), keys.ONLY)]

    person, own = (keys.SESSIONS, keys.person_partition(user)), (keys.USERS, keys.user_partition(user))
    yield from followed("sessions", *person, keys.SESSION, leads=session, deadline=deadline)
    yield from followed("devices", *person, keys.DEVICE, deadline=deadline)
    yield from followed("second factor", *own, keys.SECOND_FACTOR, deadline=deadline)
    yield from followed("recovery codes", *own, keys.RECOVERY, deadline=deadline)


def _at_address(digest: bytes, until: int, *, deadline: float) -> Removed:
    """What was made for an address while it was theirs. What came later is for whoever has it now."""

    def theirs(entry: Item) -> bool:
        return entry["created_at"].number <= until

    def invited(entry: Item) -> list[Place]:
        invitation, org = entry["invitation"].binary, OrgId(entry["org"].binary)
        in_org = keys.org_partition(org), keys.invitation_sort(invitation)
        return [(keys.TENANTS, keys.invitation_partition(invitation), keys.ONLY), (keys.TENANTS, *in_org)]

    def pending(entry: Item) -> list[Place]:
        return [(keys.SESSIONS, keys.pending_sign_up_partition(entry["link"].binary), keys.ONLY)]

    invitations = keys.TENANTS, keys.address_invitations_partition(digest)
    sign_ups = keys.SESSIONS, keys.address_sign_ups_partition(digest)
    yield from followed("invitations", *invitations, leads=invited, only=theirs, deadline=deadline)
    yield from followed("sign-ups", *sign_ups, leads=pending, only=theirs, deadline=deadline)
    if settings.current().mail == "outbox":
        yield from _letters(digest, until, deadline=deadline)


def _letters(digest: bytes, until: int, *, deadline: float) -> Removed:
    """Those that are shown instead of sent."""

    def theirs(entry: Item) -> bool:
        at_ms, to = outbox.written_at(entry), entry["to"].text
        return at_ms <= until * 1000 and users.email_digest(to) == digest  # digest: of addresses, not of secrets

    yield from followed("letters", keys.OUTBOX, keys.OUTBOX_PARTITION, only=theirs, deadline=deadline)


def _check_deleted(stored: Item | None) -> None:
    if stored is None or stored["state"].text == ACTIVE:
        raise NotDeleted


def _is_tombstone() -> Condition:
    return when("#state = :deleted OR #state = :erased", NotDeleted(), deleted=DELETED, erased=ERASED)


def _asked_by(subject: Subject, deadline: float) -> Actor:
    asked = erasures.erasure_of(subject, deadline=deadline)
    return asked.by if asked else audit.SYSTEM

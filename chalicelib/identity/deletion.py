"""Deleting a project, an organisation or an account: what people do, and what is true from that moment on.

    one change   a tombstone in place of what lives, the audit entry, and the erasure in the register
                 from here on every request finds nothing: keys, connections, sessions and links are dead
    jobs         erase all that is left of it, in passes (`erasing`), until a receipt can say that nothing is

An organisation takes its projects along, and an account its memberships, as leaving does.
"""

import logging
from collections.abc import Sequence
from typing import Final

from chalicelib.identity import letters, members, users
from chalicelib.identity.members import MemberMoved
from chalicelib.identity.membership import Authority, Member, actor, attest, membership, orgs_of
from chalicelib.identity.orgs import LastOwner, Org, OrgGone, SettingsChanged, orgs_by_id
from chalicelib.identity.permissions import Role
from chalicelib.identity.projects import ACTIVE, DELETED, Project, projects_of
from chalicelib.identity.users import ChangedMeanwhile, User
from chalicelib.ids import OrgId, UserId
from chalicelib.storage import audit, erasures
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Condition, Fields, commit, when
from chalicelib.storage.erasures import Subject
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables import keys

ATTEMPTS: Final = 5
PROJECTS_EACH: Final = 25
"""Tombstones of one change, at three writes each."""
MOST_MEMBERSHIPS: Final = 20
"""That end with an account, in one change, at four writes each."""
MOST_TOLD: Final = 20
"""Letters of one deletion: each may take seconds."""

logger: Final = logging.getLogger(__name__)


class OnlyOwner(Exception):
    """Organisations would be left without an owner."""

    def __init__(self, orgs: Sequence[Org]) -> None:
        names = ", ".join(org.name for org in orgs)
        super().__init__(f"You are the only owner of {names}. Delete it, or make somebody else an owner, first.")
        self.orgs = orgs


class TooManyMemberships(Exception):
    """An account and so many memberships cannot end in one change."""

    def __init__(self) -> None:
        super().__init__(f"You are in more than {MOST_MEMBERSHIPS} organisations. Leave some of them first.")


def delete_project(project: Project, *, by: Authority, now: int, deadline: float | None = None) -> None:
    """Ends a project, as it was shown, for good.

    Raises `SettingsChanged`, `AuthorityLost` and `StoreUnavailable`; after the last it may have ended.
    """
    told = _owners(project.org, deadline=deadline)
    change = Change()
    attest(change, by)
    _bury(change, project, _as_shown(project.version), by=actor(by), at=now)
    commit(change, deadline=deadline)
    _tell(told, f"The project {project.name} was deleted.", now=now)


def delete_org(org: Org, *, by: Authority, now: int, deadline: float | None = None) -> None:
    """Ends an organisation, as it was shown, and then all its projects, for good.

    Nothing new begins in it after the first change. Where the others fail the erasure finishes them (`bury_projects`).
    Raises `SettingsChanged`, `AuthorityLost` and `StoreUnavailable`; after the last it may have ended.
    """
    told = _owners(org.org, deadline=deadline)
    change = Change()
    attest(change, by)
    place = keys.org_partition(org.org), keys.ORG
    change.update(keys.TENANTS, *place, _tombstone(now), _as_shown(org.version), version=1)
    audit.record(
        change, org.org, actor=actor(by), action="org.delete", target=org.org.hex(), at=now,
        before={"slug": org.slug, "name": org.name},
    )  # fmt: skip
    erasures.ask(change, Subject("org", org.org), by=actor(by), at=now)
    commit(change, deadline=deadline)
    bury_projects(org.org, by=actor(by), now=now, deadline=deadline)
    _tell(told, f"The organisation {org.name} was deleted, with all its projects.", now=now)


def bury_projects(org: OrgId, *, by: Actor, now: int, deadline: float | None = None) -> int:
    """Makes tombstones of the projects that still live in an organisation that does not; answers of how many.

    Raises `StoreUnavailable`.
    """
    buried = 0
    while living := projects_of(org, deadline=deadline)[:PROJECTS_EACH]:
        change = Change()
        for project in living:
            _bury(change, project, when("#state = :active", SettingsChanged(), active=ACTIVE), by=by, at=now)
        try:
            commit(change, deadline=deadline)
        except SettingsChanged:
            continue  # somebody else buried one of them meanwhile
        buried += len(living)
    return buried


def delete_account(user: User, *, by: Actor, now: int, deadline: float | None = None) -> None:
    """Ends an account for good: the person is nowhere a member any more, and nothing of theirs signs in.

    Their address is free at once: nobody else must wait for it, and what is theirs of it is told by when it was made.
    Raises `OnlyOwner`, `TooManyMemberships`, `ChangedMeanwhile` and `StoreUnavailable`; after the last the account may
    have ended.
    """
    for _ in range(ATTEMPTS):
        if kept := orgs_only_owned_by(user.user, deadline=deadline):
            raise OnlyOwner(kept)
        held = [member for _, member in memberships(user.user, deadline=deadline)]
        if len(held) > MOST_MEMBERSHIPS:
            raise TooManyMemberships
        try:
            _end(user, held, by=by, now=now, deadline=deadline)
        except (MemberMoved, LastOwner, OrgGone):
            continue  # something changed in one of their organisations meanwhile
        _sweep(held, by=by, now=now, deadline=deadline)
        letters.notify(letters.account_deleted(user.email), now=now)
        return
    raise ChangedMeanwhile


def orgs_only_owned_by(user: UserId, *, deadline: float | None = None) -> list[Org]:
    """Where the person is the last owner: what keeps them from deleting their account. Raises `StoreUnavailable`."""
    return [
        org
        for org, member in memberships(user, deadline=deadline)
        if member.role is Role.OWNER and org.owners == 1
    ]  # fmt: skip


def memberships(user: UserId, *, deadline: float | None = None) -> list[tuple[Org, Member]]:
    """The living organisations that the person is in, by name, and their part there. Raises `StoreUnavailable`."""
    found = orgs_by_id(orgs_of(user, deadline=deadline), deadline=deadline)
    held = ((org, membership(org.org, user, deadline=deadline)) for org in found)
    return [(org, member) for org, member in held if member is not None]


def _end(user: User, held: Sequence[Member], *, by: Actor, now: int, deadline: float | None) -> None:
    change = Change()
    users.add_end(change, user, orgs=[member.org for member in held], at=now)
    for member in held:
        members.add_end(change, member, by=by, at=now)
    audit.record_personal(change, user.user, actor=by, action="account.delete", at=now)
    erasures.ask(change, Subject("account", user=user.user), by=by, at=now)
    commit(change, deadline=deadline)


def _sweep(held: Sequence[Member], *, by: Actor, now: int, deadline: float | None) -> None:
    """Ends at once what hung on the memberships. Nothing of it works: where it cannot be done now, the erasure does."""
    for member in held:
        try:
            members.sweep(member.org, member.user, by=by, now=now, deadline=deadline)
        except (OrgGone, StoreUnavailable):
            logger.exception("what an account left in an organisation is left to its erasure")


def _owners(org: OrgId, *, deadline: float | None) -> list[str]:
    """The addresses of the owners, of whom some are told."""
    people = members.people_of(org, deadline=deadline) if letters.can_send() else []
    # Whose account is gone has none any more.
    owners = (person.email for person in people if person.member.role is Role.OWNER)
    return [address for address in owners if address][:MOST_TOLD]


def _tell(addresses: Sequence[str], what: str, *, now: int) -> None:
    for address in addresses:
        letters.notify(letters.deleted(address, what), now=now)


def _bury(change: Change, project: Project, condition: Condition, *, by: Actor, at: int) -> None:
    place = keys.org_partition(project.org), keys.project_sort(project.project)
    change.update(keys.TENANTS, *place, _tombstone(at), condition, version=1)
    audit.record(
        change, project.org, actor=by, action="project.delete", target=project.project.hex(), at=at,
        before={"slug": project.slug, "name": project.name},
    )  # fmt: skip
    erasures.ask(change, Subject("project", project.org, project.project), by=by, at=at)


def _tombstone(at: int) -> Fields:
    return {"state": DELETED, "deleted_at": at}


def _as_shown(version: int) -> Condition:
    return when("#state = :active AND #version = :seen", SettingsChanged(), active=ACTIVE, seen=version)

"""Members: their roles changed, themselves removed, the ownership handed on.

Each change is decided by conditions on what was read: the author's role, the member's, and the number of owners, which
never falls below one. Where somebody else was faster it is read and decided again.

    remove   one change: membership, its twin, owners - 1, and what hangs on it ──► sweep: what did not fit
                         from here on nothing of theirs works: query keys and invitations are checked
                         against the membership that made them, whether the sweep was done or not
"""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import grants, invitations, key_ring, users, views
from chalicelib.identity.grants import Grant, GrantUnknown, grants_made_by
from chalicelib.identity.invitations import Invitation, InvitationGone, invitations_of
from chalicelib.identity.key_ring import KeyUnknown, ListedKey, keys_made_by
from chalicelib.identity.membership import AuthorityLost, Member, actor, attest, members_of, membership, still
from chalicelib.identity.orgs import check_org, count_owner
from chalicelib.identity.permissions import Role
from chalicelib.identity.roles import LOWER, RoleRefused, check_changing, check_removing, check_stepping_down
from chalicelib.identity.views import Leftover, ViewsChanged, views_left_by
from chalicelib.ids import OrgId, UserId
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Fields, commit
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import several
from chalicelib.storage.tables import keys

ATTEMPTS: Final = 5
WRITES_EACH: Final = 5
"""The most that the end of one key, invitation, connection or list of views takes."""
SWEEPS: Final = 200
"""More than all the keys that an organisation's projects can have, thirty at a time."""


class MemberUnknown(Exception):
    """The person is no member of the organisation."""

    def __init__(self) -> None:
        super().__init__("The person is no member of the organisation.")


class MemberChanged(Exception):
    """Others changed the same member, again and again."""

    def __init__(self) -> None:
        super().__init__("The member was changed at the same moment. Try again.")


class MemberMoved(Exception):
    """What was read of a member does not hold any more."""


class Person(Struct, frozen=True):
    """A member as people see one."""

    member: Member
    name: str
    email: str
    second_factor: bool


class Belongings(Struct, frozen=True):
    """What a removal touches. Query keys, connections, invitations and their own views end; ingest keys become
    another's, flagged, and shared views nobody's."""

    query_keys: list[ListedKey]
    ingest_keys: list[ListedKey]
    invitations: list[Invitation]
    grants: list[Grant]
    """What people know as connections: apps that the member let in."""
    views: list[Leftover]

    def __len__(self) -> int:
        return sum(len(getattr(self, each)) for each in self.__struct_fields__)


def people_of(org: OrgId, *, deadline: float | None = None) -> list[Person]:
    """Everybody in the organisation, in the order of joining. Raises `StoreUnavailable`."""
    found = members_of(org, deadline=deadline)
    sorts = (keys.ONLY, keys.SECOND_FACTOR)
    places = [(keys.user_partition(member.user), sort) for member in found for sort in sorts]
    stored = several(keys.USERS, places, deadline=deadline)
    people = []
    for member in found:
        account, factor = (stored.get((keys.user_partition(member.user), sort)) for sort in sorts)
        here = account is not None and users.is_here(account)
        name, email = (account["name"].text, account["email"].text) if account and here else ("", "")
        people.append(Person(member, name, email, factor is not None and "confirmed_at" in factor))
    return people


def change_role(user: UserId, role: Role, *, by: Member, now: int, deadline: float | None = None) -> Member:
    """Gives a member another role, or oneself a lower one.

    Raises `MemberUnknown`, `RoleRefused`, `LastOwner`, `AuthorityLost`, `MemberChanged` and `StoreUnavailable`.
    """

    def attempt(member: Member) -> Member:
        if member.role is role:
            return member
        if user == by.user:
            check_stepping_down(member.role, role)
        else:
            check_changing(by.role, was=member.role, to=role)
        change = Change()
        if user != by.user:
            attest(change, by)
        changed = _set_role(change, member, role, at=now)
        _count(change, member.org, was=member.role, to=role)
        audit.record(
            change, member.org, actor=actor(by), action="member.role", target=user.hex(), at=now,
            before={"role": member.role.value}, after={"role": role.value},
        )  # fmt: skip
        commit(change, deadline=deadline)
        return changed

    return _decided(by.org, user, attempt, deadline=deadline)


def remove(user: UserId, *, by: Member, now: int, deadline: float | None = None) -> None:
    """Ends a membership and all that hangs on it. Removing oneself is leaving.

    Raises `MemberUnknown`, `RoleRefused`, `LastOwner`, `OrgGone`, `AuthorityLost`, `MemberChanged` and
    `StoreUnavailable`; after the last the membership may have ended, and calling it again sweeps what is left.
    """
    leaving = user == by.user
    if not leaving:
        check_removing(by.role, Role.MEMBER)

    def attempt(member: Member) -> None:
        if not leaving:
            check_removing(by.role, member.role)
        change = Change()
        if not leaving:
            attest(change, by)
        add_end(change, member, by=actor(by), at=now)
        found = belongings(member.org, user, now=now, deadline=deadline)
        _end(change, found, heir=None if leaving else by.user, by=actor(by), now=now)
        commit(change, deadline=deadline)

    try:
        _decided(by.org, user, attempt, deadline=deadline)
    except MemberUnknown:
        # They may have been removed before, and the sweep after it cut short.
        sweep(by.org, user, by=actor(by), heir=None if leaving else by, now=now, deadline=deadline)
        raise
    sweep(by.org, user, by=actor(by), heir=None if leaving else by, now=now, deadline=deadline)


def add_end(change: Change, member: Member, *, by: Actor, at: int) -> None:
    """Adds the end of a membership, without what hangs on it.

    Committing raises `MemberMoved`, `LastOwner` and `OrgGone`.
    """
    place = keys.org_partition(member.org), keys.member_sort(member.user)
    change.delete(keys.TENANTS, *place, still(member, MemberMoved()))
    change.delete(keys.USERS, keys.user_partition(member.user), keys.membership_sort(member.org))
    if member.role is Role.OWNER:
        count_owner(change, member.org, -1)
    else:
        check_org(change, member.org)
    leaving = by == audit.person(member.user)
    audit.record(
        change, member.org, actor=by, action="member.leave" if leaving else "member.remove",
        target=member.user.hex(), at=at, before={"role": member.role.value},
    )  # fmt: skip


def sweep(
    org: OrgId, user: UserId, *, by: Actor, now: int, heir: Member | None = None, deadline: float | None = None
) -> int:  # fmt: skip
    """Ends what somebody left behind who is no member any more: nothing of it works, and nothing is added to it.

    What stays becomes the heir's, in whose power it is done then. Answers how much there was. Raises `OrgGone`,
    `AuthorityLost` and `StoreUnavailable`.
    """
    swept = 0
    for _ in range(SWEEPS):
        found = belongings(org, user, now=now, deadline=deadline)
        if not len(found):
            return swept
        change = Change()
        check_org(change, org)
        if heir is not None:
            attest(change, heir)
        ended = _end(change, found, heir=heir.user if heir else None, by=by, now=now)
        try:
            commit(change, deadline=deadline)
        except (KeyUnknown, InvitationGone, GrantUnknown, ViewsChanged):
            continue
        swept += ended
    raise StoreUnavailable("a removed member's keys are still being ended")


def transfer_ownership(to: UserId, *, by: Member, now: int, deadline: float | None = None) -> None:
    """Makes another member owner, and its author an admin, at once.

    Raises `MemberUnknown`, `RoleRefused`, `AuthorityLost`, `MemberChanged` and `StoreUnavailable`.
    """
    if by.role is not Role.OWNER or to == by.user:
        raise RoleRefused(by.role, "hand the organisation to themselves" if to == by.user else "hand it on")

    def attempt(member: Member) -> None:
        change = Change()
        _set_role(change, by, Role.ADMIN, at=now, otherwise=AuthorityLost())
        if member.role is Role.OWNER:
            _count(change, by.org, was=Role.OWNER, to=Role.ADMIN)
            change.check(keys.TENANTS, keys.org_partition(by.org), keys.member_sort(to), still(member, MemberMoved()))
        else:
            _set_role(change, member, Role.OWNER, at=now)
        audit.record(
            change, by.org, actor=actor(by), action="ownership.transfer", target=to.hex(), at=now,
            before={"owner": by.user.hex(), "role": member.role.value}, after={"owner": to.hex()},
        )  # fmt: skip
        commit(change, deadline=deadline)

    _decided(by.org, to, attempt, deadline=deadline)


def belongings(org: OrgId, user: UserId, *, now: int, deadline: float | None = None) -> Belongings:
    """What somebody's removal would touch, to be shown before. Raises `StoreUnavailable`."""
    made = keys_made_by(org, user, deadline=deadline)
    return Belongings(
        [key for key in made if key.kind == "query"],
        [key for key in made if key.kind == "ingest"],
        [each for each in invitations_of(org, now=now, deadline=deadline) if each.invited_by == user],
        grants_made_by(org, user, now=now, deadline=deadline),
        views_left_by(org, user, deadline=deadline),
    )


T = TypeVar("T")


def _decided(org: OrgId, user: UserId, attempt: Callable[[Member], T], *, deadline: float | None) -> T:
    """Does it to the member as they are; again where they, or what is theirs, changed meanwhile."""
    for _ in range(ATTEMPTS):
        member = membership(org, user, deadline=deadline)
        if member is None:
            raise MemberUnknown
        try:
            return attempt(member)
        except (MemberMoved, KeyUnknown, InvitationGone, GrantUnknown, ViewsChanged):
            continue
    raise MemberChanged


def _set_role(
    change: Change, member: Member, role: Role, *, at: int, otherwise: Exception | None = None
) -> Member:  # fmt: skip
    # A higher role is always somebody else's doing: nobody raises their own.
    changed = replace(member, role=role, raised_at=at if member.role in LOWER[role] else member.raised_at)
    place = keys.org_partition(member.org), keys.member_sort(member.user)
    fields: Fields = {"role": role.value, "raised_at": changed.raised_at}
    change.update(keys.TENANTS, *place, fields, still(member, otherwise or MemberMoved()))
    return changed


def _count(change: Change, org: OrgId, *, was: Role, to: Role | None) -> None:
    """Keeps the number of owners right."""
    if (was is Role.OWNER) != (to is Role.OWNER):
        count_owner(change, org, 1 if to is Role.OWNER else -1)


def _end(change: Change, found: Belongings, *, heir: UserId | None, by: Actor, now: int) -> int:
    """Adds the end of as much as there is room for; answers of how much."""
    ends = (
        *(partial(key_ring.add_revocation, change, key, by=by, at=now) for key in found.query_keys),
        *(partial(grants.add_revocation, change, grant, by=by, at=now) for grant in found.grants),
        *(partial(invitations.add_revocation, change, each, by=by, at=now) for each in found.invitations),
        *(partial(key_ring.add_takeover, change, key, heir=heir, by=by, at=now) for key in found.ingest_keys),
        *(partial(views.add_removal, change, left) for left in found.views),
    )
    for number, end in enumerate(ends):
        if change.room < WRITES_EACH:
            return number
        end()
    return len(ends)

"""Who belongs to an organisation, and as what: read as it is now by every request, and by every change once more.

A change that somebody makes holds a condition on their own membership. So no power outlives its end, not even between
the door and the write.
"""

import secrets
from typing import Final

from msgspec import Struct

from chalicelib.identity.permissions import Role
from chalicelib.ids import OrgId, UserId
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Condition, absent, when
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys

MEMBERSHIP_BYTES: Final = 8


class AuthorityLost(Exception):
    """Who asked for a change was removed, or given another role, before it could happen."""

    def __init__(self) -> None:
        super().__init__("Your role in the organisation changed meanwhile.")


class AlreadyMember(Exception):
    """The person is a member of the organisation."""

    def __init__(self) -> None:
        super().__init__("The person is a member of the organisation already.")


class Member(Struct, frozen=True):
    """Somebody's part in an organisation, as it was when it was read."""

    org: OrgId
    user: UserId
    role: Role
    membership: bytes
    """Another one each time that somebody joins."""
    joined_at: int
    raised_at: int | None = None
    """When somebody else last gave them more power, in seconds."""


class Operator(Struct, frozen=True):
    """Somebody at a shell of the deployment: no membership, no limits."""


Authority = Member | Operator
"""In whose power a change is made."""


def membership(org: OrgId, user: UserId, *, deadline: float | None = None) -> Member | None:
    """The person's part in the organisation now; None if they have none. Raises `StoreUnavailable`."""
    stored = item(keys.TENANTS, keys.org_partition(org), keys.member_sort(user), deadline=deadline)
    return _member(stored) if stored else None


def members_of(org: OrgId, *, deadline: float | None = None) -> list[Member]:
    """Everybody, in the order of joining. Raises `StoreUnavailable`."""
    found = items(keys.TENANTS, keys.org_partition(org), keys.MEMBER, deadline=deadline)
    return sorted(map(_member, found), key=lambda member: (member.joined_at, member.user))


def orgs_of(user: UserId, *, deadline: float | None = None) -> list[OrgId]:
    """Where the person is a member. Raises `StoreUnavailable`."""
    found = items(keys.USERS, keys.user_partition(user), keys.MEMBERSHIP, deadline=deadline)
    return [OrgId(row["org"].binary) for row in found]


def add_member(change: Change, org: OrgId, user: UserId, role: Role, *, at: int) -> Member:
    """Adds a membership and its twin. Who calls this counts the owners. Committing raises `AlreadyMember`."""
    member = Member(org, user, role, secrets.token_bytes(MEMBERSHIP_BYTES), at)
    fields = {"org": org, "user": user, "role": role.value, "membership": member.membership, "created_at": at}
    change.put(keys.TENANTS, keys.org_partition(org), keys.member_sort(user), fields, absent(AlreadyMember()))
    change.put(keys.USERS, keys.user_partition(user), keys.membership_sort(org), {"user": user, "org": org})
    return member


def attest(change: Change, by: Authority) -> None:
    """Makes the change happen only while its author is what they were. Committing raises `AuthorityLost`."""
    if isinstance(by, Member):
        unchanged = still(by, AuthorityLost())
        change.check(keys.TENANTS, keys.org_partition(by.org), keys.member_sort(by.user), unchanged)


def still(member: Member, otherwise: Exception) -> Condition:
    """That the member is one, by the same joining and in the same role."""
    return when(
        "#membership = :membership AND #role = :role",
        otherwise, membership=member.membership, role=member.role.value,
    )  # fmt: skip


def actor(by: Authority) -> Actor:
    """The author of a change, for the audit log."""
    return audit.person(by.user) if isinstance(by, Member) else audit.OPERATOR


def _member(stored: Item) -> Member:
    return Member(
        OrgId(stored["org"].binary),
        UserId(stored["user"].binary),
        Role(stored["role"].text),
        stored["membership"].binary,
        stored["created_at"].number,
        stored["raised_at"].number if "raised_at" in stored else None,
    )

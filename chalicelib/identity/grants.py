"""Grants, which people meet as connections: what somebody allowed an app to do with one project, until it ends.

    consent ────── works ──────┬─ end: by who allowed it, by an admin, or by the app itself
                               ├─ 30 days without a refresh, and 90 days in any case
                               ├─ a code or a refresh token was used twice: somebody stole it (`oauth.rotation`)
                               ├─ the membership by which it was allowed ends; another one does not bring it back
                               └─ the project ends

A grant is the family of all tokens that ever come of its consent: each works as long as it does, and no longer. Its
item and its twins, in the lists of the project and of the person, are made and deleted together. Its trail, in two
more lists of theirs, stays for as long as calls, tokens or a code of it can be left, so that these can be erased.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import Struct

from chalicelib.identity.membership import Authority, Member, actor, attest
from chalicelib.identity.permissions import GRANTS, Permission
from chalicelib.identity.projects import ACTIVE
from chalicelib.identity.roles import RoleRefused
from chalicelib.ids import GrantId, OrgId, ProjectId, UserId
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor, Fact
from chalicelib.storage.changes import Change, Fields, absent, commit, present, when
from chalicelib.storage.items import Item, item, items, several
from chalicelib.storage.tables import keys

ClientKind = Literal["registered", "document", "self-registered"]

DAY: Final = 86_400
IDLE_SECONDS: Final = 30 * DAY
"""How long a connection lasts that is not refreshed."""
LIFETIME_SECONDS: Final = 90 * DAY
"""How long any lasts."""

ID_BYTES: Final = 12
LIMIT: Final = 120
"""Requests a minute, where nobody said otherwise."""
MOST_LIMIT: Final = 1_000
TRAIL_SECONDS: Final = 31 * DAY
"""How long a trail stays after its grant's last day: longer than its calls are kept, and its code."""


class GrantUnknown(Exception):
    """There is no such connection, or not any more."""

    def __init__(self) -> None:
        super().__init__("The connection is not there any more.")


class GrantIdTaken(Exception):
    """One chance in 10^28: trying again helps."""


class Grant(Struct, frozen=True, kw_only=True):
    """A connection as it was when it was read. Times are in seconds since the epoch."""

    id: GrantId
    org: OrgId
    project: ProjectId
    user: UserId
    """Who allowed it."""
    membership: bytes
    """By which they were a member then."""
    client_id: str
    client_name: str
    client_host: str
    """What proves who the client is; empty where it only says so itself."""
    client_kind: ClientKind
    redirect_host: str
    scope: frozenset[str]
    created_at: int
    expires_at: int
    """When it ends in any case."""
    idle_at: int
    """When it ends unless it is refreshed before."""
    generation: int
    """Of the refresh token that works."""
    code: bytes = b""
    """The id of the code that it came from."""
    limit: int = LIMIT
    """Requests a minute."""
    last_used_at: int | None = None
    """To the hour."""

    def lasts(self, now: int) -> bool:
        return now < min(self.expires_at, self.idle_at)


class Family(Struct, frozen=True, kw_only=True):
    """A grant, and by what its refresh token is known. Nothing of that can be shown or presented."""

    grant: Grant
    digest: bytes
    """SHA-256 of the refresh token that works."""
    salt: bytes
    rotated_at: int
    """When that token was made."""
    resource: str
    """What was asked for: a refresh may name nothing else."""

    def __repr__(self) -> str:
        return f"Family({self.grant.id.hex()})"


def grant_by_id(grant: GrantId, *, now: int, deadline: float | None = None) -> Grant | None:
    """The grant as it is now; None if it ended. Whether its membership did is not asked. Raises `StoreUnavailable`."""
    found = family_by_id(grant, now=now, deadline=deadline)
    return found.grant if found else None


def family_by_id(grant: GrantId, *, now: int, deadline: float | None = None) -> Family | None:
    """As `grant_by_id`."""
    stored = item(keys.GRANTS, keys.grant_partition(grant), keys.ONLY, deadline=deadline)
    found = _family(stored) if stored else None
    return found if found and found.grant.lasts(now) else None


def grants_of_project(
    org: OrgId, project: ProjectId, *, now: int, deadline: float | None = None
) -> list[Grant]:  # fmt: skip
    """Those that work, the newest first. Raises `StoreUnavailable`."""
    twins = items(keys.GRANTS, keys.project_grants_partition(org, project), deadline=deadline)
    return _of_members(_listed(twins, now=now, deadline=deadline), deadline=deadline)


def grants_of_person(user: UserId, *, now: int, deadline: float | None = None) -> list[Grant]:
    """Those that somebody allowed and that work, in all their organisations. Raises `StoreUnavailable`."""
    twins = items(keys.GRANTS, keys.person_grants_partition(user), deadline=deadline)
    return _of_members(_listed(twins, now=now, deadline=deadline), deadline=deadline)


def grants_made_by(org: OrgId, user: UserId, *, now: int, deadline: float | None = None) -> list[Grant]:
    """Those of an organisation that somebody allowed, who need not be a member any more. Raises `StoreUnavailable`."""
    twins = items(keys.GRANTS, keys.person_grants_partition(user), org, deadline=deadline)
    return _listed(twins, now=now, deadline=deadline)


def add_grant(change: Change, family: Family, *, at: int) -> None:
    """Adds a grant with its twins. Who calls this makes sure that it may be (`check_standing`)."""
    grant = family.grant
    by_id, *twins = _places(grant)
    led: Fields = {"grant": grant.id, "t": grant.expires_at}
    change.put(keys.GRANTS, *by_id, _stored(family), absent(GrantIdTaken()))
    for twin in twins:
        change.put(keys.GRANTS, *twin, led)
    trail: Fields = {
        "grant": grant.id, "org": grant.org, "project": grant.project, "user": grant.user, "code": grant.code,
        "t": grant.expires_at + TRAIL_SECONDS,
    }  # fmt: skip
    for place in trail_places(grant):
        change.put(keys.GRANTS, *place, trail)
    audit.record(
        change, grant.org, actor=audit.person(grant.user), action="grant.create", target=grant.id.hex(), at=at,
        after=_known(grant),
    )  # fmt: skip


class Allowed(Protocol):
    """Whatever somebody, by a membership, allowed for a project: a grant, or what is to become one."""

    @property
    def org(self) -> OrgId: ...
    @property
    def project(self) -> ProjectId: ...
    @property
    def user(self) -> UserId: ...
    @property
    def membership(self) -> bytes: ...


def check_standing(change: Change, allowed: Allowed, otherwise: Exception) -> None:
    """Makes the change happen only while who allowed it is the member that they were, and the project lives."""
    org = keys.org_partition(allowed.org)
    member = when("#membership = :membership", otherwise, membership=allowed.membership)
    change.check(keys.TENANTS, org, keys.member_sort(allowed.user), member)
    lives = when("#state = :active", otherwise, active=ACTIVE)
    change.check(keys.TENANTS, org, keys.project_sort(allowed.project), lives)


def check_grant(change: Change, grant: GrantId, otherwise: Exception) -> None:
    """Makes the change happen only while the grant is there."""
    change.check(keys.GRANTS, keys.grant_partition(grant), keys.ONLY, present(otherwise))


def add_revocation(change: Change, grant: Grant, *, by: Actor, at: int, why: str = "") -> None:
    """Adds the end of a grant, and with it of all its tokens. Committing raises `GrantUnknown`.

    The code that it came from goes too: it was kept so that a second use would end the grant.
    """
    by_id, *twins = _places(grant)
    change.delete(keys.GRANTS, *by_id, present(GrantUnknown()))
    for twin in twins:
        change.delete(keys.GRANTS, *twin)
    change.delete(keys.TOKENS, keys.code_partition(grant.code), keys.ONLY)
    after = {"why": why} if why else None
    audit.record(
        change, grant.org, actor=by, action="grant.revoke", target=grant.id.hex(), at=at, before=_known(grant),
        after=after,
    )  # fmt: skip


def revoke_grant(grant: GrantId, *, by: Authority, now: int, deadline: float | None = None) -> None:
    """Ends a grant from the next request on: one's own, or, for those who may revoke keys, anybody's.

    Raises `GrantUnknown`, `RoleRefused`, `AuthorityLost` and `StoreUnavailable`.
    """
    found = _needed(grant, by, now=now, deadline=deadline)
    if isinstance(by, Member) and found.user != by.user and Permission.KEYS_WRITE not in GRANTS[by.role]:
        raise RoleRefused(by.role, "end the connection of somebody else")
    change = Change()
    attest(change, by)
    add_revocation(change, found, by=actor(by), at=now)
    commit(change, deadline=deadline)


def end_grant(grant: Grant, *, by: Actor, why: str, now: int, deadline: float | None = None) -> None:
    """Ends a grant in nobody's power: because its own tokens say so. One that ended already is no error.

    Raises `StoreUnavailable`.
    """
    change = Change()
    add_revocation(change, grant, by=by, at=now, why=why)
    try:
        commit(change, deadline=deadline)
    except GrantUnknown:
        return


def set_limit(grant: GrantId, limit: int, *, by: Authority, now: int, deadline: float | None = None) -> None:
    """Says how many requests a minute it may make: 1 to 1,000. Who may is decided by `keys:write`, at the door.

    Raises `GrantUnknown`, `AuthorityLost` and `StoreUnavailable`.
    """
    assert 1 <= limit <= MOST_LIMIT, "a limit is from 1 to 1,000 requests a minute"
    found = _needed(grant, by, now=now, deadline=deadline)
    change = Change()
    attest(change, by)
    change.update(keys.GRANTS, keys.grant_partition(grant), keys.ONLY, {"limit": limit}, present(GrantUnknown()))
    audit.record(
        change, found.org, actor=actor(by), action="grant.limit", target=grant.hex(), at=now,
        before={"limit": found.limit}, after={"limit": limit},
    )  # fmt: skip
    commit(change, deadline=deadline)


def _needed(grant: GrantId, by: Authority, *, now: int, deadline: float | None) -> Grant:
    """The grant, if it is of the organisation in whose power something is done to it."""
    found = grant_by_id(grant, now=now, deadline=deadline)
    if found is None or (isinstance(by, Member) and found.org != by.org):
        raise GrantUnknown
    return found


def _listed(twins: Iterable[Item], *, now: int, deadline: float | None) -> list[Grant]:
    places = [(keys.grant_partition(GrantId(twin["grant"].binary)), keys.ONLY) for twin in twins]
    found = (_family(row).grant for row in several(keys.GRANTS, places, deadline=deadline).values())
    return sorted((each for each in found if each.lasts(now)), key=lambda each: (-each.created_at, each.id))


def _of_members(found: list[Grant], *, deadline: float | None) -> list[Grant]:
    """Those whose membership is still the one by which they were allowed."""
    places = {each.id: (keys.org_partition(each.org), keys.member_sort(each.user)) for each in found}
    members = several(keys.TENANTS, list(dict.fromkeys(places.values())), deadline=deadline)
    standing = {place: row["membership"].binary for place, row in members.items()}
    return [each for each in found if standing.get(places[each.id]) == each.membership]


def _places(grant: Grant) -> tuple[tuple[bytes, bytes], ...]:
    """Of the grant by its id, and of its twins."""
    return (
        (keys.grant_partition(grant.id), keys.ONLY),
        (keys.project_grants_partition(grant.org, grant.project), keys.project_grant_sort(grant.id)),
        (keys.person_grants_partition(grant.user), keys.person_grant_sort(grant.org, grant.project, grant.id)),
    )


def trail_places(grant: Grant) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Where the project's list has the trail, and the person's."""
    of_project = keys.project_trail_partition(grant.org, grant.project)
    sort = keys.trail_sort(grant.id)
    return (of_project, sort), (keys.person_trail_partition(grant.user), sort)


def _known(grant: Grant) -> dict[str, Fact]:
    """What the audit log may say of it."""
    return {
        "client": grant.client_id, "name": grant.client_name, "project": grant.project.hex(),
        "user": grant.user.hex(), "scope": " ".join(sorted(grant.scope)),
    }  # fmt: skip


_TEXTS: Final = ("client_id", "client_name", "client_host", "client_kind", "redirect_host")
_BYTES: Final = ("org", "project", "user", "membership", "code")
_NUMBERS: Final = ("created_at", "expires_at", "idle_at", "generation", "limit")


def _stored(family: Family) -> dict[str, Any]:
    grant = family.grant
    return {name: getattr(grant, name) for name in (*_TEXTS, *_BYTES, *_NUMBERS)} | {
        "grant": grant.id, "scope": " ".join(sorted(grant.scope)), "digest": family.digest, "salt": family.salt,
        "rotated_at": family.rotated_at, "resource": family.resource, "t": grant.idle_at,
    }  # fmt: skip


def _family(row: Item) -> Family:
    plain: dict[str, Any] = {name: row[name].text for name in _TEXTS}
    plain |= {name: row[name].binary for name in _BYTES}
    plain |= {name: row[name].number for name in _NUMBERS}
    plain |= {
        "id": row["grant"].binary, "scope": row["scope"].text.split(),
        "last_used_at": row["last_used_at"].number if "last_used_at" in row else None,
    }  # fmt: skip
    return Family(
        grant=msgspec.convert(plain, Grant), digest=row["digest"].binary, salt=row["salt"].binary,
        rotated_at=row["rotated_at"].number, resource=row["resource"].text,
    )  # fmt: skip

"""The keys of a project: made, listed, rotated, revoked. A key and its twin in the list change together.

create ────── works ──────┬─ rotate: the new key works beside the old one until the overlap ends
                          ├─ expires: refused from that second on
                          ├─ revoke: refused from the next request on
                          └─ query keys: refused as soon as their maker's membership ends, since they know the text
"""

from typing import Final

from msgspec import Struct

from chalicelib.identity.api_keys import Kind, NewKey, kind_of, new_key, prefix
from chalicelib.identity.membership import Authority, Member, actor, attest
from chalicelib.identity.names import checked_name
from chalicelib.identity.projects import ACTIVE
from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage import audit
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, absent, commit, present, when
from chalicelib.storage.items import LISTED_LONGER_SECONDS, item, items, several
from chalicelib.storage.items import Item as StoredItem
from chalicelib.storage.tables import keys

DAY: Final = 86_400
MOST_KEYS: Final = 100
"""Of one project. More would be somebody's program that forgot to revoke."""

LONGEST_OVERLAP: Final = 30 * DAY
"""Seconds for which a key may go on beside the one that replaces it."""


class KeyUnknown(Exception):
    """The project has no key of this id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id!r}")


class KeyIdTaken(Exception):
    """One chance in 10^14: trying again helps."""


class ProjectGone(Exception):
    """The project is not there any more."""

    def __init__(self) -> None:
        super().__init__("The project is not there any more.")


class TooManyKeys(Exception):
    def __init__(self) -> None:
        super().__init__(f"A project has at most {MOST_KEYS} keys. Revoke one that is not needed.")


class ListedKey(Struct, frozen=True):
    """What may be shown of a key. Times are in seconds since the epoch."""

    key_id: str
    kind: Kind
    org: OrgId
    project: ProjectId
    label: str
    created_at: int
    created_by: UserId | None
    """Who made it or took it over; None if that was an operator, or nobody who is still here."""
    flagged: bool
    """Whether somebody knows its text who has left: time to rotate it."""
    last_used_at: int | None
    """To the hour."""
    expires_at: int | None

    @property
    def prefix(self) -> str:
        """Where its text begins: kind and id."""
        return prefix(self.kind, self.key_id)


def create_key(
    org: OrgId,
    project: ProjectId,
    kind: Kind,
    *,
    by: Authority,
    label: str,
    now: int,
    lifetime_days: int | None = None,
    deadline: float | None = None,
) -> NewKey:
    """A new key for the project. Its text is never shown again.

    Raises `NameRefused`, `TooManyKeys`, `ProjectGone`, `AuthorityLost` and `StoreUnavailable`.
    """
    if len(_twins(org, keys.project_key_sort(project), deadline=deadline)) >= MOST_KEYS:
        raise TooManyKeys
    change = Change()
    attest(change, by)
    check_project(change, org, project)
    key = add_key(change, org, project, kind, by=by, label=label, at=now, expires_at=_end(now, lifetime_days))
    commit(change, deadline=deadline)
    return key


def add_key(
    change: Change,
    org: OrgId,
    project: ProjectId,
    kind: Kind,
    *,
    by: Authority,
    label: str,
    at: int,
    expires_at: int | None = None,
) -> NewKey:
    """Adds a key to a change that makes sure of its author and its project. Raises `NameRefused`."""
    key = new_key(kind)
    known = _put(change, key, org, project, by=by, label=label, at=at, expires_at=expires_at)
    audit.record(change, org, actor=actor(by), action="key.create", target=key.key_id, at=at, after=known)
    return key


def rotate_key(
    key: ListedKey,
    *,
    by: Authority,
    overlap_seconds: int,
    now: int,
    lifetime_days: int | None = None,
    deadline: float | None = None,
) -> NewKey:
    """A new key of the same kind and label, beside which the old one works for the overlap, and not after.

    Raises `KeyUnknown` for a key that does not work any more, and else as `create_key` does.
    """
    assert 0 <= overlap_seconds <= LONGEST_OVERLAP, "the overlap is from nothing to a month"
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyUnknown(key.key_id)
    change = Change()
    attest(change, by)
    check_project(change, key.org, key.project)
    ends_at = min(now + overlap_seconds, key.expires_at or now + overlap_seconds)
    for place, end in zip(_places(key), (ends_at, ends_at + LISTED_LONGER_SECONDS), strict=True):
        change.update(keys.KEYS, *place, {"expires_at": end}, present(KeyUnknown(key.key_id)))
    made, expires_at = new_key(key.kind), _end(now, lifetime_days)
    known = _put(change, made, key.org, key.project, by=by, label=key.label, at=now, expires_at=expires_at)
    audit.record(
        change, key.org, actor=actor(by), action="key.rotate", target=made.key_id, at=now,
        after={**known, "beside": key.key_id, "which_ends_at": ends_at},
    )  # fmt: skip
    commit(change, deadline=deadline)
    return made


def relabel_key(key: ListedKey, *, by: Authority, label: str, now: int, deadline: float | None = None) -> None:
    """Raises `NameRefused`, `KeyUnknown`, `AuthorityLost` and `StoreUnavailable`."""
    named = label and checked_name(label, "a label")
    change = Change()
    attest(change, by)
    by_id, _ = _places(key)
    change.update(keys.KEYS, *by_id, {"label": named}, present(KeyUnknown(key.key_id)))
    audit.record(
        change, key.org, actor=actor(by), action="key.label", target=key.key_id, at=now,
        before={"label": key.label}, after={"label": named},
    )  # fmt: skip
    commit(change, deadline=deadline)


def revoke_key(key: ListedKey, *, by: Authority, now: int, deadline: float | None = None) -> None:
    """Ends the key, from the next request on. Raises `KeyUnknown`, `AuthorityLost` and `StoreUnavailable`."""
    change = Change()
    attest(change, by)
    add_revocation(change, key, by=actor(by), at=now)
    commit(change, deadline=deadline)


def add_revocation(change: Change, key: ListedKey, *, by: Actor, at: int) -> None:
    """Adds the end of a key. Committing raises `KeyUnknown`."""
    by_id, twin = _places(key)
    change.delete(keys.KEYS, *by_id, present(KeyUnknown(key.key_id)))
    change.delete(keys.KEYS, *twin)
    known = {"kind": key.kind, "label": key.label, "project": key.project.hex()}
    audit.record(change, key.org, actor=by, action="key.revoke", target=key.key_id, at=at, before=known)


def add_takeover(change: Change, key: ListedKey, *, heir: UserId | None, by: Actor, at: int) -> None:
    """Adds that a key of somebody who leaves is another's from now on, and flagged. Committing raises `KeyUnknown`."""
    by_id, _ = _places(key)
    change.update(keys.KEYS, *by_id, {"user": heir, "flagged": True}, present(KeyUnknown(key.key_id)))
    audit.record(
        change, key.org, actor=by, action="key.flag", target=key.key_id, at=at,
        before={"created_by": key.created_by.hex() if key.created_by else None},
        after={"created_by": heir.hex() if heir else None},
    )  # fmt: skip


def keys_of(org: OrgId, project: ProjectId, *, deadline: float | None = None) -> list[ListedKey]:
    """The project's keys, the newest first. Raises `StoreUnavailable`."""
    return _listed(_twins(org, keys.project_key_sort(project), deadline=deadline), deadline=deadline)


def count_in(org: OrgId, *, deadline: float | None = None) -> int:
    """How many keys all of an organisation's projects have. Raises `StoreUnavailable`."""
    return len(_twins(org, deadline=deadline))


def keys_made_by(org: OrgId, user: UserId, *, deadline: float | None = None) -> list[ListedKey]:
    """The keys in all of an organisation's projects that are somebody's. Raises `StoreUnavailable`."""
    return [key for key in _listed(_twins(org, deadline=deadline), deadline=deadline) if key.created_by == user]


def key_by_id(key_id: str, *, deadline: float | None = None) -> ListedKey:
    """The key, whosever it is: who asks for somebody compares `org` and `project`. Raises `KeyUnknown`."""
    stored = item(keys.KEYS, keys.key_partition(key_id), keys.ONLY, deadline=deadline)
    if stored is None:
        raise KeyUnknown(key_id)
    return _key(stored)


def _put(
    change: Change,
    key: NewKey,
    org: OrgId,
    project: ProjectId,
    *,
    by: Authority,
    label: str,
    at: int,
    expires_at: int | None,
) -> dict[str, str | int | None]:
    """Adds the key by its id, which alone has the digest, and its twin. Answers what the audit log may say of it."""
    named = label and checked_name(label, "a label")
    maker = by if isinstance(by, Member) else None
    listed_until = expires_at + LISTED_LONGER_SECONDS if expires_at else None
    twin = {"org": org, "project": project, "key_id": key.key_id, "expires_at": listed_until}
    whole = twin | {
        "expires_at": expires_at, "kind": key.kind, "digest": key.digest, "label": named, "created_at": at,
        "flagged": False,
        "user": maker.user if maker else None, "membership": maker.membership if maker else None,
    }  # fmt: skip
    change.put(keys.KEYS, keys.key_partition(key.key_id), keys.ONLY, whole, absent(KeyIdTaken()))
    change.put(keys.KEYS, keys.org_keys_partition(org), keys.project_key_sort(project, key.key_id), twin)
    return {"kind": key.kind, "label": named, "project": project.hex(), "expires_at": expires_at}


def _twins(org: OrgId, begin: bytes = b"", *, deadline: float | None) -> list[StoredItem]:
    return items(keys.KEYS, keys.org_keys_partition(org), begin, deadline=deadline)


def _listed(twins: list[StoredItem], *, deadline: float | None) -> list[ListedKey]:
    places = [(keys.key_partition(twin["key_id"].text), keys.ONLY) for twin in twins]
    found = several(keys.KEYS, places, deadline=deadline)
    return sorted(map(_key, found.values()), key=lambda key: (-key.created_at, key.key_id))


def _key(stored: StoredItem) -> ListedKey:
    return ListedKey(
        key_id=stored["key_id"].text,
        kind=kind_of(stored["kind"].text),
        org=OrgId(stored["org"].binary),
        project=ProjectId(stored["project"].binary),
        label=stored["label"].text,
        created_at=stored["created_at"].number,
        created_by=UserId(stored["user"].binary) if "user" in stored else None,
        flagged=bool(stored["flagged"].BOOL),
        last_used_at=stored["last_used_at"].number if "last_used_at" in stored else None,
        expires_at=stored["expires_at"].number if "expires_at" in stored else None,
    )


def _places(key: ListedKey) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Of the key by its id, and of its twin."""
    by_id = keys.key_partition(key.key_id), keys.ONLY
    return by_id, (keys.org_keys_partition(key.org), keys.project_key_sort(key.project, key.key_id))


def check_project(change: Change, org: OrgId, project: ProjectId) -> None:
    """Makes the change happen only while the project lives. Committing raises `ProjectGone`."""
    lives = when("#state = :active", ProjectGone(), active=ACTIVE)
    change.check(keys.TENANTS, keys.org_partition(org), keys.project_sort(project), lives)


def _end(now: int, lifetime_days: int | None) -> int | None:
    return now + lifetime_days * DAY if lifetime_days else None

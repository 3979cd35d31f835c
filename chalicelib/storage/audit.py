"""The audit log: who changed what, when, from what to what. Written with the change itself, then never touched again,
but when a project is erased: then who, when, what and which stay of what was said of it (`storage.forgetting`).

An organisation has a log, and so has every person (sign-ins, a new password). People are named by their ids, so that an
entry says nothing of somebody whose account was erased. No secret and no hash of one may stand in an entry.
"""

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from chalicelib.ids import OrgId, UserId
from chalicelib.storage import cursors, dynamodb
from chalicelib.storage.changes import Change
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.items import Item
from chalicelib.storage.tables import keys

Fact = str | int | bool | None
"""What an entry may say of something. None is what was not there."""

KEPT_SECONDS: Final = 730 * 86_400
"""Two years: longer than any window, since an audit asks about what is long past; and not for ever (ASVS 14.2.7)."""
CHANCE_BYTES: Final = 4
MOST_EXAMINED: Final = 1_000
"""Entries that one search looks at before it gives a cursor to go on with."""


class Actor(Struct, frozen=True):
    """Who did it. The id of a person or of a key is their id in hex or base62; the others have none."""

    kind: Literal["person", "key", "operator", "system"]
    id: str = ""


OPERATOR: Final = Actor("operator")
"""Somebody at a shell of the deployment."""

SYSTEM: Final = Actor("system")


def person(user: UserId) -> Actor:
    return Actor("person", user.hex())


def record(
    change: Change,
    log: OrgId,
    *,
    actor: Actor,
    action: str,
    target: str,
    at: int,
    before: Mapping[str, Fact] | None = None,
    after: Mapping[str, Fact] | None = None,
) -> None:
    """Adds the entry to a change of the organisation. `action` is `noun.verb`; `at` is in seconds."""
    place = keys.org_audit_partition(log)
    _put(change, place, {"org": log}, _Facts(actor, action, target, at, before or {}, after or {}))


def record_personal(
    change: Change,
    log: UserId,
    *,
    actor: Actor,
    action: str,
    at: int,
    before: Mapping[str, Fact] | None = None,
    after: Mapping[str, Fact] | None = None,
) -> None:
    """Adds the entry to a change of the person's own account."""
    place = keys.person_audit_partition(log)
    _put(change, place, {"user": log}, _Facts(actor, action, log.hex(), at, before or {}, after or {}))


class _Facts(Struct, frozen=True):
    actor: Actor
    action: str
    target: str
    at: int
    before: Mapping[str, Fact]
    after: Mapping[str, Fact]


def _put(change: Change, partition: bytes, owner: Mapping[str, bytes], facts: _Facts) -> None:
    fields = {
        **owner, "at": facts.at, "actor_kind": facts.actor.kind, "actor": facts.actor.id,
        "action": facts.action, "target": facts.target, "before": facts.before, "after": facts.after,
        "t": facts.at + KEPT_SECONDS,
    }  # fmt: skip
    # Entries of one second stand in the order in which they were written, as far as clocks agree.
    written = time.time_ns().to_bytes(8, "big") + secrets.token_bytes(CHANCE_BYTES)
    change.put(keys.AUDIT, partition, keys.audit_sort(facts.at, written), fields)


class Entry(Struct, frozen=True):
    """Something that happened at a second. `before` and `after` hold only what changed."""

    id: str
    at: int
    actor: Actor
    action: str
    target: str
    before: dict[str, Fact]
    after: dict[str, Fact]


class Entries(Struct, frozen=True):
    """Newest first. With a cursor there may be more, also where this page is short or empty."""

    data: list[Entry]
    next_cursor: str | None


class Filter(Struct, frozen=True, kw_only=True):
    """Which entries: of an actor (by id), of an action (`key.create`, or `key` for all of them), from `since` to before
    `until`, in seconds."""

    actor: str = ""
    action: str = ""
    target: str = ""
    since: int = 0
    until: int = 1 << 39

    def holds(self, entry: Entry) -> bool:
        return (
            self.actor in ("", entry.actor.id, entry.actor.kind)
            and self.target in ("", entry.target)
            and (self.action in ("", entry.action) or entry.action.startswith(f"{self.action}."))
        )


def search(
    org: OrgId, wanted: Filter, *, limit: int = 50, cursor: str | None = None, deadline: float | None = None
) -> Entries:
    """The organisation's entries of the last two years. Raises `CursorRefused` and `StoreUnavailable`."""
    return _search(keys.org_audit_partition(org), wanted, limit=limit, cursor=cursor, deadline=deadline)


def search_personal(
    user: UserId, wanted: Filter, *, limit: int = 50, cursor: str | None = None, deadline: float | None = None
) -> Entries:
    """The entries of the person's own account. Raises as `search` does."""
    return _search(keys.person_audit_partition(user), wanted, limit=limit, cursor=cursor, deadline=deadline)


def _search(partition: bytes, wanted: Filter, *, limit: int, cursor: str | None, deadline: float | None) -> Entries:
    question = partition + msgspec.json.encode(wanted)
    before = cursors.unseal(question, cursor) if cursor else keys.audit_sort(_second(wanted.until))
    after = keys.audit_sort(_second(max(wanted.since, int(time.time()) - KEPT_SECONDS)))
    if after > before:
        return Entries([], None)
    request = {
        "TableName": dynamodb.table(keys.AUDIT),
        "KeyConditionExpression": "p = :p AND s BETWEEN :from AND :to",
        "ExpressionAttributeValues": {
            ":p": {"B": partition},
            ":from": {"B": after},
            ":to": {"B": before},
        },
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": MOST_EXAMINED,
    }
    answer = dynamodb.call("Query", request, deadline=deadline)
    found: list[Entry] = []
    for row in answer.items:
        if row["s"].binary == before:
            continue  # the last entry of the page before
        entry = _entry(row)
        if wanted.holds(entry):
            found.append(entry)
        if len(found) == limit:
            return Entries(found, cursors.seal(question, row["s"].binary))
    more = cursors.seal(question, answer.items[-1]["s"].binary) if answer.last_evaluated_key else None
    return Entries(found, more)


def _second(at: int) -> int:
    """The second as far as a sort key can hold it."""
    return min(max(at, 0), (1 << 40) - 1)


def _entry(row: Item) -> Entry:
    return Entry(
        id=row["s"].binary.hex(),
        at=row["at"].number,
        actor=Actor(KINDS[row["actor_kind"].text], row["actor"].text),
        action=row["action"].text,
        target=row["target"].text,
        before=facts_of(row["before"]),
        after=facts_of(row["after"]),
    )


KINDS: Final[Mapping[str, Any]] = {kind: kind for kind in ("person", "key", "operator", "system")}
"""As an item names them."""


def facts_of(stored: Value) -> dict[str, Fact]:
    """What an entry says on one side, before or after."""
    return {name: _fact(value) for name, value in (stored.M or {}).items()}


def _fact(value: Value) -> Fact:
    if value.BOOL is not None:
        return value.BOOL
    return value.number if value.N is not None else value.text

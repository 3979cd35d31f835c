"""Deleting for good what a project has stored: all of it, or what lies behind its window.

    oldest ────────────── behind ─────────── horizon ──────────── now ────────── ahead
    │ whole hours: deleted │ left to TTL for   │ visible                          │ notes of batches that
    │ partition by partition│ two days: free   │                                  │ were too far ahead
    │                                                                             │
    └── erasing a whole project goes over everything, from the oldest to what may stand ahead ──────────┘

Nothing here trusts what is derived: every partition that an event may be in is asked, hour by hour and shard by shard.
DynamoDB deletes what expires for nothing, and a deletion costs what a write does; so what ages out is left to it for
`LEFT_TO_TTL_MS`, and what is found behind that is deleted. Where it does not expire by itself, or a window was
shortened, nothing is left to it.

An hour is deleted when all of it is behind: no reader of now can see any of its rows, and one that began a moment ago
takes a detail that is gone for a row that expired. Doing any of it again, or twice at once, does no harm.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, pattern_templates, register
from chalicelib.events.store.deploy_recording import marked_at
from chalicelib.events.store.receipt import Receipt
from chalicelib.ids import DAY_MS, HOUR_MS, BatchId, Slot, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.items import Item
from chalicelib.storage.tables import keys
from chalicelib.storage.threads import Threads
from chalicelib.storage.writes import delete_all

EARLIEST_MS: Final = 946_684_800_000
"""The year 2000: no event is older (`events.decode`)."""
AHEAD_MS: Final = HOUR_MS
LEFT_TO_TTL_MS: Final = 2 * DAY_MS + 10_000_000
"""DynamoDB deletes within two days, and expiry is rounded up by up to 10,000 seconds (`store.put`)."""
DERIVED_LONGER_MS: Final = 3 * DAY_MS
"""How much longer than events what is derived from them lives."""
AT_ONCE: Final = 64
"""Hours between two looks at the clock."""
THREADS: Final = 8

Deleted = Counter[str]
"""By kind of item, how many."""

Row = Item


class Stay(Struct, frozen=True):
    """Until when what a project has stored may stay, in milliseconds."""

    horizon: int
    """What is older is not shown to anybody."""
    left_to_ttl: int
    """How much longer DynamoDB is left to delete it."""

    @property
    def behind(self) -> int:
        """What is older is deleted."""
        return self.horizon - self.left_to_ttl

    @property
    def whole_hours_behind(self) -> int:
        """What is older is gone after a purge: events are deleted by whole hours."""
        return slot_of(self.behind) * HOUR_MS

    @property
    def derived_behind(self) -> int:
        """The same for what is derived, which DynamoDB deletes later; where it is not left to it, there is no later."""
        return self.behind - (DERIVED_LONGER_MS if self.left_to_ttl else 0)


def everything(scope: Scope, *, oldest_ms: int, widest_ms: int, now_ms: int) -> range:
    """The hours that anything of the project may be in, whatever its window was: as slots."""
    return range(oldest_slot(oldest_ms), slot_of(now_ms + max(widest_ms, scope.retention_ms) + AHEAD_MS) + 1)


def oldest_slot(oldest_ms: int) -> Slot:
    return slot_of(max(oldest_ms, EARLIEST_MS))


def empty_hours(
    scope: Scope, slots: range, *, deadline: float, is_over: Callable[[], bool] = lambda: False
) -> tuple[Deleted, Slot]:
    """Deletes all that these hours hold, until it is over. Answers what it deleted, and the first hour that it left.

    Raises `StoreUnavailable`; then any of them may be empty or not.
    """
    deleted: Deleted = Counter()
    reached = slots.start
    with Threads(THREADS) as pool:
        while reached < slots.stop and not is_over():
            some = range(reached, min(reached + AT_ONCE, slots.stop))
            for found in pool.map(lambda place: _empty(place, _kind_of_block, deadline), _partitions(scope, some)):
                deleted += found
            reached = some.stop
    return deleted, Slot(reached)


def empty_derived(scope: Scope, *, deadline: float) -> Deleted:
    """Deletes all else of the project: receipts of batches, dictionaries, counts, patterns, deploys, usage, work.

    Raises `StoreUnavailable`.
    """
    dictionaries.forget(scope.project)
    partitions: list[tuple[bytes, Callable[[bytes], str]]] = [
        *((each, lambda _: "receipts of batches") for each in _receipt_partitions(scope)),
        (keys.dictionary_partition(scope.org, scope.project), lambda _: "dictionaries"),
        (keys.index_partition(scope.org, scope.project), _kind_of_derived),
        (keys.usage_partition(scope.org, scope.project), lambda _: "usage counters"),
    ]
    deleted: Deleted = Counter()
    for partition, kind_of in partitions:
        deleted += _empty(partition, kind_of, deadline)
    for work in register.noted_work(keys.work_number(scope.project), deadline=deadline):
        if (work.org, work.project) == (scope.org, scope.project):
            register.strike(work, deadline=deadline)
            deleted["notes of work"] += 1
    return deleted


def empty_derived_behind(scope: Scope, stay: Stay, *, now_ms: int, deadline: float) -> Deleted:
    """Deletes what is derived from events that may not stay. Raises `StoreUnavailable`."""
    deleted: Deleted = Counter()
    index = keys.index_partition(scope.org, scope.project)
    for low, high, kind in _timed_ranges(stay):
        deleted[kind] += _delete(index, _between(index, low, high, deadline), deadline)
    for prefix, kind, is_past in _dated(stay):
        rows = _begins(index, prefix, deadline)
        deleted[kind] += _delete(index, (row for row in rows if is_past(row)), deadline)
    deleted["pattern texts"] += pattern_templates.forget(scope, oldest=stay.derived_behind, deadline=deadline)
    usage = keys.usage_partition(scope.org, scope.project)
    low, high = keys.usage_range(0, stay.derived_behind // DAY_MS - 1)
    deleted["usage counters"] += _delete(usage, _between(usage, low, high, deadline), deadline)
    deleted += _empty_receipts_behind(scope, stay, now_ms=now_ms, deadline=deadline)
    deleted += _empty_dictionaries_behind(scope, stay, now_ms=now_ms, deadline=deadline)
    return +deleted


def purged_until(scope: Scope, *, deadline: float) -> Slot | None:
    """The first hour that no purge has emptied yet; None before the first. Raises `StoreUnavailable`."""
    place = {"p": {"B": keys.index_partition(scope.org, scope.project)}, "s": {"B": keys.PURGED}}
    request = {"TableName": dynamodb.table(keys.EVENTS), "Key": place, "ConsistentRead": True}
    row = dynamodb.call("GetItem", request, deadline=deadline).item
    return Slot(row["d"].number) if row else None


def note_purged_until(scope: Scope, slot: Slot, *, deadline: float) -> None:
    """Raises `StoreUnavailable`."""
    place = {"p": {"B": keys.index_partition(scope.org, scope.project)}, "s": {"B": keys.PURGED}}
    request = {"TableName": dynamodb.table(keys.EVENTS), "Item": place | {"d": {"N": str(slot)}}}
    dynamodb.call("PutItem", request, deadline=deadline)


# --- what stands where ------------------------------------------------------------------------------------------------


def _partitions(scope: Scope, slots: Iterable[int]) -> Iterator[bytes]:
    for slot in slots:
        for shard in range(scope.shard_count(Slot(slot))):
            yield keys.slot_partition(scope.org, scope.project, Slot(slot), shard)


def _receipt_partitions(scope: Scope) -> list[bytes]:
    numbers = (BatchId(bytes((number,))) for number in range(keys.RECEIPT_PARTITIONS))
    return [keys.receipt_partition(scope.org, scope.project, number) for number in numbers]


def _kind_of_block(sort: bytes) -> str:
    return {keys.BLOCK: "blocks", keys.DETAIL: "details", keys.MERGED: "merged blocks"}[sort[:1]]


_DERIVED: Final = {
    b"h": "hours of the index", b"p": "hours of patterns", keys.PATTERN_TEMPLATES: "pattern texts",
    keys.PATTERN_STATE: "states of patterns", keys.DEPLOY: "deploys",
}  # fmt: skip
_NOTE: Final = "notes"


def _kind_of_derived(sort: bytes) -> str:
    return _DERIVED.get(sort[:1], _NOTE)


def _timed_ranges(stay: Stay) -> Iterator[tuple[bytes, bytes, str]]:
    """What has its time in its key: the sort keys between which everything is past."""
    last = Slot(slot_of(stay.derived_behind) - 1)  # the newest hour that is wholly behind
    yield keys.index_hour_sort(Slot(0)), keys.index_hour_sort(last), _kind_of_derived(b"h")
    yield keys.pattern_hour_sort(Slot(0)), keys.pattern_hour_sort(last), _kind_of_derived(b"p")
    yield keys.deploy_sort(0), keys.deploy_sort(stay.derived_behind), _kind_of_derived(keys.DEPLOY)


def _dated(stay: Stay) -> Iterator[tuple[bytes, str, Callable[[Row], bool]]]:
    """What has its time inside, or in what it stands for."""
    yield keys.PATTERN_STATE, _kind_of_derived(keys.PATTERN_STATE), lambda row: row["d"].number < stay.derived_behind
    yield keys.DEPLOY_REQUEST, _NOTE, lambda row: marked_at(row) < stay.derived_behind


def _empty_receipts_behind(scope: Scope, stay: Stay, *, now_ms: int, deadline: float) -> Deleted:
    """A receipt makes sure that a batch is stored once for the life of its data, and has no use after it."""

    def is_past(row: Row) -> bool:
        received_at = msgspec.msgpack.decode(row["b"].binary, type=Receipt).received_at
        return received_at < stay.behind or row["t"].number * 1000 < now_ms - stay.left_to_ttl

    deleted = 0
    for partition in _receipt_partitions(scope):
        past = (row for row in _begins(partition, b"", deadline) if is_past(row))
        deleted += _delete(partition, past, deadline)
    return Counter({"receipts of batches": deleted})


def _empty_dictionaries_behind(scope: Scope, stay: Stay, *, now_ms: int, deadline: float) -> Deleted:
    partition = keys.dictionary_partition(scope.org, scope.project)
    rows = _begins(partition, b"", deadline)
    past = (row for row in rows if dictionaries.ends_at(row, scope) < now_ms - stay.left_to_ttl)
    return Counter({"dictionaries": _delete(partition, past, deadline)})


# --- reading keys, deleting items -------------------------------------------------------------------------------------


def _empty(partition: bytes, kind_of: Callable[[bytes], str], deadline: float) -> Deleted:
    request = _query(partition) | {"ProjectionExpression": "s"}
    found = [row["s"].binary for row in dynamodb.query_all(request, deadline=deadline)]
    delete_all(keys.EVENTS, ((partition, sort) for sort in found), deadline=deadline)
    return Counter(map(kind_of, found))


def _delete(partition: bytes, rows: Iterable[Row], deadline: float) -> int:
    return delete_all(keys.EVENTS, ((partition, row["s"].binary) for row in rows), deadline=deadline)


def _between(partition: bytes, low: bytes, high: bytes, deadline: float) -> Iterator[Row]:
    request = _query(partition, " AND s BETWEEN :low AND :high", {":low": {"B": low}, ":high": {"B": high}})
    return dynamodb.query_all(request | {"ProjectionExpression": "s"}, deadline=deadline) if low <= high else iter(())


def _begins(partition: bytes, prefix: bytes, deadline: float) -> Iterator[Row]:
    if not prefix:
        return dynamodb.query_all(_query(partition), deadline=deadline)
    request = _query(partition, " AND begins_with(s, :prefix)", {":prefix": {"B": prefix}})
    return dynamodb.query_all(request, deadline=deadline)


def _query(partition: bytes, condition: str = "", values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p" + condition,
        "ExpressionAttributeValues": {":p": {"B": partition}} | dict(values or {}),
        "ConsistentRead": True,
    }

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
from itertools import islice
from typing import Any, Final

from msgspec import Struct

from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, pattern_templates, register
from chalicelib.events.store.deploy_recording import marked_at
from chalicelib.ids import DAY_MS, HOUR_MS, BatchId, Slot, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import Item
from chalicelib.storage.tables import keys
from chalicelib.storage.threads import Threads
from chalicelib.storage.writes import delete_all

EARLIEST_MS: Final = 946_684_800_000
"""The year 2000: no event is older (`events.decode`)."""
AHEAD_MS: Final = HOUR_MS
CLOCKS_MS: Final = HOUR_MS
"""By how much clocks may differ, and much more."""
LEFT_TO_TTL_MS: Final = 2 * DAY_MS + 10_000_000
"""DynamoDB deletes within two days, and expiry is rounded up by up to 10,000 seconds (`store.put`)."""
DERIVED_LONGER_MS: Final = 3 * DAY_MS
"""How much longer than events what is derived from them lives."""
AT_ONCE: Final = 64
"""Hours that are emptied side by side."""
THREADS: Final = 8

DELETED_AT_ONCE: Final = 500
RECEIPT_LONGER_MS: Final = 3 * DAY_MS

Deleted = Counter[str]
"""By kind of item, how many."""

Removed = Iterator[tuple[str, int]]
"""The same, piece by piece, as it is done."""

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
    return range(
        oldest_slot(oldest_ms - CLOCKS_MS), slot_of(now_ms + max(widest_ms, scope.retention_ms) + AHEAD_MS) + 1
    )


def oldest_slot(oldest_ms: int) -> Slot:
    return slot_of(max(oldest_ms, EARLIEST_MS))


def empty_hours(
    scope: Scope, slots: range, *, deadline: float, still: Callable[[], None] = lambda: None
) -> tuple[Deleted, Slot]:
    """Deletes all that these hours hold. Answers what it deleted, and the first hour that it left, where the deadline
    came before the end.

    `still` is asked between finding something and deleting it, and raises where it may not be deleted any more: what
    is found was there before. Raises `StoreUnavailable` where not even some hours could be emptied.
    """
    deleted: Deleted = Counter()
    reached = slots.start

    def emptied(partition: bytes) -> Deleted:
        return total(_emptied(partition, _kind_of_block, deadline, still))

    with Threads(THREADS) as pool:
        while reached < slots.stop:
            some = range(reached, min(reached + AT_ONCE, slots.stop))
            try:
                for found in pool.map(emptied, _partitions(scope, some)):
                    deleted += found
            except StoreUnavailable:
                if reached == slots.start:
                    raise
                break
            reached = some.stop
    return deleted, Slot(reached)


def empty_derived(scope: Scope, *, deadline: float) -> Removed:
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
    for partition, kind_of in partitions:
        yield from _emptied(partition, kind_of, deadline)
    for work in register.noted_work(keys.work_number(scope.project), deadline=deadline):
        if (work.org, work.project) == (scope.org, scope.project):
            register.strike(work, deadline=deadline)
            yield "notes of work", 1


def empty_derived_behind(scope: Scope, stay: Stay, *, receipts: Iterable[int], deadline: float) -> Removed:
    """Deletes what is derived from events that may not stay. Of the partitions of receipts, only these are looked
    through: there may be as many as there were batches. Raises `StoreUnavailable`.
    """
    index = keys.index_partition(scope.org, scope.project)
    for low, high, kind in _timed_ranges(stay):
        yield from _delete(kind, index, _between(index, low, high, deadline), deadline)
    for prefix, kind, is_past in _dated(stay):
        yield from _delete(kind, index, filter(is_past, _begins(index, prefix, deadline)), deadline)
    yield "pattern texts", pattern_templates.forget(scope, oldest=stay.derived_behind, deadline=deadline)
    usage = keys.usage_partition(scope.org, scope.project)
    low, high = keys.usage_range(0, stay.derived_behind // DAY_MS - 1)
    yield from _delete("usage counters", usage, _between(usage, low, high, deadline), deadline)
    yield from _dictionaries_behind(scope, stay, deadline)
    partitions = _receipt_partitions(scope)
    for number in receipts:
        yield from _receipts_behind(partitions[number], stay, deadline)


def total(removed: Removed) -> Deleted:
    """All of it. Raises what its deletion does."""
    found: Deleted = Counter()
    for kind, count in removed:
        found[kind] += count
    return +found


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


def _receipts_behind(partition: bytes, stay: Stay, deadline: float) -> Removed:
    """A receipt makes sure that a batch is stored once for the life of its data, and has no use after it.

    It expires a window and two days after its newest event, and a window has a day at least: so what expires less than
    three days behind has no event, and no note ahead, that is not behind, whatever the window was then and is now.
    """

    def is_past(row: Row) -> bool:
        return row["t"].number * 1000 - RECEIPT_LONGER_MS < stay.behind

    yield from _delete("receipts of batches", partition, filter(is_past, _begins(partition, b"", deadline)), deadline)


def _dictionaries_behind(scope: Scope, stay: Stay, deadline: float) -> Removed:
    def is_past(row: Row) -> bool:
        return dictionaries.ended_before(row, stay.behind)

    partition = keys.dictionary_partition(scope.org, scope.project)
    yield from _delete("dictionaries", partition, filter(is_past, _begins(partition, b"", deadline)), deadline)


# --- reading keys, deleting items -------------------------------------------------------------------------------------


def _emptied(
    partition: bytes, kind_of: Callable[[bytes], str], deadline: float, still: Callable[[], None] = lambda: None
) -> Removed:
    rows = dynamodb.query_all(_query(partition) | {"ProjectionExpression": "s"}, deadline=deadline)
    while found := [row["s"].binary for row in islice(rows, DELETED_AT_ONCE)]:
        still()
        delete_all(keys.EVENTS, ((partition, sort) for sort in found), deadline=deadline)
        yield from Counter(map(kind_of, found)).items()


def _delete(kind: str, partition: bytes, rows: Iterator[Row], deadline: float) -> Removed:
    while found := [row["s"].binary for row in islice(rows, DELETED_AT_ONCE)]:
        yield kind, delete_all(keys.EVENTS, ((partition, sort) for sort in found), deadline=deadline)


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

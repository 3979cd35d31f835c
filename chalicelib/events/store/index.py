"""The day index: per hour how many events of each level, so that a month's histogram is one small query.

It is derived, and must never hide data. An hour's entry is believed when the hour is behind the watermark and no mark
on it is left to count.

    writer, late block of hour h          indexer, hour h                        reader
    ----------------------------          ---------------                        ------
    1 put block                           a read marks consistently: n           x read watermark, then entries
    2 ADD marks 1                         b read all blocks consistently         y marks = counted, and behind the
    3 acknowledge                         c SET counts, counted = n                watermark: believe the counts,
                                                                                   else read the hour's blocks
    1 before b: the block is counted.  2 after a: marks > n, so these counts are not believed, until the hour is indexed
    again.  Between 1 and 3 nothing is acknowledged, so a reader may or may not see it.

Marks only grow, and counts say how many of them came before they were begun. So it does not matter how many indexers
there are, how long one stalls, and whose write comes last.

A block whose hour ended less than an hour ago marks nothing: the watermark stays two hours behind the clock, so its
hour is not indexed until an hour later. Clocks that differ by less than that hour do no harm.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

MARKED_AFTER_MS: Final = HOUR_MS
WATERMARK_BEHIND_MS: Final = 2 * HOUR_MS
KEPT_LONGER_MS: Final = 3 * DAY_MS


class HourCounts(msgspec.Struct, frozen=True, array_like=True):
    """What an hour holds, superseded blocks left out."""

    levels: dict[str, int]
    blocks: int
    bytes: int


class Index(msgspec.Struct, frozen=True):
    """What may be believed of a range of hours."""

    believed: dict[Slot, HourCounts]
    dirty: frozenset[Slot]
    indexed_before: Slot
    """Hours from here on are not indexed yet."""
    marks: Mapping[Slot, int] = {}
    """How many marks were made on an hour, where any were."""

    def counts(self, slot: Slot) -> HourCounts | None:
        """The counts of an hour, or None where its blocks must be read. An hour without an entry is empty."""
        if slot >= self.indexed_before or slot in self.dirty:
            return None
        return self.believed.get(slot, NOTHING)


NOTHING: Final = HourCounts({}, 0, 0)


def needs_mark(slot: Slot, *, now_ms: int) -> bool:
    """Whether a block put into this hour now must mark it dirty before it is acknowledged."""
    return (slot + 1) * HOUR_MS <= now_ms - MARKED_AFTER_MS


def mark_dirty(scope: Scope, slot: Slot, *, deadline: float) -> None:
    """Tells of one more late block. Marking twice for one (a lost answer, a resend) costs an indexing, no truth."""
    request = _hour_update(scope, slot) | {
        "UpdateExpression": "ADD d :one SET t = :t",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":t": {"N": expires_of_hour(scope, slot)}},
    }
    dynamodb.call("UpdateItem", request, deadline=deadline)


def read_index(scope: Scope, first: Slot, last: Slot, *, deadline: float) -> Index:
    """What is known of the hours from `first` to `last`, both included."""
    indexed_before = read_watermark(scope, deadline=deadline)
    believed: dict[Slot, HourCounts] = {}
    dirty: set[Slot] = set()
    marks: dict[Slot, int] = {}
    for entry in _hours(scope, first, last, deadline=deadline):
        slot = keys.index_hour(entry["s"].binary)
        marks[slot] = _marks(entry).made
        if _marks(entry).pending:
            dirty.add(slot)
        elif "b" in entry:
            believed[slot] = msgspec.msgpack.decode(entry["b"].binary, type=HourCounts)
    return Index(believed, frozenset(dirty), indexed_before, marks)


class Marks(msgspec.Struct, frozen=True):
    """How often an hour was marked, and how many of these marks came before its blocks were counted."""

    made: int
    counted: int

    @property
    def pending(self) -> bool:
        return self.made != self.counted


def read_marks(scope: Scope, slot: Slot, *, deadline: float) -> Marks:
    partition, sort = keys.index_partition(scope.org, scope.project), keys.index_hour_sort(slot)
    return _marks(item(keys.EVENTS, partition, sort, deadline=deadline) or {})


def write_hour(scope: Scope, slot: Slot, counts: HourCounts, *, seen: Marks, deadline: float) -> bool:
    """Writes an hour's counts, which were begun after `seen` was read. Says whether they are believed."""
    request = _hour_update(scope, slot) | {
        "UpdateExpression": "SET b = :b, t = :t, i = :seen",
        "ExpressionAttributeValues": {
            ":b": {"B": msgspec.msgpack.encode(counts)},
            ":t": {"N": expires_of_hour(scope, slot)},
            ":seen": {"N": str(seen.made)},
        },
        "ReturnValues": "ALL_NEW",
    }
    return not _marks(dynamodb.call("UpdateItem", request, deadline=deadline).attributes or {}).pending


def read_watermark(scope: Scope, *, deadline: float) -> Slot:
    """The first hour that is not indexed. 0 where nothing is."""
    found = item(keys.EVENTS, keys.index_partition(scope.org, scope.project), keys.WATERMARK, deadline=deadline)
    return Slot(found["d"].number) if found else Slot(0)


def raise_watermark(scope: Scope, indexed_before: Slot, *, now_ms: int, deadline: float) -> None:
    """Says that every hour before is indexed. Never lowers it, and never goes beyond now - 2 h."""
    allowed = min(indexed_before, slot_of(now_ms - WATERMARK_BEHIND_MS))
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Key": {"p": {"B": keys.index_partition(scope.org, scope.project)}, "s": {"B": keys.WATERMARK}},
        "UpdateExpression": "SET d = :slot",
        "ConditionExpression": "attribute_not_exists(d) OR d < :slot",
        "ExpressionAttributeValues": {":slot": {"N": str(allowed)}},
    }
    try:
        dynamodb.call("UpdateItem", request, deadline=deadline)
    except ConditionFailed:
        return  # another run is further on already


def _hours(scope: Scope, first: Slot, last: Slot, *, deadline: float) -> Iterable[dict[str, Value]]:
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p AND s BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":p": {"B": keys.index_partition(scope.org, scope.project)},
            ":first": {"B": keys.index_hour_sort(first)},
            ":last": {"B": keys.index_hour_sort(last)},
        },
        "ConsistentRead": True,
    }
    return dynamodb.query_all(request, deadline=deadline)


def _marks(entry: dict[str, Value]) -> Marks:
    return Marks(made=entry["d"].number if "d" in entry else 0, counted=entry["i"].number if "i" in entry else 0)


def _hour_update(scope: Scope, slot: Slot) -> dict[str, Any]:
    partition, sort = keys.index_partition(scope.org, scope.project), keys.index_hour_sort(slot)
    return {"TableName": dynamodb.table(keys.EVENTS), "Key": {"p": {"B": partition}, "s": {"B": sort}}}


def expires_of_hour(scope: Scope, slot: Slot) -> str:
    """When DynamoDB may delete what is derived from an hour, as it writes numbers."""
    return str(((slot + 1) * HOUR_MS + scope.retention_ms + KEPT_LONGER_MS) // 1000)

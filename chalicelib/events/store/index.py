"""The day index: per hour how many events of each level, so that a month's histogram is one small query.

It is derived, and must never hide data. An hour's entry is believed when the hour is behind the watermark and not dirty.

    writer, late block of hour h          indexer, hour h                        reader
    ----------------------------          ---------------                        ------
    1 put block                           a read entry consistently: dirty = n   x read entries and watermark
    2 ADD dirty 1                         b read all blocks consistently         y dirty, or not behind the
    3 acknowledge                         c SET counts REMOVE dirty                watermark: read its blocks
                                            IF dirty = n, else back to a           else believe the counts

    1 before b: counted.  1 after b, 2 before c: c fails, back to a.  2 after c: the hour is dirty again, the reader
    reads its blocks.  Between 1 and 3 nothing is acknowledged, so a reader may or may not see it.

A block whose hour ended less than an hour ago marks nothing: the watermark stays two hours behind the clock, so its
hour is not indexed until an hour later. Clocks that differ by less than that hour do no harm.
"""

from collections.abc import Iterable
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
    """Counts one more late block. Marking twice for one block (a lost answer, a resend) costs one indexing, no truth."""
    request = _hour_update(scope, slot) | {
        "UpdateExpression": "ADD d :one SET t = :t",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":t": {"N": _expires(scope, slot)}},
    }
    dynamodb.call("UpdateItem", request, deadline=deadline)


def read_index(scope: Scope, first: Slot, last: Slot, *, deadline: float) -> Index:
    """What is known of the hours from `first` to `last`, both included."""
    indexed_before = read_watermark(scope, deadline=deadline)
    believed: dict[Slot, HourCounts] = {}
    dirty: set[Slot] = set()
    for entry in _hours(scope, first, last, deadline=deadline):
        slot = keys.index_hour(entry["s"].binary)
        if "d" in entry:
            dirty.add(slot)
        elif "b" in entry:
            believed[slot] = msgspec.msgpack.decode(entry["b"].binary, type=HourCounts)
    return Index(believed, frozenset(dirty), indexed_before)


def dirty_marks(scope: Scope, slot: Slot, *, deadline: float) -> int:
    """How often the hour was marked since it was last indexed."""
    found = item(keys.EVENTS, keys.index_partition(scope.org, scope.project), keys.index_hour_sort(slot), deadline=deadline)
    return found["d"].number if found and "d" in found else 0


def write_hour(scope: Scope, slot: Slot, counts: HourCounts, *, seen_marks: int, deadline: float) -> bool:
    """Writes an hour's counts if nobody marked it since `seen_marks` was read; False means: read and count again."""
    values: dict[str, Any] = {
        ":b": {"B": msgspec.msgpack.encode(counts)},
        ":t": {"N": _expires(scope, slot)},
    }
    condition = "attribute_not_exists(d)"
    if seen_marks:
        condition = "d = :seen"
        values[":seen"] = {"N": str(seen_marks)}
    request = _hour_update(scope, slot) | {
        "UpdateExpression": "SET b = :b, t = :t REMOVE d",
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }
    try:
        dynamodb.call("UpdateItem", request, deadline=deadline)
    except ConditionFailed:
        return False
    return True


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


def _hour_update(scope: Scope, slot: Slot) -> dict[str, Any]:
    partition, sort = keys.index_partition(scope.org, scope.project), keys.index_hour_sort(slot)
    return {"TableName": dynamodb.table(keys.EVENTS), "Key": {"p": {"B": partition}, "s": {"B": sort}}}


def _expires(scope: Scope, slot: Slot) -> str:
    return str(((slot + 1) * HOUR_MS + scope.retention_ms + KEPT_LONGER_MS) // 1000)

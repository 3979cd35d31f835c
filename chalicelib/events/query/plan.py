"""What must be read to answer: the range that may be seen, and the hours in it that may hold a match."""

from collections.abc import Sequence
from typing import Final

from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import Index, read_index
from chalicelib.events.store.read import Order
from chalicelib.ids import Slot, slot_of

WORTH_THE_INDEX_HOURS: Final = 4
"""A range of fewer hours is read without asking the index first: that would be a round trip more."""


def clipped(within: TimeRange, scope: Scope, *, now_ms: int) -> TimeRange:
    """The part of a range that the project's retention lets anyone see now, whatever is still stored."""
    return TimeRange(max(within.start, now_ms - scope.retention_ms), within.end)


def hours_to_read(
    scope: Scope, within: TimeRange, order: Order, wanted: Filter, *, deadline: float
) -> Sequence[Slot] | None:
    """The hours that may hold a match, in stream order; None for all of them."""
    if within.end <= within.start:
        return ()
    first, last = slot_of(within.start), slot_of(within.end - 1)
    if last - first < WORTH_THE_INDEX_HOURS:
        return None
    index = read_index(scope, first, last, deadline=deadline)
    hours = [Slot(hour) for hour in range(first, last + 1) if _may_hold(index, Slot(hour), wanted)]
    return hours[::-1] if order == "desc" else hours


def _may_hold(index: Index, slot: Slot, wanted: Filter) -> bool:
    counts = index.counts(slot)
    return counts is None or any(counts.levels.get(level, 0) for level in wanted.levels)

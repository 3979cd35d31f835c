"""What must be read to answer: the part of a range where a match may be seen, and the hours in it that may hold one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from chalicelib.events.block import Block
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import HourCounts, read_index
from chalicelib.events.store.read import Order
from chalicelib.ids import HOUR_MS, Slot, slot_of

WORTH_THE_INDEX_HOURS: Final = 4
"""A range of so few hours is read without asking the index first: that would be a round trip more."""

AHEAD_MS: Final = HOUR_MS
"""Nothing is stored more than five minutes ahead of its writer's clock; clocks differ."""

Known = Callable[[Slot], HourCounts | None]
"""What the index knows of an hour; None where its blocks must be read."""


def visible(within: TimeRange, scope: Scope, wanted: Filter, *, now_ms: int) -> TimeRange:
    """The part of a range where there may be matches which the project's retention lets anyone see now."""
    first, last = wanted.time_bounds.first, wanted.time_bounds.last
    start = max(within.start, scope.horizon(now_ms))
    end = min(within.end, now_ms + AHEAD_MS)
    return TimeRange(start if first is None else max(start, first), end if last is None else min(end, last + 1))


def hours_within(within: TimeRange, order: Order) -> Sequence[Slot]:
    """All hours of a range, in stream order."""
    if within.end <= within.start:
        return ()
    hours = [Slot(hour) for hour in range(slot_of(within.start), slot_of(within.end - 1) + 1)]
    return hours[::-1] if order == "desc" else hours


def known_counts(scope: Scope, hours: Sequence[Slot], *, deadline: float) -> Known:
    """Asks the index about these hours, if they are enough to be worth it."""
    if len(hours) <= WORTH_THE_INDEX_HOURS:
        return lambda _: None
    return read_index(scope, min(hours), max(hours), deadline=deadline).counts


def may_hold_a_match(wanted: Filter, known: HourCounts | None) -> bool:
    """Whether any event of an hour can have a level that is asked for."""
    return bool(wanted.levels if known is None else wanted.matching_counts(known.levels))


def narrowed(wanted: Filter, block: Block) -> Mask:
    """The rows that may match, found without the detail; none where the header alone tells."""
    return wanted.narrow(block) if wanted.admits(block.header) else Mask(0, block.header.count)


class Hours:
    """Hours to be read one after the other, the first in any case, the others for as long as the budget lasts."""

    def __init__(self, hours: Iterable[Slot], budget: Budget) -> None:
        self.unread: Slot | None = None
        """The first hour that the budget did not reach."""
        self._hours = hours
        self._budget = budget

    def __iter__(self) -> Iterator[Slot]:
        for number, slot in enumerate(self._hours):
            if number and self._budget.spent:
                self.unread = slot
                return
            yield slot

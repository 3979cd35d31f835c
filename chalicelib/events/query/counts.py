"""Counting: timelines, facets and aggregates over everything that matches.

What the index knows is taken from it: whole hours behind its watermark that nobody marked, for a query of nothing but
levels. Blocks that lie within the range and need no looking into are counted by their headers. The rest is scanned.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from chalicelib.events.query.aggregate import Counts, Grouped, Measures, Metric, aggregate_for
from chalicelib.events.query.answers import Understood
from chalicelib.events.query.budget import Budget, Scanned
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.plan import WORTH_THE_INDEX_HOURS, clipped
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.timeline import Timeline
from chalicelib.events.query.times import TimeRange, bucket_for
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import HourCounts, read_index
from chalicelib.events.store.read import Candidate, Stored, candidates, with_details
from chalicelib.ids import HOUR_MS, Slot, slot_of

FACET_VALUES: Final = 20

Accumulator = Timeline | Counts | Measures


class Bucket(msgspec.Struct, frozen=True):
    """From `t`, in milliseconds, for one `bucket_ms`."""

    t: int
    counts: dict[str, int]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What every count says of itself. A `partial` one has counted all from `reached` on, and older only in part."""

    partial: bool
    reached: int | None
    query: Understood
    start: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    scanned: Scanned


class TimelineAnswer(Counted, frozen=True, kw_only=True):
    bucket_ms: int
    series: list[Bucket]


class Facet(msgspec.Struct, frozen=True):
    value: str
    count: int


class FacetsAnswer(Counted, frozen=True, kw_only=True):
    facets: dict[str, list[Facet]]


class GroupAnswer(msgspec.Struct, frozen=True):
    key: dict[str, str | None]
    value: int | float | None


class AggregateAnswer(Counted, frozen=True, kw_only=True):
    """Groups, largest first. `other` is what fell outside them; values are estimates unless `exact`."""

    groups: list[GroupAnswer]
    other: int
    exact: bool


def timeline(
    scope: Scope, expression: Expression, within: TimeRange, *, buckets: int, now_ms: int, deadline: float
) -> TimelineAnswer:
    """Counts by level in at most about so many buckets, of a width that people count in, on its own multiples."""
    width = bucket_for(within.end - within.start, buckets)
    line = Timeline(within.start // width * width, within.end, width)
    counted = _Count(scope, expression, within, [line], now_ms=now_ms, deadline=deadline)
    series = [Bucket(point.at, dict(point.counts)) for point in line.result()]
    return TimelineAnswer(bucket_ms=width, series=series, **counted.facts())


def facets(
    scope: Scope, expression: Expression, within: TimeRange, *, fields: Sequence[str], now_ms: int, deadline: float
) -> FacetsAnswer:
    """The most frequent values of each field, with their counts."""
    tops = {field: Counts((field,)) for field in fields}
    counted = _Count(scope, expression, within, list(tops.values()), now_ms=now_ms, deadline=deadline)
    found = {field: _facet(field, top.top(FACET_VALUES)) for field, top in tops.items()}
    return FacetsAnswer(facets=found, **counted.facts())


def aggregate(
    scope: Scope,
    expression: Expression,
    within: TimeRange,
    *,
    by: tuple[str, ...],
    metric: Metric,
    now_ms: int,
    deadline: float,
) -> AggregateAnswer:
    """A metric of all matches, or of each group."""
    total = aggregate_for(metric, by)
    counted = _Count(scope, expression, within, [total], now_ms=now_ms, deadline=deadline)
    grouped = total.result()
    groups = [GroupAnswer(dict(group.key), group.value) for group in grouped.groups]
    return AggregateAnswer(groups=groups, other=grouped.other, exact=grouped.exact, **counted.facts())


def _facet(field: str, grouped: Grouped) -> list[Facet]:
    return [Facet(group.key[field] or "", int(group.value or 0)) for group in grouped.groups]


class _Count:
    """One pass over everything that matches, into any number of accumulators."""

    def __init__(
        self,
        scope: Scope,
        expression: Expression,
        within: TimeRange,
        into: Sequence[Accumulator],
        *,
        now_ms: int,
        deadline: float,
    ) -> None:
        self._scope = scope
        self._expression = expression
        self._asked = within
        self._visible = clipped(within, scope, now_ms=now_ms)
        self._filter = Filter(expression)
        self._into = into
        self._levels_suffice = self._filter.only_levels and all(map(_takes_levels, into))
        self._details = self._filter.needs_detail or any(each.needs_detail for each in into)
        self._budget = Budget(deadline=deadline)
        self._reached: int | None = None
        self._run()

    def facts(self) -> dict[str, Any]:
        return {
            "partial": self._reached is not None,
            "reached": self._reached,
            "query": Understood(describe(self._expression)),
            "start": self._asked.start,
            "end": self._asked.end,
            "scanned": self._budget.scanned,
        }

    def _run(self) -> None:
        for candidate in self._stream(self._hours()):
            if self._budget.spent:
                self._reached = candidate.bound
                return
            self._add(candidate.stored)

    def _hours(self) -> list[Slot]:
        """The hours to read, newest first. Those that the index answers are counted here."""
        if self._visible.end <= self._visible.start:
            return []
        first, last = slot_of(self._visible.start), slot_of(self._visible.end - 1)
        hours = [Slot(hour) for hour in range(last, first - 1, -1)]
        if len(hours) <= WORTH_THE_INDEX_HOURS:
            return hours
        index = read_index(self._scope, first, last, deadline=self._budget.deadline)
        return [hour for hour in hours if not self._answered(hour, index.counts(hour))]

    def _answered(self, hour: Slot, known: HourCounts | None) -> bool:
        if known is None:
            return False
        levels = {level: count for level, count in known.levels.items() if level in self._filter.levels}
        if not any(levels.values()):
            return True
        begin, end = hour * HOUR_MS, (hour + 1) * HOUR_MS
        whole = self._visible.start <= begin and end <= self._visible.end
        return whole and self._levels_suffice and self._add_levels(begin, end - 1, levels)

    def _add_levels(self, first: int, last: int, levels: dict[str, int]) -> bool:
        """Adds counts known by level alone, to all accumulators or, where one cannot take them, to none."""
        lines = [each for each in self._into if isinstance(each, Timeline)]
        if any(_bucket_in(line, first) != _bucket_in(line, last) for line in lines):
            return False
        for each in self._into:
            if isinstance(each, Timeline):
                each.add_counts(first, last, levels)
            elif isinstance(each, Counts):
                each.add_counts(levels)
        return True

    def _stream(self, hours: Sequence[Slot]) -> Iterator[Candidate]:
        deadline = self._budget.deadline
        stream = candidates(self._scope, self._visible, "desc", deadline=deadline, slots=hours)
        if not self._details:
            return stream
        return with_details(stream, lambda stored: bool(self._narrowed(stored)), deadline=deadline)

    def _add(self, stored: Stored) -> None:
        block = stored.block
        header = block.header
        self._budget.read(events=header.count, size=stored.size)
        inside = self._visible.start <= header.first and header.last < self._visible.end
        if inside and self._levels_suffice:
            levels = {level: count for level, count in header.level_counts.items() if level in self._filter.levels}
            if self._add_levels(header.first, header.last, levels):
                return
        narrowed = self._narrowed(stored)
        if not narrowed:
            return
        mask = self._filter.mask(block, narrowed)
        if not inside:
            mask = mask.within(block.row_at(self._visible.start), block.row_at(self._visible.end))
        if mask:
            for each in self._into:
                each.add(block, mask)

    def _narrowed(self, stored: Stored) -> Mask:
        if not self._filter.admits(stored.block.header):
            return Mask(0, stored.block.header.count)
        return self._filter.narrow(stored.block)


def _takes_levels(accumulator: Accumulator) -> bool:
    return isinstance(accumulator, Timeline) or (isinstance(accumulator, Counts) and accumulator.levels_suffice)


def _bucket_in(line: Timeline, at: int) -> int:
    """The bucket of a timeline that a moment falls into."""
    return (at - line.start) // line.bucket_ms

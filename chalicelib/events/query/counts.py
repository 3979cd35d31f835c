"""Counting: timelines, facets and aggregates over everything that matches.

What the index knows is taken from it: whole hours behind its watermark that nobody marked, for a query of nothing but
levels. Blocks that lie within the range and need no looking into are counted by their headers. The rest is scanned.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from chalicelib.events.block import Block
from chalicelib.events.query.aggregate import Counts, Grouped, Measures, Metric, aggregate_for
from chalicelib.events.query.answers import Understood
from chalicelib.events.query.budget import Budget, Scanned
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.patterns import Pattern, Patterns
from chalicelib.events.query.plan import Hours, hours_within, known_counts, may_hold_a_match, narrowed, visible
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.timeline import Timeline
from chalicelib.events.query.times import TimeRange, bucket_for
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import HourCounts
from chalicelib.events.store.read import Candidate, candidates, with_details
from chalicelib.events.store.stored import Stored
from chalicelib.ids import HOUR_MS, Slot

FACET_VALUES: Final = 20

Accumulator = Timeline | Counts | Measures | Patterns


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
    """The most frequent values of each field. Unless `exact`, a field had too many values to hold them all."""

    facets: dict[str, list[Facet]]
    exact: bool


class GroupAnswer(msgspec.Struct, frozen=True):
    key: dict[str, str | None]
    value: int | float | None


class AggregateAnswer(Counted, frozen=True, kw_only=True):
    """Groups, largest first. `other` is what fell outside them; values are estimates unless `exact`."""

    groups: list[GroupAnswer]
    other: int
    exact: bool


class PatternsAnswer(Counted, frozen=True, kw_only=True):
    """Patterns of messages, most frequent first, and beside them the same events by level and by service.

    `other` events have patterns beyond those that are held.
    """

    patterns: list[Pattern]
    other: int
    levels: dict[str, int]
    services: dict[str, int]

    @property
    def events(self) -> int:
        return sum(self.levels.values())


def timeline(
    scope: Scope,
    expression: Expression,
    within: TimeRange,
    *,
    buckets: int,
    now_ms: int,
    deadline: float,
    blocks: int | None = None,
) -> TimelineAnswer:
    """Counts by level in at most about so many buckets, of a width that people count in, on its own multiples.

    It is partial where more than so many `blocks` would have to be read; what the index knows costs none.
    """
    width = bucket_for(within.end - within.start, buckets)
    line = Timeline(within.start // width * width, within.end, width)
    counted = _Count(scope, expression, within, [line], now_ms=now_ms, deadline=deadline, blocks=blocks)
    series = [Bucket(point.at, dict(point.counts)) for point in line.result()]
    return TimelineAnswer(bucket_ms=width, series=series, **counted.facts())


def facets(
    scope: Scope,
    expression: Expression,
    within: TimeRange,
    *,
    fields: Sequence[str],
    now_ms: int,
    deadline: float,
    blocks: int | None = None,
) -> FacetsAnswer:
    """The most frequent values of each field, with their counts: of the newest events, if `blocks` end."""
    tops = {field: Counts((field,)) for field in fields}
    counted = _Count(scope, expression, within, list(tops.values()), now_ms=now_ms, deadline=deadline, blocks=blocks)
    found = {field: top.top(FACET_VALUES) for field, top in tops.items()}
    return FacetsAnswer(
        facets={field: _facet(field, grouped) for field, grouped in found.items()},
        exact=all(grouped.exact for grouped in found.values()),
        **counted.facts(),
    )


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


def patterns(
    scope: Scope, expression: Expression, within: TimeRange, *, now_ms: int, deadline: float
) -> PatternsAnswer:
    """What the messages are like. Every matching message is looked at, so a long range may end in a partial answer."""
    found, levels, services = Patterns(), Counts(("level",)), Counts(("service",))
    counted = _Count(scope, expression, within, [found, levels, services], now_ms=now_ms, deadline=deadline)
    return PatternsAnswer(
        patterns=found.result(),
        other=found.other,
        levels=_counts_of("level", levels),
        services=_counts_of("service", services),
        **counted.facts(),
    )


def _counts_of(field: str, counts: Counts) -> dict[str, int]:
    return {each.value: each.count for each in _facet(field, counts.top(FACET_VALUES))}


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
        blocks: int | None = None,
    ) -> None:
        self._scope = scope
        self._expression = expression
        self._asked = within
        self._wanted = Filter(expression)
        self._visible = visible(within, scope, self._wanted, now_ms=now_ms)
        self._into = into
        self._details = self._wanted.needs_detail or any(each.needs_detail for each in into)
        self._budget = Budget(deadline=deadline, blocks=blocks)
        self._reached = self._run()

    def facts(self) -> dict[str, Any]:
        return {
            "partial": self._reached is not None,
            "reached": self._reached,
            "query": Understood(describe(self._expression)),
            "start": self._asked.start,
            "end": self._asked.end,
            "scanned": self._budget.scanned,
        }

    def _run(self) -> int | None:
        """Counts, newest first, as far as the budget goes. If that is not all: the time from which on it is."""
        hours = Hours(self._hours(), self._budget)
        for candidate in self._stream(hours):
            if self._budget.spent and self._budget.scanned.blocks:
                return candidate.bound + 1
            self._add(candidate.stored)
        return None if hours.unread is None else (hours.unread + 1) * HOUR_MS

    # --- hours --------------------------------------------------------------------------------------------------------

    def _hours(self) -> list[Slot]:
        """The hours to read. Those that the index answers are counted here."""
        hours = hours_within(self._visible, "desc")
        known = known_counts(self._scope, hours, deadline=self._budget.deadline)
        return [hour for hour in hours if not self._answered(hour, known(hour))]

    def _answered(self, hour: Slot, known: HourCounts | None) -> bool:
        if not may_hold_a_match(self._wanted, known):
            return True
        first, last = hour * HOUR_MS, (hour + 1) * HOUR_MS - 1
        if known is None or not self._wanted.only_levels or not self._is_visible(first, last):
            return False
        if not all(_takes_hour(each, first, last) for each in self._into):
            return False
        levels = self._wanted.matching_counts(known.levels)
        for each in self._into:
            if isinstance(each, Timeline):
                each.add_counts(first, last, levels)
            elif isinstance(each, Counts):
                each.add_counts(levels)
        return True

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _stream(self, hours: Iterable[Slot]) -> Iterator[Candidate]:
        deadline = self._budget.deadline
        stream = candidates(self._scope, self._visible, "desc", deadline=deadline, slots=hours)
        if not self._details:
            return stream
        return with_details(stream, lambda stored: bool(narrowed(self._wanted, stored.block)), deadline=deadline)

    def _add(self, stored: Stored) -> None:
        block = stored.block
        self._budget.read(events=block.header.count, size=stored.size)
        inside = self._is_visible(block.header.first, block.header.last)
        by_header = inside and self._wanted.only_levels
        others = [each for each in self._into if not (by_header and self._added_by_header(each, block))]
        if not others:
            return
        mask = self._wanted.mask(block, narrowed(self._wanted, block))
        if not inside:
            mask = mask.within(block.row_at(self._visible.start), block.row_at(self._visible.end))
        if mask:
            for each in others:
                each.add(block, mask)

    def _added_by_header(self, accumulator: Accumulator, block: Block) -> bool:
        if isinstance(accumulator, Timeline):
            return accumulator.add_header(block, self._wanted.levels)
        if isinstance(accumulator, Counts) and accumulator.levels_suffice:
            accumulator.add_counts(self._wanted.matching_counts(block.header.level_counts))
            return True
        return False

    def _is_visible(self, first: int, last: int) -> bool:
        return self._visible.start <= first and last < self._visible.end


def _takes_hour(accumulator: Accumulator, first: int, last: int) -> bool:
    """Whether counts by level are all it needs of an hour."""
    if isinstance(accumulator, Timeline):
        return _bucket(accumulator, first) == _bucket(accumulator, last)
    return isinstance(accumulator, Counts) and accumulator.levels_suffice


def _bucket(line: Timeline, at: int) -> int:
    return (at - line.start) // line.bucket_ms

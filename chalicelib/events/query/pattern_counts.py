"""What a list of patterns is made of: how often each occurred in a range, before it, in the last day, and since when.

Counts come from what is stored of whole hours (`from_hours`), or from every event that matches (`from_events`). What is
known of a pattern besides comes from its text's item, and from the hours of the last day, which that may be behind.
"""

import time
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from chalicelib.events.pattern_counting import as_template
from chalicelib.events.patterns import pattern_id
from chalicelib.events.query import counts
from chalicelib.events.query.budget import Budget, Scanned
from chalicelib.events.query.expression import Expression
from chalicelib.events.query.pattern_reading import HoursRead
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.pattern_hours import HourPatterns, add_to
from chalicelib.events.store.pattern_states import Resolved, resolved_patterns
from chalicelib.events.store.pattern_templates import BEHIND_MS, Template, templates_of
from chalicelib.ids import HOUR_MS, Slot, slot_of

SPARK_HOURS: Final = 24

MOST_FOUND: Final = 20_000
"""Patterns of one list. Events of those that are met after so many are counted as other."""


class Found(Struct):
    """What was counted of a pattern: in the range, and `before`, in the stretch of the same length before it."""

    levels: dict[str, int] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)
    before: int = 0

    @property
    def count(self) -> int:
        return sum(self.levels.values())


NOTHING: Final = Found()


class CountedPatterns(Struct, kw_only=True):
    """Everything by the ids of patterns. `found` has those of the range, `texts` all that the project keeps."""

    within: TimeRange
    reached: int | None
    compares: bool
    """Whether the stretch before was counted to its end."""
    scanned: Scanned
    events: int
    other: int
    found: dict[bytes, Found]
    texts: dict[bytes, Template]
    resolved: dict[bytes, Resolved]
    recent: dict[bytes, list[int]]
    """By the hour, the last 24 hours."""


def from_hours(scope: Scope, wanted: Filter, within: TimeRange, *, now_ms: int, deadline: float) -> CountedPatterns:
    """Counts whole hours: from the one in which the range begins, if all of it is kept, to the one where it ends."""
    budget = Budget(deadline=deadline)
    kept = _first_kept(scope, now_ms)
    first, last = max(slot_of(within.start), kept), slot_of(min(within.end, now_ms + HOUR_MS) - 1)
    asked = range(first, max(first, last + 1))
    end = min(asked.stop * HOUR_MS, max(within.end, now_ms, first * HOUR_MS))
    earlier = _Earlier(asked.start * HOUR_MS, end)
    known = _Known(scope, now_ms, deadline)
    slots = {*asked, *(slot for slot in earlier.slots if slot >= kept), *known.slots()}
    hours = HoursRead(scope, [slot for slot in map(Slot, slots) if slot >= kept], budget)
    sums = _Sums(wanted)
    for slot, hour in hours:
        if slot in asked:
            sums.add(hour)
        if slot in earlier.slots:
            sums.add_before(hour, earlier.share(slot))
        known.add(slot, hour)
    known.learn(hours.texts)
    reached = hours.reached if hours.reached is not None and hours.reached > asked.start * HOUR_MS else None
    return CountedPatterns(
        within=TimeRange(asked.start * HOUR_MS, end), reached=reached,
        compares=hours.reached is None and earlier.slots.start >= kept, scanned=budget.scanned,
        events=sums.events, other=sums.other, found=sums.result(),
        texts=known.visible(), resolved=known.resolved, recent=known.recent,
    )  # fmt: skip


def from_events(
    scope: Scope, expression: Expression, within: TimeRange, *, now_ms: int, deadline: float
) -> CountedPatterns:
    """Counts the events that match, and those in the stretch of the same length before."""
    length = within.end - within.start
    before = TimeRange(within.start - length, within.start)
    after = counts.patterns(scope, expression, within, now_ms=now_ms, deadline=_share(deadline, 0.5))
    earlier = counts.patterns(scope, expression, before, now_ms=now_ms, deadline=_share(deadline, 0.7))
    known = _Known(scope, now_ms, deadline)
    hours = HoursRead(scope, known.slots(), Budget(deadline=deadline))
    for slot, hour in hours:
        known.add(slot, hour)
    known.learn(hours.texts)
    known.learn({pattern_id(each.template): as_template(each) for each in (*earlier.patterns, *after.patterns)})
    counted = {pattern_id(each.template): each.count for each in earlier.patterns}
    found = {
        name: Found(each.levels, each.services, counted.get(name, 0))
        for name, each in ((pattern_id(each.template), each) for each in after.patterns)
    }
    return CountedPatterns(
        within=within, reached=after.reached,
        compares=not (after.partial or earlier.partial) and before.start >= scope.horizon(now_ms),
        scanned=_both(after.scanned, earlier.scanned), events=after.events, other=after.other, found=found,
        texts=known.visible(), resolved=known.resolved, recent=known.recent,
    )  # fmt: skip


class _Earlier:
    """The hours of the stretch of the same length before. The first counts by its share, where the end is not full."""

    def __init__(self, start: int, end: int) -> None:
        begin = start - (end - start)
        self.slots = range(slot_of(begin), slot_of(start))
        self._first_share = 1 - begin % HOUR_MS / HOUR_MS

    def share(self, slot: Slot) -> float:
        return self._first_share if slot == self.slots.start else 1.0


class _Sums:
    """What hours add up to, as far as levels are asked for."""

    def __init__(self, wanted: Filter) -> None:
        self.found: dict[bytes, Found] = {}
        self.events = 0
        self.other = 0
        self._wanted = wanted
        self._beyond = Found()
        self._other_levels: set[bytes] = set()

    def result(self) -> dict[bytes, Found]:
        """The patterns that occurred. Services are those of all levels, so not of a pattern that has unwanted ones."""
        for name in self._other_levels:
            self.found[name].services = {}
        return {name: each for name, each in self.found.items() if each.levels}

    def add(self, hour: HourPatterns) -> None:
        other = sum(self._wanted.matching_counts(hour.other).values())
        self.other += other
        self.events += other
        for name, occurred in hour.patterns.items():
            levels = self._wanted.matching_counts(occurred.levels)
            if not levels:
                continue
            count = sum(levels.values())
            self.events += count
            found = self._of(name)
            if found is self._beyond:
                self.other += count
                continue
            add_to(found.levels, levels)
            add_to(found.services, occurred.services)
            if len(levels) < len(occurred.levels):
                self._other_levels.add(name)

    def add_before(self, hour: HourPatterns, share: float) -> None:
        for name, occurred in hour.patterns.items():
            count = sum(self._wanted.matching_counts(occurred.levels).values())
            if count:
                self._of(name).before += -int(-count * share // 1)

    def _of(self, name: bytes) -> Found:
        found = self.found.get(name)
        if found is None:
            if len(self.found) >= MOST_FOUND:
                return self._beyond
            found = self.found[name] = Found()
        return found


class _Known:
    """What is known of patterns, whatever is asked: texts, when they were seen, what was resolved, the last day."""

    def __init__(self, scope: Scope, now_ms: int, deadline: float) -> None:
        self.texts = templates_of(scope, now_ms=now_ms, deadline=deadline)
        self.resolved = resolved_patterns(scope, now_ms=now_ms, deadline=deadline)
        self.recent: dict[bytes, list[int]] = {}
        self._seen: dict[bytes, int] = {}
        self._horizon = scope.horizon(now_ms)
        self._kept = _first_kept(scope, now_ms)
        self._spark = range(slot_of(now_ms) - SPARK_HOURS + 1, slot_of(now_ms) + 1)

    def slots(self) -> list[Slot]:
        """The hours of the last day, and those in which a resolved pattern may have come back without its text's item
        saying so."""
        slots = set(self._spark)
        for name, state in self.resolved.items():
            text = self.texts.get(name)
            if text is not None and text.last <= state.at <= text.last + BEHIND_MS:
                slots.update(range(slot_of(state.at), slot_of(text.last + BEHIND_MS) + 1))
        return [Slot(slot) for slot in sorted(slots) if self._kept <= slot < self._spark.stop]

    def add(self, slot: Slot, hour: HourPatterns) -> None:
        """Takes note of an hour. They come newest first."""
        for name, occurred in hour.patterns.items():
            if name in self.texts:
                self._seen.setdefault(name, occurred.last)
        if slot in self._spark:
            for name, occurred in hour.patterns.items():
                self.recent.setdefault(name, [0] * SPARK_HOURS)[slot - self._spark.start] = occurred.count

    def learn(self, met: Mapping[bytes, Template]) -> None:
        """Joins what was met in events to what was known."""
        for name, text in met.items():
            held = self.texts.get(name, text)
            newer = text if text.last >= held.last else held
            self.texts[name] = Template(held.text, newer.sample, min(held.first, text.first), newer.last)

    def visible(self) -> dict[bytes, Template]:
        """The patterns that were seen within the window, each with when it was."""
        seen = {
            name: Template(text.text, text.sample, max(text.first, self._horizon), max(text.last, self._last(name)))
            for name, text in self.texts.items()
        }
        return {name: text for name, text in seen.items() if text.last >= self._horizon}

    def _last(self, name: bytes) -> int:
        return self._seen.get(name, 0)


def _first_kept(scope: Scope, now_ms: int) -> Slot:
    """The first hour that lies within the window altogether."""
    return Slot(-(-(scope.horizon(now_ms)) // HOUR_MS))


def _share(deadline: float, share: float) -> float:
    now = time.monotonic()
    return now + (deadline - now) * share


def _both(one: Scanned, another: Scanned) -> Scanned:
    return Scanned(one.blocks + another.blocks, one.events + another.events, one.bytes + another.bytes)

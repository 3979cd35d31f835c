"""The patterns of hours, from what is stored of them: no block is read but those that nothing stored stands for yet.

An hour behind the watermark is its item, if that includes every mark that was made on the hour, else its blocks. One
that is not indexed yet is its draft and the blocks that were received later; without a draft it is its blocks.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from chalicelib.events.pattern_counting import WORKED_OUT, add_received, as_hour, as_template
from chalicelib.events.pattern_drafts import still_to_read
from chalicelib.events.patterns import pattern_id
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.patterns import Patterns
from chalicelib.events.query.plan import Hours
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import Index, read_index
from chalicelib.events.store.pattern_hours import PATTERNS_LIMIT, HourPatterns, StoredHour, joined, read_hours
from chalicelib.events.store.pattern_templates import Template
from chalicelib.events.store.read import Candidate, candidates
from chalicelib.ids import HOUR_MS, Slot, slot_of

EMPTY: Final = HourPatterns({}, {}, {})

MOST_TEXTS: Final = 20_000
"""Texts that are kept of what was met in blocks."""


class HoursRead:
    """Hours and their patterns, the newest first, for as long as the budget lasts.

    `reached` is then the time from which on all was read, in milliseconds; None where everything was. `texts` are those
    of the patterns that were met in blocks.
    """

    def __init__(self, scope: Scope, slots: Sequence[Slot], budget: Budget) -> None:
        self.reached: int | None = None
        self.texts: dict[bytes, Template] = {}
        self._scope = scope
        self._slots = sorted(set(slots), reverse=True)
        self._budget = budget

    def __iter__(self) -> Iterator[tuple[Slot, HourPatterns]]:
        if not self._slots:
            return
        index = read_index(self._scope, self._slots[-1], self._slots[0], deadline=self._budget.deadline)
        waiting: list[Slot] = []  # hours to be read from their blocks, together: many may be empty
        for slot, stored in self._stored():
            found = self._known(slot, stored, index)
            if found is None:
                waiting.append(slot)
                continue
            yield from self._from_blocks(waiting)
            waiting = []
            if self._is_over(slot):
                return
            later = self._after(slot, stored, index)
            yield slot, found if later is None else joined(found, later)
        yield from self._from_blocks(waiting)

    def _stored(self) -> Iterator[tuple[Slot, StoredHour | None]]:
        for run in _runs(self._slots):
            stored = read_hours(self._scope, run[-1], run[0], deadline=self._budget.deadline)
            yield from _each(run, stored)

    def _known(self, slot: Slot, stored: StoredHour | None, index: Index) -> HourPatterns | None:
        """What is stored of an hour, if that may be believed; None where its blocks must be read."""
        if stored is not None:
            self._budget.read_more(stored.size)
        if slot >= index.indexed_before:
            return stored.found if stored is not None and stored.until is not None else None
        if stored is not None and stored.marks is not None and stored.marks >= index.marks.get(slot, 0):
            return stored.found
        known = index.counts(slot)
        return EMPTY if known is not None and not known.levels else None

    def _after(self, slot: Slot, stored: StoredHour | None, index: Index) -> HourPatterns | None:
        """What a draft lacks."""
        if slot < index.indexed_before or stored is None or stored.until is None:
            return None
        counted = _counter()
        within = still_to_read(slot, stored.until)
        for candidate in candidates(self._scope, within, "desc", deadline=self._budget.deadline):
            if not self._add(counted, candidate, after=stored.until):
                break
        return self._counted(counted)

    def _from_blocks(self, slots: Sequence[Slot]) -> Iterator[tuple[Slot, HourPatterns]]:
        if not slots or self._is_over(slots[0]):
            return
        within, hours = TimeRange(slots[-1] * HOUR_MS, (slots[0] + 1) * HOUR_MS), Hours(slots, self._budget)
        stream = candidates(self._scope, within, "desc", deadline=self._budget.deadline, slots=hours)
        for slot, hour in groupby(stream, lambda each: slot_of(each.stored.block.header.last)):
            counted = _counter()
            complete = all(self._add(counted, candidate, after=0) for candidate in hour)
            yield slot, self._counted(counted)
            if not complete:
                return
        if hours.unread is not None:
            self.reached = (hours.unread + 1) * HOUR_MS

    def _is_over(self, slot: Slot) -> bool:
        if self.reached is None and self._budget.spent:
            self.reached = (slot + 1) * HOUR_MS
        return self.reached is not None

    def _add(self, counted: Patterns, candidate: Candidate, *, after: int) -> bool:
        """Counts a block, if there is time; else notes how far reading got."""
        if self._budget.spent:
            self.reached = candidate.bound + 1
            return False
        stored = candidate.stored
        self._budget.read(events=stored.block.header.count, size=stored.size)
        add_received(counted, stored, after=after)
        return True

    def _counted(self, counted: Patterns) -> HourPatterns:
        patterns = counted.result()
        for each in patterns:
            self._note(pattern_id(each.template), as_template(each))
        return as_hour(patterns, counted.other_levels, counted.other_services)

    def _note(self, name: bytes, text: Template) -> None:
        held = self.texts.get(name)  # hours come newest first, so a sample is there already
        if held is None and len(self.texts) >= MOST_TEXTS:
            return
        first = text.first if held is None else min(held.first, text.first)
        newest = text if held is None else held
        self.texts[name] = Template(newest.text, newest.sample, first, newest.last)


def _counter() -> Patterns:
    return Patterns(most=PATTERNS_LIMIT, worked_out=WORKED_OUT)


def _each(run: Sequence[Slot], stored: Iterator[tuple[Slot, StoredHour]]) -> Iterator[tuple[Slot, StoredHour | None]]:
    """Every hour of a run with what is stored of it, read as it is consumed."""
    ahead = next(stored, None)
    for slot in run:
        if ahead is not None and ahead[0] == slot:
            yield ahead
            ahead = next(stored, None)
        else:
            yield slot, None


def _runs(slots: Sequence[Slot]) -> Iterator[list[Slot]]:
    """Descending hours, those without a gap together."""
    for _, run in groupby(enumerate(slots), lambda each: each[0] + each[1]):
        yield [slot for _, slot in run]

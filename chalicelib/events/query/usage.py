"""What a project holds and what it was sent, day by day.

What it holds is counted exactly: whole hours from the index, and what that does not know yet from the headers of
blocks, newest first, within a budget. What it was sent is counted by containers as it comes (`store.usage`): at least
so much.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import median_low
from typing import Final

import msgspec

from chalicelib.events.block import Block
from chalicelib.events.query.budget import Budget, Scanned
from chalicelib.events.query.counts import Facet
from chalicelib.events.query.plan import AHEAD_MS, Hours
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.hour_services import read_services
from chalicelib.events.store.index import HourCounts, Index, read_index
from chalicelib.events.store.read import candidates
from chalicelib.events.store.stored import Stored
from chalicelib.events.store.usage import DayCount, Used, counted
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of

LIVE_HOURS: Final = 26
"""Hours whose blocks are looked at because the index does not know them. It lags by two or three."""
LIVE_BLOCKS: Final = 4_000
LIVE_SECONDS: Final = 4.0
"""Of which a part is for reading, as of every budget."""

LAG_BLOCKS: Final = 64
LAG_ROWS: Final = 16
"""Of a block, evenly spread, its oldest and newest among them."""

SERVICES_BYTES: Final = 8_000_000
SERVICES_SECONDS: Final = 2.0
"""What the services of indexed hours may cost to read: of a month they are 1 to 5 MB."""
MOST_SERVICES: Final = 20
LONGEST_SERVICE: Final = 200
"""Characters. Longer names are counted with those that are not named, as in the index."""


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day, counted from 1970 in UTC: what is stored of it by when it happened, and what was sent on it.

    Unless `exact`, `levels` and `bytes` are at least so many. `bytes` are as they are stored.
    """

    day: int
    levels: dict[str, int]
    bytes: int
    exact: bool
    sent: Used

    @property
    def events(self) -> int:
        return sum(self.levels.values())


class Lag(msgspec.Struct, frozen=True):
    """How late events came, in milliseconds: the middle and the worst of a sample of the newest blocks."""

    p50_ms: int
    max_ms: int
    events: int
    """That were looked at."""


class Services(msgspec.Struct, frozen=True):
    """The services that most events name, among the newest `of` events of these days."""

    values: list[Facet]
    of: int


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """`counted_since`: from then on every hour was counted, in milliseconds; before it, those that the index knows."""

    days: list[Day]
    keys: dict[str, Used]
    reasons: dict[str, int]
    services: Services
    lag: Lag | None
    indexed_until: int
    counted_since: int | None
    scanned: Scanned


def usage(scope: Scope, first: int, last: int, *, now_ms: int, deadline: float) -> Usage:
    """Of the days from `first` to `last`, both included, that lie within the project's window as a whole (S37).

    Raises `StoreUnavailable`.
    """
    kept = max(first, oldest_day(scope, now_ms=now_ms))
    tally = counted(scope, kept, last, deadline=deadline) if kept <= last else []
    held = _Held(scope, kept, last, now_ms=now_ms, deadline=deadline)
    sent: defaultdict[int, Used] = defaultdict(Used)
    for each in _of("key", tally):
        sent[each.day] += each.used
    return Usage(
        days=[held.day(day, sent[day]) for day in range(kept, last + 1)],
        keys=_by_key(tally),
        reasons=_by_reason(tally),
        services=held.services,
        lag=held.lag,
        indexed_until=held.indexed_until,
        counted_since=held.counted_since,
        scanned=held.scanned,
    )


def oldest_day(scope: Scope, *, now_ms: int) -> int:
    """The first day that the project keeps from its beginning on."""
    return -(-scope.horizon(now_ms) // DAY_MS)


class _Held:
    """What is stored of some days, by when it happened."""

    def __init__(self, scope: Scope, first: int, last: int, *, now_ms: int, deadline: float) -> None:
        begin, end = slot_of(first * DAY_MS), slot_of(min((last + 1) * DAY_MS - 1, now_ms + AHEAD_MS))
        self._levels: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._bytes: Counter[int] = Counter()
        self._inexact: set[int] = set()
        self._services: Counter[str] = Counter()
        self._late: list[int] = []
        self._late_from = slot_of(now_ms) - 2
        self._budget = Budget(deadline=min(deadline, time.monotonic() + LIVE_SECONDS), blocks=LIVE_BLOCKS)
        self.counted_since: int | None = None
        self.indexed_until = 0
        if begin <= end:
            unknown = self._add_indexed(scope, begin, end, deadline=deadline)
            self._add_live(scope, unknown, deadline=deadline)

    @property
    def scanned(self) -> Scanned:
        return self._budget.scanned

    @property
    def lag(self) -> Lag | None:
        return Lag(median_low(self._late), max(self._late), len(self._late)) if self._late else None

    @property
    def services(self) -> Services:
        named = [Facet(name, count) for name, count in self._services.most_common() if name][:MOST_SERVICES]
        return Services(named, self._services.total())

    def day(self, day: int, sent: Used) -> Day:
        return Day(
            day=day, levels=dict(self._levels[day]), bytes=self._bytes[day], exact=day not in self._inexact, sent=sent
        )

    def _add_indexed(self, scope: Scope, begin: Slot, end: Slot, *, deadline: float) -> list[Slot]:
        """Adds the hours that the index knows; answers the others, newest first."""
        index = read_index(scope, begin, end, deadline=deadline)
        self.indexed_until = index.indexed_before * HOUR_MS
        unknown = []
        for slot in map(Slot, range(end, begin - 1, -1)):
            known = index.counts(slot)
            if known is None:
                unknown.append(slot)
            else:
                self._add(slot, known)
        self._add_services(scope, index, begin, end, deadline=deadline)
        return unknown

    def _add_services(self, scope: Scope, index: Index, begin: Slot, end: Slot, *, deadline: float) -> None:
        """Adds the services of the hours that the index knows, as far as their budget goes."""
        size, stop_at = 0, time.monotonic() + SERVICES_SECONDS
        for hour in read_services(scope, begin, end, deadline=deadline):
            size += hour.size
            if size > SERVICES_BYTES or time.monotonic() >= stop_at:
                return
            counted_all = hour.marks is not None and hour.marks >= index.marks.get(hour.slot, 0)
            if counted_all and index.counts(hour.slot) is not None:
                self._services.update(hour.services)

    def _add_live(self, scope: Scope, unknown: Sequence[Slot], *, deadline: float) -> None:
        """Adds hours block by block, as far as the budget goes."""
        hours = Hours(unknown[:LIVE_HOURS], self._budget)
        self._leave_out(unknown[LIVE_HOURS:])
        if not unknown:
            return
        within = TimeRange(unknown[-1] * HOUR_MS, (unknown[0] + 1) * HOUR_MS)
        for candidate in candidates(scope, within, "desc", deadline=deadline, slots=hours):
            if self._budget.spent and self._budget.scanned.blocks:
                self._leave_out([slot for slot in unknown if slot <= slot_of(candidate.bound)], candidate.bound + 1)
                return
            self._add_block(candidate.stored)
        if hours.unread is not None:
            self._leave_out([slot for slot in unknown if slot <= hours.unread])

    def _add_block(self, stored: Stored) -> None:
        header = stored.block.header
        self._budget.read(events=header.count, size=stored.size)
        slot = slot_of(header.last)
        self._add(slot, HourCounts(dict(header.level_counts), 1, stored.size))
        self._services.update(_services_of(stored.block))
        if slot >= self._late_from and self._budget.scanned.blocks <= LAG_BLOCKS:
            self._late += _lateness(stored)

    def _add(self, slot: Slot, known: HourCounts) -> None:
        day = slot * HOUR_MS // DAY_MS
        self._levels[day].update(known.levels)
        self._bytes[day] += known.bytes

    def _leave_out(self, slots: Sequence[Slot], since: int | None = None) -> None:
        """Takes note of hours that were not counted, or not all of the newest of them."""
        if slots:
            self._inexact.update(slot * HOUR_MS // DAY_MS for slot in slots)
            self.counted_since = max(self.counted_since or 0, since or (slots[0] + 1) * HOUR_MS)


def _lateness(stored: Stored) -> list[int]:
    count = stored.block.header.count
    rows = range(count) if count <= LAG_ROWS else {at * (count - 1) // (LAG_ROWS - 1) for at in range(LAG_ROWS)}
    return [max(0, stored.received_at(row) - stored.block.times[row]) for row in rows]


def _services_of(block: Block) -> Counter[str]:
    words, codes = block.codes("service")
    counts = Counter(codes) if codes is not None else {0: block.header.count}
    found: Counter[str] = Counter()
    for code, count in counts.items():
        word = words[code]
        found[word if len(word) <= LONGEST_SERVICE else ""] += count
    return found


def _by_key(tally: Iterable[DayCount]) -> dict[str, Used]:
    total: defaultdict[str, Used] = defaultdict(Used)
    for each in _of("key", tally):
        total[each.name] += each.used
    return dict(sorted(total.items(), key=lambda one: (-one[1].events, one[0])))


def _by_reason(tally: Iterable[DayCount]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in _of("reason", tally):
        total[each.name] += each.used.rejected
    return dict(total.most_common())


def _of(kind: str, tally: Iterable[DayCount]) -> Iterable[DayCount]:
    return (each for each in tally if each.kind == kind)

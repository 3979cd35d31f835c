"""Walks through the events that match, in the order of time, from where a cursor stands to where limit or budget ends.

Blocks arrive in stream order (`store.read`); their matching rows wait until no block to come can hold one that belongs
before them.

    stream   b9 b8 b7 | b6 ...        next unread is b6, its last timestamp is 14:03:20
    waiting  14:03:55 14:03:41 14:03:20 14:02:10
             '-- given out --'  '--- not yet: b6 may hold a row between ---'

Everything is compared by rank, a time and a tie: for newest first both run backwards. A row's tie is the place where it
was first stored, so its rank stays the same when blocks are merged between two pages.
"""

import heapq
import time
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from chalicelib.events.query.budget import Budget
from chalicelib.events.query.cursor import Position, SearchCursor
from chalicelib.events.query.plan import Hours, hours_within, known_counts, may_hold_a_match, narrowed, visible
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.read import Candidate, Order, Resume, candidates, with_details
from chalicelib.events.store.split import SPAN_MS
from chalicelib.events.store.stored import Stored
from chalicelib.ids import HOUR_MS, Slot
from chalicelib.storage.errors import StoreUnavailable

HELD_ROWS: Final = 250_000
"""A page ends early when the blocks that its rows are in hold more than so many events: they are all in memory."""

LAST_SECONDS: Final = 1.0
"""Kept for the answer, whatever else."""

Rank = tuple[int, bytes]


class Row(NamedTuple):
    """A matching row. Rows are compared by rank; what follows only keeps blocks from being compared."""

    rank: Rank
    number: int
    block: int
    stored: Stored


class Walk:
    """One page in the making.

    Where it ends, the cursor keeps the rank of the last row given and the first block, in stream order, that still has
    rows to give. What is spent may be overdrawn: a page that stopped where it began would be asked for again for ever.
    """

    def __init__(self, scope: Scope, wanted: Filter, begun: SearchCursor, *, now_ms: int, budget: Budget) -> None:
        self.partial = False
        """Whether reading stopped before the limit was met and before the end was reached."""
        self._scope = scope
        self._wanted = wanted
        self._begun = begun
        self._budget = budget
        self._order: Order = begun.order
        self._start = self._ranked(begun.position.timestamp, begun.position.tie) if begun.position else _FIRST
        self._resumed = self._ranked(begun.resume.last, begun.resume.tail) if begun.resume else _FIRST
        self._visible = self._to_come(visible(TimeRange(begun.start, begun.end), scope, wanted, now_ms=now_ms))
        self._waiting: list[Row] = []
        self._given: list[Row] = []
        self._upcoming: Candidate | None = None
        self._unread: Slot | None = None
        self._out_of_reach: Rank | None = None
        """So many rows wait with a lower rank that no row with a higher one can be on this page."""
        self._passed_over: Rank | None = None
        """Where the first block stands that may have more rows than were put to wait."""
        self._held = 0

    def rows(self, limit: int) -> list[tuple[Stored, int]]:
        """The next rows, at most so many: their blocks and numbers. To be called once, with a limit of at least one."""
        hours = Hours(self._hours(), self._budget)
        stream = self._stream(hours)
        self._upcoming = next(stream, None)
        while self._upcoming is not None and not self._is_full(limit):
            if self._budget.spent and self._may_stop_before(self._upcoming):
                break
            self._take(self._upcoming.stored, limit - len(self._given))
            self._upcoming = next(stream, None)
            self._give_out(limit)
        self._unread = hours.unread
        self.partial = not self._is_full(limit) and (self._upcoming is not None or self._unread is not None)
        return [(row.stored, row.number) for row in self._given]

    def further(self, kept: int) -> SearchCursor | None:
        """Where the next page begins, if only so many of the rows go out on this one; None where nothing is left."""
        left = self._given[kept:] + self._waiting
        if not left and self._passed_over is None and self._upcoming is None and self._unread is None:
            return None
        if self.partial and kept == len(self._given):
            reached = max(self._start, self._edge())
        else:
            reached = self._given[kept - 1].rank
        resume = self._resume_rank(left)
        return SearchCursor(
            self._begun.start,
            self._begun.end,
            self._order,
            Position(*self._ranked(*reached)),
            None if resume == _LAST else Resume(*self._ranked(*resume)),
        )

    # --- reading ------------------------------------------------------------------------------------------------------

    def _hours(self) -> list[Slot]:
        hours = hours_within(self._visible, self._order)
        known = known_counts(self._scope, hours, deadline=self._budget.deadline)
        return [slot for slot in hours if may_hold_a_match(self._wanted, known(slot))]

    def _stream(self, hours: Iterable[Slot]) -> Iterator[Candidate]:
        deadline = self._budget.deadline
        stream = candidates(
            self._scope, self._visible, self._order, deadline=deadline, slots=hours, resume=self._begun.resume
        )
        if self._wanted.exact_without_detail:
            return stream
        return with_details(stream, self._wants_detail, deadline=deadline)

    def _wants_detail(self, stored: Stored) -> bool:
        return not self._is_out_of_reach(stored) and bool(narrowed(self._wanted, stored.block))

    # --- rows that wait -----------------------------------------------------------------------------------------------

    def _take(self, stored: Stored, wanted: int) -> None:
        """Lets the block's rows wait, as many as this page may need."""
        self._budget.read(events=stored.block.header.count, size=stored.size)
        if self._is_out_of_reach(stored):
            self._pass_over(stored)
            return
        taken = 0
        for row in self._matching(stored):
            if taken == wanted or (self._out_of_reach is not None and row.rank > self._out_of_reach):
                self._pass_over(stored)
                break
            heapq.heappush(self._waiting, row)
            taken += 1
        self._held += stored.block.header.count if taken else 0
        if len(self._waiting) > 2 * wanted:
            self._thin_out(wanted)

    def _matching(self, stored: Stored) -> Iterator[Row]:
        """The block's matching rows that were not given before, in order, found one at a time."""
        block = stored.block
        mask = self._wanted.mask(block, narrowed(self._wanted, block))
        if not mask:
            return
        low, high = block.row_at(self._visible.start), block.row_at(self._visible.end)
        for number in mask.rows_backwards(low, high) if self._order == "desc" else mask.rows(low, high):
            rank = self._ranked(block.times[number], stored.place(number).tie)
            if rank > self._start:
                yield Row(rank, number, id(stored), stored)

    def _thin_out(self, wanted: int) -> None:
        """Of the rows that wait, keeps those that this page may need."""
        self._waiting.sort()
        for row in self._waiting[wanted:]:
            self._pass_over(row.stored)
        del self._waiting[wanted:]
        self._out_of_reach = self._waiting[-1].rank

    def _is_out_of_reach(self, stored: Stored) -> bool:
        if self._out_of_reach is None:
            return False
        header = stored.block.header
        nearest = header.last if self._order == "desc" else header.first
        return self._ranked(nearest, b"") > self._out_of_reach

    def _pass_over(self, stored: Stored) -> None:
        self._passed_over = min(self._passed_over or _LAST, self._standing(stored))

    def _give_out(self, limit: int) -> None:
        bound = _LAST if self._upcoming is None else self._bound(self._upcoming)
        while self._waiting and len(self._given) < limit and self._waiting[0].rank < bound:
            self._given.append(heapq.heappop(self._waiting))

    # --- stopping -----------------------------------------------------------------------------------------------------

    def _is_full(self, limit: int) -> bool:
        return len(self._given) >= limit or (self._held > HELD_ROWS and bool(self._given))

    def _may_stop_before(self, upcoming: Candidate) -> bool:
        """Whether the next page, if this one ended here, would begin further on than this one did."""
        here = max(self._start, self._bound(upcoming)), self._resume_rank(self._waiting)
        if self._begun.position is None or here > (self._start, self._resumed):
            return True
        if time.monotonic() > self._budget.deadline - LAST_SECONDS:
            message = (
                "too many blocks overlap at one moment to be ordered in one request: narrow the query or the range"
            )
            raise StoreUnavailable(message)
        return False

    def _edge(self) -> Rank:
        """No row that was not read has a lower rank."""
        if self._upcoming is not None:
            return self._bound(self._upcoming)
        assert self._unread is not None, "a page is partial because something was not read"
        hour = self._unread
        return self._ranked(hour * HOUR_MS if self._order == "asc" else (hour + 1) * HOUR_MS - 1, b"")

    def _bound(self, upcoming: Candidate) -> Rank:
        """No row of this block, or of any after it, has a lower rank.

        Newest first, blocks that end at one timestamp stand by batch and part, and so do the ties of their rows there.
        """
        if self._order == "desc" and not upcoming.stored.merged:
            return self._standing(upcoming.stored)
        return self._ranked(upcoming.bound, b"")

    def _resume_rank(self, left: Iterable[Row]) -> Rank:
        ranks = [self._standing(row.stored) for row in left]
        if self._passed_over is not None:
            ranks.append(self._passed_over)
        if self._upcoming is not None:
            ranks.append(self._resumed_at(self._upcoming))
        return min(ranks, default=_LAST)

    def _resumed_at(self, upcoming: Candidate) -> Rank:
        """Where blocks that are not merged go on, if this one is the next."""
        if not upcoming.stored.merged:
            return self._standing(upcoming.stored)
        # Newest first, merged blocks come before others that end with them; oldest first, after those that begin so.
        return self._ranked(upcoming.bound + (1 if self._order == "desc" else SPAN_MS), b"")

    def _standing(self, stored: Stored) -> Rank:
        """Where a block stands in the stream. Merged ones come again on every page, so that none is ever waited for."""
        return _LAST if stored.merged else self._ranked(stored.identity[0], stored.sort[7:])

    def _ranked(self, timestamp: int, tie: bytes) -> Rank:
        """From a time and a tie to their rank, and back."""
        return (timestamp, tie) if self._order == "asc" else (-timestamp, tie.translate(_BACKWARDS))

    def _to_come(self, within: TimeRange) -> TimeRange:
        position = self._begun.position
        if position is None:
            return within
        if self._order == "desc":
            return TimeRange(within.start, min(within.end, position.timestamp + 1))
        return TimeRange(max(within.start, position.timestamp), within.end)


_BACKWARDS: Final = bytes(range(255, -1, -1))
_FIRST: Final[Rank] = (-(1 << 62), b"")
_LAST: Final[Rank] = (1 << 62, b"")

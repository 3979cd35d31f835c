"""Search: the rows that match, in the order of time, as far as limit and budget reach.

Blocks arrive in stream order (`store.read`); their matching rows wait in a heap until no block to come can hold one that
belongs before them.

    stream   b9 b8 b7 | b6 ...        next unread is b6, its last timestamp is 14:03:20
    waiting  14:03:55 14:03:41 14:03:20 14:02:10
             '-- given out --'  '--- not yet: b6 may hold a row between ---'

Where a page ends, the cursor keeps the position, and the first block in stream order that still has rows to give.
"""

import heapq
import time
from collections.abc import Iterator
from typing import Final

import msgspec

from chalicelib.events.query.answers import Page, Record, Understood, records
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.cursor import Position, SearchCursor, seal, unseal
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.plan import clipped, hours_to_read
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.read import Candidate, Order, Resume, Stored, candidates, fetch_details, with_details
from chalicelib.storage.errors import StoreUnavailable

ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Lambda answers with 6 MB at most, as base64: 4.5 MB of content."""

LAST_SECONDS: Final = 1.0
"""Kept for the answer, whatever else."""


def search(
    scope: Scope,
    expression: Expression,
    within: TimeRange,
    *,
    limit: int,
    order: Order = "desc",
    cursor: str | None = None,
    max_bytes: int = ANSWER_BYTES,
    now_ms: int,
    deadline: float,
) -> Page:
    """At most `limit` matching events of the range, in order; each once, over all pages.

    A page ends earlier where its events are more than `max_bytes` of JSON.

    With a `cursor` the range is the one of its first page. Raises `CursorRefused` and `StoreUnavailable`.
    """
    question = f"{order} {describe(expression)}"
    if cursor is not None:
        begun = unseal(scope, question, cursor, SearchCursor)
        within = TimeRange(begun.start, begun.end)
    else:
        begun = None
    budget = Budget(deadline=deadline)
    found = Search(scope, expression, within, order, begun, now_ms=now_ms, budget=budget)
    rows = found.rows(limit)
    budget.read_more(fetch_details([stored for stored, _ in rows], deadline=deadline))
    data = _that_fit(records(rows), max_bytes)
    found.give_back(len(rows) - len(data))
    further = found.further()
    return Page(
        data=data,
        next_cursor=seal(scope, question, further) if further else None,
        partial=found.partial,
        query=Understood(describe(expression), order, limit),
        start=within.start,
        end=within.end,
        scanned=budget.scanned,
    )


class Search:
    """One page in the making."""

    def __init__(
        self,
        scope: Scope,
        expression: Expression,
        within: TimeRange,
        order: Order,
        begun: SearchCursor | None,
        *,
        now_ms: int,
        budget: Budget,
    ) -> None:
        self.partial = False
        self._scope = scope
        self._filter = Filter(expression)
        self._asked = within
        self._sign = -1 if order == "desc" else 1
        self._order: Order = order
        self._position = begun.position if begun else None
        self._resume = begun.resume if begun else None
        self._budget = budget
        self._visible = self._after_position(clipped(within, scope, now_ms=now_ms))
        self._waiting: list[tuple[int, bytes, int, Stored, int]] = []
        """By rank; the number between rank and block only keeps blocks from being compared."""
        self._left: dict[tuple[int, bytes], int] = {}
        """Blocks that still have matching rows to give, by last timestamp and the rest of the sort key."""
        self._given: list[tuple[Stored, int]] = []
        self._upcoming: Candidate | None = None
        self._shortened = False

    def rows(self, limit: int) -> list[tuple[Stored, int]]:
        """The rows of this page: blocks and row numbers."""
        stream = self._stream()
        self._upcoming = next(stream, None)
        while self._upcoming is not None and len(self._given) < limit:
            if self._must_stop(self._upcoming):
                self.partial = True
                break
            self._take(self._upcoming.stored, limit - len(self._given))
            self._upcoming = next(stream, None)
            self._give_out(limit)
        return self._given

    def give_back(self, count: int) -> None:
        """Leaves the last rows for the next page."""
        if count:
            for stored, _ in self._given[-count:]:
                self._left[_key(stored)] = self._left.get(_key(stored), 0) + 1
            del self._given[-count:]
            self._shortened = True

    def further(self) -> SearchCursor | None:
        """Where the next page begins, or None where everything was given."""
        if self._upcoming is None and not self._waiting and not self._left:
            return None
        return SearchCursor(
            self._asked.start, self._asked.end, self._order, self._reached(), self._resume_at()
        )

    def _stream(self) -> Iterator[Candidate]:
        deadline = self._budget.deadline
        stream = candidates(
            self._scope,
            self._visible,
            self._order,
            deadline=deadline,
            slots=hours_to_read(self._scope, self._visible, self._order, self._filter, deadline=deadline),
            resume=self._resume,
        )
        if self._filter.exact_without_detail:
            return stream
        return with_details(stream, lambda stored: bool(self._narrowed(stored)), deadline=deadline)

    def _take(self, stored: Stored, wanted: int) -> None:
        block = stored.block
        self._budget.read(events=block.header.count, size=stored.size)
        mask = self._filter.mask(block, self._narrowed(stored))
        if not mask:
            return
        low, high = block.row_at(self._visible.start), block.row_at(self._visible.end)
        key = _key(stored)
        ordered = mask.rows_backwards(low, high) if self._order == "desc" else mask.rows(low, high)
        for row in ordered:
            rank = self._rank(block.times[row], stored.place(row).tie)
            if not self._is_after_position(rank):
                continue
            self._left[key] = self._left.get(key, 0) + 1
            if wanted <= 0:
                return  # at least one more: that is all the cursor needs to know
            heapq.heappush(self._waiting, (*rank, id(stored), stored, row))
            wanted -= 1

    def _narrowed(self, stored: Stored) -> Mask:
        """The rows that may match, found without the detail."""
        if not self._filter.admits(stored.block.header):
            return Mask(0, stored.block.header.count)
        return self._filter.narrow(stored.block)

    def _give_out(self, limit: int) -> None:
        bound = None if self._upcoming is None else self._sign * self._upcoming.bound
        while self._waiting and len(self._given) < limit and (bound is None or self._waiting[0][0] < bound):
            *_, stored, row = heapq.heappop(self._waiting)
            self._given.append((stored, row))
            key = _key(stored)
            self._left[key] -= 1
            if not self._left[key]:
                del self._left[key]

    def _must_stop(self, upcoming: Candidate) -> bool:
        """Whether the budget is spent and stopping here gets the next page further than this one began."""
        if not self._budget.spent:
            return False
        begun_at = self._position.timestamp if self._position else self._asked.start
        if self._position is None or not self._left or self._sign * upcoming.bound > self._sign * begun_at:
            return True
        if time.monotonic() > self._budget.deadline - LAST_SECONDS:
            message = "too many blocks overlap at one moment to be ordered in one request: narrow the query or the range"
            raise StoreUnavailable(message)
        return False

    def _reached(self) -> Position:
        if self.partial and self._upcoming is not None and not self._shortened:
            return Position(self._upcoming.bound, inclusive=True)
        stored, row = self._given[-1]
        return Position(stored.block.times[row], stored.place(row).tie)

    def _resume_at(self) -> Resume:
        open_blocks = [key for key in self._left if key[1]]
        if self._upcoming is not None and not self._upcoming.stored.merged:
            open_blocks.append(_key(self._upcoming.stored))
        else:
            bound = self._reached().timestamp if self._upcoming is None else self._upcoming.bound
            open_blocks.append((bound, b"\xff" if self._order == "desc" else b""))
        return Resume(*(max(open_blocks) if self._order == "desc" else min(open_blocks)))

    def _rank(self, timestamp: int, tie: bytes) -> tuple[int, bytes]:
        """Rows are given in ascending rank: by time, and at one timestamp by place; backwards for newest first."""
        return (timestamp, tie) if self._order == "asc" else (-timestamp, tie.translate(_BACKWARDS))

    def _is_after_position(self, rank: tuple[int, bytes]) -> bool:
        position = self._position
        if position is None or rank[0] != self._sign * position.timestamp or position.inclusive:
            return True  # the range was cut at the position's timestamp
        return rank > self._rank(position.timestamp, position.tie)

    def _after_position(self, within: TimeRange) -> TimeRange:
        if self._position is None:
            return within
        if self._order == "desc":
            return TimeRange(within.start, min(within.end, self._position.timestamp + 1))
        return TimeRange(max(within.start, self._position.timestamp), within.end)


def _that_fit(found: list[Record], max_bytes: int) -> list[Record]:
    size = 0
    for kept, each in enumerate(found):
        size += len(msgspec.json.encode(each))
        if size > max_bytes and kept:
            return found[:kept]
    return found


_BACKWARDS: Final = bytes(range(255, -1, -1))


def _key(stored: Stored) -> tuple[int, bytes]:
    """Merged blocks, which come again on every page, have an empty tail."""
    if stored.merged:
        return stored.block.header.last, b""
    return stored.identity[0], stored.sort[7:]



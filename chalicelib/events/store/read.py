"""Blocks out: a project's blocks in the order of time, read as they are consumed, superseded ones left out.

Blocks stand by their last timestamp. Newest first, the next block bounds everything after it: no row of it, or of a
later one, is newer than its last timestamp. Oldest first, no row is older than that less the span of a block. Merged
blocks may span their whole hour; they are few, and an hour's are known before any of its blocks is given out.

    hour 14, shard 0   M2  M1   b9 b8 b7 b6 ...     \\
    hour 14, shard 1   M1       b9 b8 ...            >  merged by bound  ->  Candidate, Candidate, ...
    hour 13, ...       (read ahead, more hours at a time the emptier they are)
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

import msgspec

from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import remembered
from chalicelib.events.store.put import FORWARD
from chalicelib.events.store.split import SPAN_MS
from chalicelib.events.store.stored import (
    DETAILS_AT_ONCE,
    Stored,
    all_merged_blocks,
    current_of,
    range_query,
    superseded,
)
from chalicelib.ids import HOUR_MS, BatchId, Slot, slot_of
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.tables import keys
from chalicelib.storage.threads import Threads

Order = Literal["desc", "asc"]

FIRST_PAGE: Final = 25
"""Blocks asked for at first; pages grow fourfold while they are consumed, until DynamoDB's 1 MB cuts them."""

HOURS_AHEAD: Final = 8


class Candidate(msgspec.Struct, frozen=True):
    """A block to come, and what bounds the rows of it and of all that follow it."""

    rank: tuple[int, bytes]
    """Where it stands in the stream: candidates come in ascending rank."""
    bound: int
    """Newest first: no row is newer. Oldest first: no row is older. In milliseconds."""
    stored: Stored


class Resume(msgspec.Struct, frozen=True, array_like=True):
    """Where a stream goes on: at the block with this last timestamp and tail of its sort key (batch and part)."""

    last: int
    tail: bytes


def candidates(
    scope: Scope,
    within: TimeRange,
    order: Order,
    *,
    deadline: float,
    slots: Iterable[Slot] | None = None,
    resume: Resume | None = None,
) -> Iterator[Candidate]:
    """Every block that may hold a row in the range, each once, in stream order.

    `slots` narrows to hours that are not known to be empty, in stream order. `resume` leaves out blocks before it;
    merged blocks come again, and their rows are told apart by their places.
    """
    if within.end <= within.start:
        return
    with _readers() as pool:
        hours = iter(slots if slots is not None else _hours(within, order))
        ahead: list[_Hour] = []
        depth = 1
        while True:
            while len(ahead) < depth and (slot := next(hours, None)) is not None:
                ahead.append(_Hour(scope, slot, within, order, resume, deadline=deadline))
                ahead[-1].begin(pool)
            if not ahead:
                return
            yield from ahead.pop(0).candidates()
            depth = min(depth * 2, HOURS_AHEAD)


def with_details(
    stream: Iterator[Candidate], wanted: Callable[[Stored], bool], *, deadline: float
) -> Iterator[Candidate]:
    """The same candidates, details attached where wanted: read a few blocks ahead, more the longer it goes on.

    Without those that are gone.
    """
    with _readers() as pool:
        ahead: deque[tuple[Candidate, Future[int] | None]] = deque()
        depth = 1
        exhausted = False
        while True:
            while not exhausted and len(ahead) < depth:
                candidate = next(stream, None)
                if candidate is None:
                    exhausted = True
                    break
                stored = candidate.stored
                fetch = stored.block.needs_detail and wanted(stored)
                ahead.append((candidate, pool.submit(stored.fetch_detail, deadline=deadline) if fetch else None))
            if not ahead:
                return
            candidate, pending = ahead.popleft()
            if pending is not None:
                candidate.stored.size += pending.result()
            if not candidate.stored.gone:
                yield candidate
            depth = min(depth * 2, DETAILS_AT_ONCE)


class _Shard(NamedTuple):
    """What was asked of one partition."""

    partition: bytes
    merged: Future[list[Stored]]
    first_page: Future[list[dict[str, Value]]]
    pages: Iterator[list[dict[str, Value]]]
    """Those after the first, read as they are consumed."""


class _Hour:
    """One hour of one range: its merged blocks, and a stream of its blocks for each shard."""

    def __init__(
        self,
        scope: Scope,
        slot: Slot,
        within: TimeRange,
        order: Order,
        resume: Resume | None,
        *,
        deadline: float,
    ) -> None:
        self.scope = scope
        self.slot = slot
        self.within = within
        self.order = order
        self.resume = resume
        self.deadline = deadline
        self.shards: list[_Shard] = []

    def begin(self, pool: Threads) -> None:
        """Asks for what the hour begins with, all at once: each shard's merged blocks and the first page of others.

        Either may be answered first: what is merged meanwhile stays where it was for longer than any query runs.
        """
        for shard in range(self.scope.shard_count(self.slot)):
            partition = keys.slot_partition(self.scope.org, self.scope.project, self.slot, shard)
            merged = pool.submit(all_merged_blocks, self.scope, partition, deadline=self.deadline)
            pages = self._pages(partition)
            self.shards.append(_Shard(partition, merged, pool.submit(next, pages, []), pages))

    def candidates(self) -> Iterator[Candidate]:
        streams: list[Iterator[Candidate]] = []
        for shard in self.shards:
            merged = current_of(shard.merged.result())
            streams.append(iter(sorted(map(self._candidate, filter(self._touches, merged)), key=_rank)))
            streams.append(map(self._candidate, self._blocks(shard, merged)))
        return heapq.merge(*streams, key=_rank)

    def _blocks(self, shard: "_Shard", merged: Sequence[Stored]) -> Iterator[Stored]:
        left_out: frozenset[tuple[BatchId, int]] | None = None
        for entry in chain(shard.first_page.result(), chain.from_iterable(shard.pages)):
            if entry["b"].binary == FORWARD:
                continue
            if left_out is None:
                left_out = superseded(merged)  # only now: it takes reading what the merged blocks hold
            stored = Stored(self.scope, shard.partition, entry, deadline=self.deadline)
            if stored.identity[1:] not in left_out and self._touches(stored) and not self._before_resume(stored):
                yield stored

    def _pages(self, partition: bytes) -> Iterator[list[dict[str, Value]]]:
        request = self._query(partition)
        size = FIRST_PAGE
        while request is not None:
            answer = remembered.page(request | {"Limit": size}, deadline=self.deadline)
            yield answer.items
            if answer.last_evaluated_key is None:
                return
            request = request | {"ExclusiveStartKey": answer.last_evaluated_key}
            size *= 4

    def _query(self, partition: bytes) -> dict[str, Any] | None:
        oldest = max(self.within.start, self.slot * HOUR_MS)
        newest = min(self.within.end - 1 + SPAN_MS, (self.slot + 1) * HOUR_MS - 1)
        if self.resume is not None and self.order == "desc":
            newest = min(newest, self.resume.last)
        if self.resume is not None and self.order == "asc":
            oldest = max(oldest, self.resume.last)
        if oldest > newest:
            return None
        return range_query(partition, *keys.block_range(oldest, newest)) | {
            "ScanIndexForward": self.order == "asc",
        }

    def _touches(self, stored: Stored) -> bool:
        header = stored.block.header
        return header.first < self.within.end and header.last >= self.within.start

    def _before_resume(self, stored: Stored) -> bool:
        if self.resume is None:
            return False
        here = (stored.identity[0], stored.sort[7:])
        there = (self.resume.last, self.resume.tail)
        return here > there if self.order == "desc" else here < there

    def _candidate(self, stored: Stored) -> Candidate:
        header = stored.block.header
        if self.order == "desc":
            return Candidate((-header.last, _descending(stored.sort)), header.last, stored)
        bound = header.first if stored.merged else max(header.last - SPAN_MS, self.slot * HOUR_MS)
        return Candidate((bound, stored.sort), bound, stored)


def _hours(within: TimeRange, order: Order) -> Iterable[Slot]:
    # A block that began before the hour's end ends in the same hour: blocks never cross hours.
    hours = range(slot_of(within.start), slot_of(within.end - 1) + 1)
    return map(Slot, reversed(hours) if order == "desc" else hours)


def _rank(candidate: Candidate) -> tuple[int, bytes]:
    return candidate.rank


def _descending(sort: bytes) -> bytes:
    """Bytes that sort the other way round."""
    return bytes(255 - byte for byte in sort)


@contextmanager
def _readers() -> Iterator[Threads]:
    pool = Threads(HOURS_AHEAD)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

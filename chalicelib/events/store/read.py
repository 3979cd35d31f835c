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
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

import msgspec

from chalicelib.events.block import Block, Dictionary, open_block
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries
from chalicelib.events.store.event_id import Place
from chalicelib.events.store.put import FORWARD
from chalicelib.events.store.split import SPAN_MS
from chalicelib.ids import HOUR_MS, BatchId, Slot, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

Order = Literal["desc", "asc"]

FIRST_PAGE: Final = 25
"""Blocks asked for at first; pages grow fourfold while they are consumed, until DynamoDB's 1 MB cuts them."""

HOURS_AHEAD: Final = 8
DETAILS_AT_ONCE: Final = 8


class Stored:
    """A block where it stands. Its detail is fetched when asked for."""

    def __init__(self, scope: Scope, partition: bytes, entry: dict[str, Value], *, deadline: float) -> None:
        self.scope = scope
        self.partition = partition
        self.sort = entry["s"].binary
        self.size = len(entry["b"].binary)
        self.block: Block = open_block(entry["b"].binary, lambda version: self._dictionary(version, deadline))

    @property
    def merged(self) -> bool:
        return self.sort[:1] == keys.MERGED

    @property
    def shard(self) -> int:
        return self.partition[-1]

    @property
    def generation(self) -> int:
        return keys.merged_generation(self.sort)

    @cached_property
    def identity(self) -> tuple[int, BatchId, int]:
        """The last timestamp, batch and part of a block that is not merged."""
        return keys.block_identity(self.sort)

    @cached_property
    def places(self) -> Sequence[tuple[int, BatchId, int]]:
        """The original blocks whose rows are here."""
        if not self.merged:
            return (self.identity,)
        return [(part.last, BatchId(part.batch), part.part) for part in self.block.parts]

    def place(self, row: int) -> Place:
        origin, original_row = self.block.origin(row)
        last, batch, part = self.places[origin]
        return Place(last=last, batch=batch, part=part, row=original_row, shard=self.shard)

    def received_at(self, row: int) -> int:
        if not self.merged:
            return self.block.header.received_at
        return self.block.parts[self.block.origin(row)[0]].received_at

    @property
    def detail_sort(self) -> bytes:
        """Where the detail stands, if it is an item of its own."""
        digest = self.block.header.detail_hash
        if self.merged:
            return keys.merged_detail_sort(self.generation, digest)
        return keys.detail_sort(*self.identity, digest)

    def fetch_detail(self, *, deadline: float) -> int:
        """Attaches the detail, if it is an item of its own; answers with the bytes that were read for it."""
        if not self.block.needs_detail:
            return 0
        detail = item(keys.EVENTS, self.partition, self.detail_sort, deadline=deadline)
        if detail is None:
            message = f"the detail of block {self.sort.hex()} is gone"
            raise DetailMissing(message)
        self.block.attach(detail["b"].binary)
        return len(detail["b"].binary)

    def _dictionary(self, version: int, deadline: float) -> Dictionary:
        return dictionaries.for_reading(self.scope, version, deadline=deadline)


class DetailMissing(Exception):
    """A block names a detail that is not there: it was deleted meanwhile, or must never happen."""


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
    """The same candidates, details attached where wanted: read a few blocks ahead, more the longer it goes on."""
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
            yield candidate
            depth = min(depth * 2, DETAILS_AT_ONCE)


def fetch_details(stored: Sequence[Stored], *, deadline: float) -> int:
    """Attaches the details of several blocks, several at a time; answers with the bytes that were read."""
    wanted = [each for each in stored if each.block.needs_detail]
    if len(wanted) < 2:
        return sum(each.fetch_detail(deadline=deadline) for each in wanted)
    with ThreadPoolExecutor(min(DETAILS_AT_ONCE, len(wanted))) as pool:
        return sum(pool.map(lambda each: each.fetch_detail(deadline=deadline), wanted))


def read_place(scope: Scope, place: Place, *, deadline: float) -> tuple[Stored, int] | None:
    """The block that holds an event now, its detail attached, and the row it has there."""
    partition = keys.slot_partition(scope.org, scope.project, place.slot, place.shard)
    found = item(keys.EVENTS, partition, keys.block_sort(place.last, place.batch, place.part), deadline=deadline)
    if found is not None and found["b"].binary != FORWARD:
        stored = Stored(scope, partition, found, deadline=deadline)
        stored.fetch_detail(deadline=deadline)  # if it has one it is never merged, so it is there
        return (stored, place.row) if place.row < stored.block.header.count else None
    for stored in current_of(all_merged_blocks(scope, partition, deadline=deadline)):
        row = _row_of(stored, place)
        if row is not None:
            stored.fetch_detail(deadline=deadline)
            return stored, row
    return None


def all_merged_blocks(scope: Scope, partition: bytes, *, deadline: float) -> list[Stored]:
    """A partition's merged blocks, replaced ones too."""
    request = _range_query(partition, keys.MERGED, keys.MERGED + b"\xff" * 5)
    return [
        Stored(scope, partition, entry, deadline=deadline) for entry in dynamodb.query_all(request, deadline=deadline)
    ]


def current_of(merged: Sequence[Stored]) -> list[Stored]:
    """Those of a partition's merged blocks that count: no other that counts stands for them.

    One that is replaced replaces nothing: it may be the late work of a stalled run, which chose other blocks.
    """
    current: list[Stored] = []
    replaced: set[int] = set()
    for stored in sorted(merged, key=lambda each: each.generation, reverse=True):
        if stored.generation not in replaced:
            current.append(stored)
            replaced.update(stored.block.header.replaces)
    return current[::-1]


def blocks_of(scope: Scope, partition: bytes, *, deadline: float) -> Iterator[Stored]:
    """A partition's blocks that are not merged, oldest first, superseded ones too."""
    request = _range_query(partition, keys.BLOCK, keys.BLOCK + b"\xff" * 20)
    for entry in dynamodb.query_all(request, deadline=deadline):
        if entry["b"].binary != FORWARD:
            yield Stored(scope, partition, entry, deadline=deadline)


def superseded(merged: Iterable[Stored]) -> frozenset[tuple[BatchId, int]]:
    """The blocks that merged ones stand for. For ever: a resend that lands later is not read either."""
    return frozenset((batch, part) for stored in merged for _, batch, part in stored.places)


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

    def begin(self, pool: ThreadPoolExecutor) -> None:
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
            answer = dynamodb.call("Query", request | {"Limit": size}, deadline=self.deadline)
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
        return _range_query(partition, *keys.block_range(oldest, newest)) | {
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


def _range_query(partition: bytes, low: bytes, high: bytes) -> dict[str, Any]:
    return {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p AND s BETWEEN :low AND :high",
        "ExpressionAttributeValues": {":p": {"B": partition}, ":low": {"B": low}, ":high": {"B": high}},
        "ConsistentRead": True,
    }


def _row_of(stored: Stored, place: Place) -> int | None:
    wanted = (place.last, place.batch, place.part)
    if wanted not in stored.places:
        return None
    target = (stored.places.index(wanted), place.row)
    rows = range(stored.block.header.count)
    return next((row for row in rows if stored.block.origin(row) == target), None)


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(HOURS_AHEAD)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

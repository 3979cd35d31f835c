"""Blocks where they stand: in a partition, which is one hour of a project in one shard.

A partition holds blocks as they came, and merged ones that stand for many of them. What is merged is still there for a
while, and so are merged blocks that were merged again: `current_of` and `superseded` say what counts.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from chalicelib.events.block import Block, Dictionary, open_block
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, remembered
from chalicelib.events.store.event_id import Place
from chalicelib.events.store.put import FORWARD
from chalicelib.ids import BatchId
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from chalicelib.storage.threads import Threads

DETAILS_AT_ONCE: Final = 8

logger: Final = logging.getLogger(__name__)


class Stored:
    """A block where it stands. Its detail is fetched when asked for, and may be found to be `gone`.

    Of a block that has outlived its time DynamoDB deletes the two items one after the other, in any order and hours
    apart, and a window that was lengthened meanwhile shows it again. A purge comes between the two as well. A block
    without its detail is on its way out, and counts as gone wherever the detail is needed.
    """

    def __init__(self, scope: Scope, partition: bytes, entry: dict[str, Value], *, deadline: float) -> None:
        self.scope = scope
        self.partition = partition
        self.sort = entry["s"].binary
        self.size = len(entry["b"].binary)
        self.gone = False
        """Whether its detail was asked for and is not there any more."""
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
        """Attaches the detail, if it is an item of its own and there; answers with the bytes that were read for it."""
        if not self.block.needs_detail or self.gone:
            return 0
        detail = item(keys.EVENTS, self.partition, self.detail_sort, deadline=deadline)
        if detail is None:
            self.gone = True
            logger.warning("a block counts as gone, because its detail is: %s", self.sort.hex())
            return 0
        self.block.attach(detail["b"].binary)
        return len(detail["b"].binary)

    def _dictionary(self, version: int, deadline: float) -> Dictionary:
        return dictionaries.for_reading(self.scope, version, deadline=deadline)


def all_merged_blocks(scope: Scope, partition: bytes, *, deadline: float) -> list[Stored]:
    """A partition's merged blocks, replaced ones too."""
    request = range_query(partition, keys.MERGED, keys.MERGED + b"\xff" * 5)
    return [
        Stored(scope, partition, entry, deadline=deadline) for entry in remembered.entries(request, deadline=deadline)
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
    request = range_query(partition, keys.BLOCK, keys.BLOCK + b"\xff" * 20)
    for entry in dynamodb.query_all(request, deadline=deadline):
        if entry["b"].binary != FORWARD:
            yield Stored(scope, partition, entry, deadline=deadline)


def superseded(merged: Iterable[Stored]) -> frozenset[tuple[BatchId, int]]:
    """The blocks that merged ones stand for. For ever: a resend that lands later is not read either."""
    return frozenset((batch, part) for stored in merged for _, batch, part in stored.places)


def fetch_details(stored: Sequence[Stored], *, deadline: float) -> int:
    """Attaches the details of several blocks that are not gone, several at a time; answers with the bytes read."""
    wanted = [each for each in stored if each.block.needs_detail]
    if len(wanted) < 2:
        return sum(each.fetch_detail(deadline=deadline) for each in wanted)
    with Threads(min(DETAILS_AT_ONCE, len(wanted))) as pool:
        return sum(pool.map(lambda each: each.fetch_detail(deadline=deadline), wanted))


def read_place(scope: Scope, place: Place, *, deadline: float) -> tuple[Stored, int] | None:
    """The block that holds an event now, its detail attached, and the row it has there; None where it is gone."""
    partition = keys.slot_partition(scope.org, scope.project, place.slot, place.shard)
    found = item(keys.EVENTS, partition, keys.block_sort(place.last, place.batch, place.part), deadline=deadline)
    if found is not None and found["b"].binary != FORWARD:
        stored = Stored(scope, partition, found, deadline=deadline)
        stored.fetch_detail(deadline=deadline)  # if it has one it is never merged, so it is here or nowhere
        return (stored, place.row) if place.row < stored.block.header.count and not stored.gone else None
    for stored in current_of(all_merged_blocks(scope, partition, deadline=deadline)):
        row = _row_of(stored, place)
        if row is not None:
            stored.fetch_detail(deadline=deadline)
            return None if stored.gone else (stored, row)
    return None


def range_query(partition: bytes, low: bytes, high: bytes) -> dict[str, Any]:
    """The request for what stands between two sort keys, both included, as it is now."""
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

"""Blocks for the query's tests, packed by the real codec."""

from collections.abc import Sequence
from hashlib import sha256

from chalicelib.events.block import Block, open_block, pack
from chalicelib.events.event import Event
from tests.query.strategies import START

FILLER = tuple(
    Event(
        timestamp=START + 997 * at,
        message=f"request {at} served",
        service="api",
        trace_id=sha256(at.to_bytes(2, "big")).hexdigest()[:32],
        metadata={"duration_ms": at % 700},
    )
    for at in range(300)
)
"""Enough for a block in columns, its detail in an item of its own; fewer than about 20 events make one in rows."""


def block_of(events: Sequence[Event]) -> Block:
    """A block with its detail attached."""
    packed = pack(events, received_at=START, dictionary=None)
    block = open_block(packed.scan, _no_dictionary)
    if packed.detail is not None:
        block.attach(packed.detail)
    return block


def block_without_detail(events: Sequence[Event]) -> Block:
    """A block whose detail was not read."""
    return open_block(pack(events, received_at=START, dictionary=None).scan, _no_dictionary)


def events_in(block: Block) -> list[Event]:
    return block.events(range(block.header.count))


def _no_dictionary(version: int) -> None:
    raise AssertionError(f"asked for dictionary {version}")

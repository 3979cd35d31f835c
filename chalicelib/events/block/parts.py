"""What a merged block was made of, so that event ids, supersession and receipt times outlive the merge."""

from collections.abc import Sequence
from typing import Final

import msgspec

from chalicelib.events.block.column_decoding import decode
from chalicelib.events.block.column_encoding import encode_integers
from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.wire import Reader, planes, read_codes, varint, width_of

BATCH_SIZE: Final = 10


class Part(msgspec.Struct, frozen=True):
    """One original block inside a merged one.

    `last` and `received_at` are milliseconds, `batch` is the 10 bytes of its batch id, `part` its number within the
    batch, `count` how many rows it had.
    """

    last: int
    batch: bytes
    part: int
    received_at: int
    count: int


def encode(parts: Sequence[Part], part_of_row: Sequence[int]) -> tuple[bytes, bytes]:
    """What compresses, and the batch ids, which do not."""
    if any(len(part.batch) != BATCH_SIZE for part in parts):
        raise ValueError(f"a batch id has {BATCH_SIZE} bytes")
    listed = (
        [part.last for part in parts],
        [part.part for part in parts],
        [part.received_at - part.last for part in parts],
        [part.count for part in parts],
    )
    out = []
    for values in listed:
        column = encode_integers(values)
        if column is None:
            raise ValueError("a part has a number without bounds")
        out.append(varint(len(column.packed)) + column.packed)
    codes = planes(part_of_row, width_of(len(parts) - 1))
    return b"".join(out) + codes, b"".join([part.batch for part in parts])


def decode_parts(
    packed: bytes, batches: bytes, part_count: int, row_count: int
) -> tuple[tuple[Part, ...], Sequence[int]]:
    """The parts, and for each row the index of its part."""
    if not 0 < part_count <= row_count or len(batches) != BATCH_SIZE * part_count:
        raise UnreadableBlock("has another number of parts than it states")
    reader = Reader(packed)
    lasts, numbered, delays, counts = (decode(reader.take(reader.varint()), b"", part_count) for _ in range(4))
    codes = read_codes(reader, row_count, part_count)
    if reader.rest():
        raise UnreadableBlock("has more parts than it states")
    ids = [batches[at : at + BATCH_SIZE] for at in range(0, len(batches), BATCH_SIZE)]
    try:
        parts = tuple(
            Part(last, batch, part, last + delay, count)
            for last, batch, part, delay, count in zip(lasts, ids, numbered, delays, counts, strict=True)
        )
    except TypeError as error:
        raise UnreadableBlock("has parts that are not numbers") from error
    return parts, codes

"""Events in, a block out: the smaller of two forms, in one item or in two."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from chalicelib.events.block import parts as merged_parts
from chalicelib.events.block import rows as small_form
from chalicelib.events.block.detail import encode_detail
from chalicelib.events.block.dictionary import Dictionary
from chalicelib.events.block.errors import MAX_BLOB, TooLarge
from chalicelib.events.block.frames import PLAIN, Compressor
from chalicelib.events.block.header import (
    DETACHED,
    DETAIL,
    IN_ROWS,
    MAX_EVENTS,
    MERGED,
    VERSION,
    Header,
    count_levels,
    hash_of,
    write,
)
from chalicelib.events.block.parts import Part
from chalicelib.events.block.scanned import encode_kinds_and_times, encode_messages
from chalicelib.events.block.wire import varint
from chalicelib.events.event import LEVELS, Event

ROWS_UP_TO: Final = 40
"""Events. Up to here rows are smaller than columns, by a third at 10; at 100 they are level."""

ROWS_BYTES: Final = 4096
"""What rows may weigh. Of more, a scan would rather read a part."""

DETACHED_FROM: Final = 4096
"""Bytes of section K, 100 to 200 events, from which it is an item of its own: a scan then reads a third."""


class Packed(msgspec.Struct, frozen=True):
    """A block as it is stored: the scan item's bytes, and the detail item's where there is one."""

    scan: bytes
    detail: bytes | None
    first: int
    last: int
    count: int
    detail_hash: bytes


def pack(events: Sequence[Event], *, received_at: int, dictionary: Dictionary | None) -> Packed:
    """Pack events, sorted by timestamp; those of one millisecond stay in the order they came.

    Raises:
        TooLarge: they do not fit an item, or two.
        ValueError: there are none, a level is not one of `LEVELS`, a time is before 1970, a text is no Unicode, or
            metadata is nested beyond what the interpreter can follow.
    """
    ordered = sorted(events, key=_TIMESTAMP)
    header = _header(ordered, received_at, dictionary)
    return _smallest(ordered, header, dictionary.compressor if dictionary else PLAIN, b"")


def pack_merged(
    rows: Sequence[tuple[int, Event]],
    *,
    parts: Sequence[Part],
    replaces: Sequence[int],
    received_at: int | None = None,
    dictionary: Dictionary | None,
) -> Packed:
    """Pack the rows of several blocks into one that stands for all of them.

    Rows are (index into `parts`, event), those of a part in the part's own order. They are stored by timestamp, then
    part, then row, so that the n-th row of a part stays its n-th. `replaces` are the generations of merged blocks that
    this one stands for besides. `received_at` is when it is merged; the newest receipt of its parts where not said.

    Raises:
        TooLarge, ValueError: as `pack`.
    """
    ordered = sorted(rows, key=lambda row: (row[1].timestamp, row[0]))
    events = [event for _, event in ordered]
    compressor = dictionary.compressor if dictionary else PLAIN
    packed, batches = merged_parts.encode(parts, [index for index, _ in ordered])
    section = compressor.frame(packed) + batches
    header = msgspec.structs.replace(
        _header(
            events,
            max(part.received_at for part in parts) if received_at is None else received_at,
            dictionary,
        ),
        flags=MERGED,
        part_count=len(parts),
        replaces=tuple(replaces),
        sizes=(len(section),),
    )
    return _smallest(events, header, compressor, section)


def _header(events: Sequence[Event], received_at: int, dictionary: Dictionary | None) -> Header:
    if not events:
        raise ValueError("a block holds at least one event")
    if len(events) > MAX_EVENTS:
        raise TooLarge(len(events), MAX_EVENTS)
    if events[0].timestamp < 0:
        raise ValueError("a timestamp is before 1970")
    return Header(
        flags=0,
        dictionary=dictionary.version if dictionary else 0,
        count=len(events),
        first=events[0].timestamp,
        last=events[-1].timestamp,
        received_at=received_at,
        counts=(),
        sizes=(),
    )


def _smallest(events: list[Event], header: Header, compressor: Compressor, merged: bytes) -> Packed:
    try:
        if len(events) <= ROWS_UP_TO:
            rows = _in_rows(events, header, compressor, merged)
            if len(rows.scan) - len(merged) <= ROWS_BYTES:
                return rows
        return _in_columns(events, header, compressor, merged)
    except RecursionError as error:
        raise ValueError("metadata is nested too deeply") from error


def _in_rows(events: list[Event], header: Header, compressor: Compressor, merged: bytes) -> Packed:
    lines = small_form.encode(events)
    frame = compressor.frame(lines.packed)
    header = msgspec.structs.replace(
        header,
        flags=header.flags | IN_ROWS,
        counts=count_levels((), _levels(events)),
        sizes=(*header.sizes, len(frame)),
    )
    return _joined(header, (merged, frame, lines.raw), None)


def _in_columns(events: list[Event], header: Header, compressor: Compressor, merged: bytes) -> Packed:
    times = [event.timestamp for event in events]
    scanned, messages = compressor.frame_of_two(encode_kinds_and_times(events, times), encode_messages(events))
    columns = encode_detail(events)
    frame = compressor.frame(columns.packed)
    section = varint(len(frame)) + frame + columns.raw
    header = msgspec.structs.replace(
        header,
        counts=count_levels(times, _levels(events)),
        sizes=(*header.sizes, len(scanned), len(messages)),
    )
    if len(section) < DETACHED_FROM:
        return _fitting(_joined(header, (merged, scanned, messages, section), None))
    detail = bytes((VERSION << 4 | DETAIL,)) + section
    header = msgspec.structs.replace(header, flags=header.flags | DETACHED, detail_hash=hash_of(detail))
    return _fitting(_joined(header, (merged, scanned, messages), detail))


def _joined(header: Header, sections: tuple[bytes, ...], detail: bytes | None) -> Packed:
    scan = b"".join((write(header), *sections))
    return Packed(scan, detail, header.first, header.last, header.count, header.detail_hash)


def _fitting(packed: Packed) -> Packed:
    largest = max(len(packed.scan), len(packed.detail or b""))
    if largest > MAX_BLOB:
        raise TooLarge(largest, MAX_BLOB)
    return packed


def _levels(events: Sequence[Event]) -> bytes:
    try:
        return bytes([_WEIGHT[event.level] for event in events])
    except KeyError as error:
        raise ValueError(f"no such level: {error}") from None


_WEIGHT: Final = {level: weight for weight, level in enumerate(LEVELS)}
_TIMESTAMP: Final = attrgetter("timestamp")

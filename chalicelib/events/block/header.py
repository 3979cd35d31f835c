"""What stands in front of a block, uncompressed: enough to plan, to count by level, and to find the sections."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import msgspec

from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.wire import Reader, unzigzag, varints, zigzag
from chalicelib.events.event import LEVELS

VERSION: Final = 1

MINUTE_MS: Final = 60_000

IN_ROWS: Final = 1
DETACHED: Final = 2
MERGED: Final = 4
DETAIL: Final = 8

HASH_SIZE: Final = 8

MAX_EVENTS: Final = 1 << 20
"""Far above what fits an item; bounds what a corrupt count can ask for."""

_MOST_MINUTES: Final = 61
"""A merged block spans an hour at most. What spans more is counted as a whole."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The block in a few numbers. Times are milliseconds since the epoch.

    `counts` are events by level (in the order of `LEVELS`), for each minute from that of `first` on, or, where
    `by_minute` is False, for the whole. `sizes` are the bytes of the sections in front of the last one.
    """

    version: int = VERSION
    flags: int
    dictionary: int
    count: int
    first: int
    last: int
    received_at: int
    counts: tuple[tuple[int, ...], ...]
    detail_hash: bytes = b""
    replaces: tuple[int, ...] = ()
    part_count: int = 0
    sizes: tuple[int, ...]

    @property
    def merged(self) -> bool:
        return bool(self.flags & MERGED)

    @property
    def in_rows(self) -> bool:
        return bool(self.flags & IN_ROWS)

    @property
    def by_minute(self) -> bool:
        return len(self.counts) == self.last // MINUTE_MS - self.first // MINUTE_MS + 1

    @property
    def level_counts(self) -> Mapping[str, int]:
        """Events by level; levels without any are left out."""
        totals = self.counts[0] if len(self.counts) == 1 else map(sum, zip(*self.counts, strict=True))
        return {level: total for level, total in zip(LEVELS, totals, strict=True) if total}


def count_levels(times: Sequence[int], levels: bytes) -> tuple[tuple[int, ...], ...]:
    """Rows by minute and level, for `Header.counts`: as a whole where no times are given, or too many minutes.

    `times` ascend; `levels` holds an index into `LEVELS` for each row.
    """
    edges = [0, len(levels)]
    if times:
        first, last = times[0] // MINUTE_MS, times[-1] // MINUTE_MS
        if last - first < _MOST_MINUTES:
            edges[1:1] = [bisect_left(times, minute * MINUTE_MS) for minute in range(first + 1, last + 1)]
    weights = range(len(LEVELS))
    return tuple([tuple([levels.count(weight, low, high) for weight in weights]) for low, high in pairwise(edges)])


def hash_of(detail: bytes) -> bytes:
    """What names a detail item in its key and in the header of its scan item."""
    return blake2b(detail, digest_size=HASH_SIZE).digest()


def write(header: Header) -> bytes:
    """The header as bytes. See the package for the layout."""
    present = [at for at in range(len(LEVELS)) if any(minute[at] for minute in header.counts)]
    mask = sum(1 << at for at in present)
    if len(header.counts) > 1:
        mask |= _BY_MINUTE
    numbers = [
        header.dictionary,
        header.count,
        header.last,
        header.last - header.first,
        zigzag(header.received_at - header.last),
        mask,
        *(minute[at] for minute in header.counts for at in present),
    ]
    if header.merged:
        numbers += [header.part_count, len(header.replaces), *header.replaces]
    numbers += header.sizes
    return bytes((header.version << 4 | header.flags,)) + varints(numbers) + header.detail_hash


def read(data: bytes) -> tuple[Header, int]:
    """The header and where the sections begin.

    Raises:
        UnreadableBlock: not the header of a block of a version that is known here.
    """
    if not data:
        raise UnreadableBlock("is empty")
    version, flags = data[0] >> 4, data[0] & 15
    if version != VERSION or flags & DETAIL:
        raise UnreadableBlock(f"begins with {data[0]:#04x}: no block, or one of an unknown version")
    reader = Reader(data, 1)
    dictionary, count, last, span, delay, mask = reader.varints(6)
    if not 0 < count <= MAX_EVENTS or span > last:
        raise UnreadableBlock("has an impossible header")
    counts = _read_counts(reader, mask, last - span, last)
    if sum(map(sum, counts)) != count:
        raise UnreadableBlock("has counts that do not add up")
    part_count = 0
    replaces: tuple[int, ...] = ()
    if flags & MERGED:
        part_count = reader.varint()
        replaces = tuple(reader.varints(min(reader.varint(), len(data))))
    section_count = (1 if flags & IN_ROWS else 2) + (1 if flags & MERGED else 0)
    header = Header(
        version=version,
        flags=flags,
        dictionary=dictionary,
        count=count,
        first=last - span,
        last=last,
        received_at=last + unzigzag(delay),
        counts=counts,
        replaces=replaces,
        part_count=part_count,
        sizes=tuple(reader.varints(section_count)),
        detail_hash=reader.take(HASH_SIZE) if flags & DETACHED else b"",
    )
    return header, reader.at


_BY_MINUTE: Final = 1 << len(LEVELS)


def _read_counts(reader: Reader, mask: int, first: int, last: int) -> tuple[tuple[int, ...], ...]:
    present = [bool(mask >> at & 1) for at in range(len(LEVELS))]
    minutes = last // MINUTE_MS - first // MINUTE_MS + 1 if mask & _BY_MINUTE else 1
    if minutes > _MOST_MINUTES:
        raise UnreadableBlock("has too many minutes")
    return tuple(tuple([reader.varint() if there else 0 for there in present]) for _ in range(minutes))

"""Counts by level over time, by slicing whole blocks at the edges of the buckets."""

from collections.abc import Container, Mapping
from typing import Final

from msgspec import Struct

from chalicelib.events.block import Block
from chalicelib.events.event import LEVELS
from chalicelib.events.query.columns import words_and_codes
from chalicelib.events.query.mask import Mask

MINUTE_MS: Final = 60_000
MOST_BUCKETS: Final = 10_000


class Point(Struct, frozen=True):
    """The counts by level from `at`, in milliseconds, for the length of a bucket. Levels without any are left out."""

    at: int
    counts: Mapping[str, int] = {}


class Timeline:
    """Buckets of `bucket_ms` from `start` up to but not including `end`; the last one may be cut short by it.

    Events outside are not counted. Timelines of equal shape merge.
    """

    needs_detail = False

    def __init__(self, start: int, end: int, bucket_ms: int) -> None:
        if bucket_ms <= 0 or not 1 <= -(-(end - start) // bucket_ms) <= MOST_BUCKETS:
            raise ValueError(f"{start}..{end} by {bucket_ms} ms is not 1 to {MOST_BUCKETS} buckets")
        self.start = start
        self.end = end
        self.bucket_ms = bucket_ms
        self._counts: list[dict[str, int]] = [{} for _ in range(-(-(end - start) // bucket_ms))]

    def add(self, block: Block, mask: Mask) -> None:
        """Counts the masked rows of a block."""
        if mask.is_full and self.add_header(block, LEVELS):
            return
        words, codes = words_and_codes(block, "level")
        levels = bytes(codes)
        chosen, first_code = (levels, 0) if mask.is_full else (mask.select(levels), 1)
        row, last = block.row_at(self.start), block.row_at(self.end)
        while row < last:
            bucket = (block.times[row] - self.start) // self.bucket_ms
            edge = min(block.row_at(self.start + (bucket + 1) * self.bucket_ms), last)
            self._add(bucket, {word: chosen.count(code, row, edge) for code, word in enumerate(words, first_code)})
            row = edge

    def add_header(self, block: Block, levels: Container[str]) -> bool:
        """Counts a block's events of these levels by its header alone, if that tells their buckets.

        Answers whether it did: if not, nothing was counted.
        """
        header = block.header
        if self.add_counts(header.first, header.last, _only(levels, header.level_counts)):
            return True
        minutes = block.minutes()
        aligned = self.start % MINUTE_MS == 0 and self.bucket_ms % MINUTE_MS == 0
        if minutes is None or not aligned or header.first < self.start or header.last >= self.end:
            return False
        for minute, counts in minutes:
            self._add((minute - self.start) // self.bucket_ms, _only(levels, counts))
        return True

    def add_counts(self, first: int, last: int, level_counts: Mapping[str, int]) -> bool:
        """Counts events known only by level and by their first and last time, if one bucket holds them all.

        Answers whether it did: if not, nothing was counted.
        """
        bucket = (first - self.start) // self.bucket_ms
        if first < self.start or last >= self.end or (last - self.start) // self.bucket_ms != bucket:
            return False
        self._add(bucket, level_counts)
        return True

    def merge(self, other: "Timeline") -> None:
        if (self.start, self.end, self.bucket_ms) != (other.start, other.end, other.bucket_ms):
            raise ValueError("timelines of different shape do not merge")
        for bucket, point in enumerate(other.result()):
            self._add(bucket, point.counts)

    def result(self) -> tuple[Point, ...]:
        """Every bucket, in order of time, empty ones too."""
        return tuple(
            Point(self.start + bucket * self.bucket_ms, dict(counts)) for bucket, counts in enumerate(self._counts)
        )

    def _add(self, bucket: int, counts: Mapping[str, int]) -> None:
        held = self._counts[bucket]
        for level, count in counts.items():
            if count:
                held[level] = held.get(level, 0) + count


def _only(levels: Container[str], counts: Mapping[str, int]) -> Mapping[str, int]:
    return {level: count for level, count in counts.items() if level in levels}

"""Which rows of a block are meant: a set of row numbers made for combining, counting and slicing whole blocks at once.

Inside it is one integer with one byte a row, 0 or 1, row 0 lowest. So `bytes.translate` on a column of codes makes a
mask, `&` and `|` combine them, and `bytes.count` counts any stretch: no work per row in Python.
"""

from collections.abc import Iterator
from functools import lru_cache

from chalicelib.events.block.lazy import lazy


class Mask:
    def __init__(self, bits: int, length: int) -> None:
        self.bits = bits
        self.length = length

    @classmethod
    def everything(cls, length: int) -> "Mask":
        return cls(_ones(length), length)

    @classmethod
    def of(cls, flags: bytes | bytearray) -> "Mask":
        """From one byte a row, 0 or 1."""
        return cls(int.from_bytes(flags, "little"), len(flags))

    @lazy
    def flags(self) -> bytes:
        """One byte a row, 0 or 1."""
        return self.bits.to_bytes(self.length, "little")

    @property
    def is_full(self) -> bool:
        return self.bits == _ones(self.length)

    def __bool__(self) -> bool:
        return self.bits != 0

    def __and__(self, other: "Mask") -> "Mask":
        return Mask(self.bits & other.bits, self.length)

    def __or__(self, other: "Mask") -> "Mask":
        return Mask(self.bits | other.bits, self.length)

    def without(self, other: "Mask") -> "Mask":
        return Mask(self.bits & ~other.bits, self.length)

    def within(self, low: int, high: int) -> "Mask":
        """Only the rows from `low` up to but not including `high`."""
        if low <= 0 and high >= self.length:
            return self
        return Mask(self.bits & stretch(low, high, self.length), self.length)

    def count(self) -> int:
        return self.bits.bit_count()

    def rows(self, low: int = 0, high: int | None = None) -> Iterator[int]:
        """The row numbers from `low` up to but not including `high`, ascending, found one at a time."""
        end = self.length if high is None else min(high, self.length)
        row = self.flags.find(1, max(low, 0), end)
        while row >= 0:
            yield row
            row = self.flags.find(1, row + 1, end)

    def rows_backwards(self, low: int = 0, high: int | None = None) -> Iterator[int]:
        """The same rows, descending: newest first."""
        start = max(low, 0)
        end = self.length if high is None else min(high, self.length)
        row = self.flags.rfind(1, start, end)
        while row >= 0:
            yield row
            row = self.flags.rfind(1, start, row)

    def select(self, codes: bytes) -> bytes:
        """The codes of these rows plus one, and 0 elsewhere, so that a code can be counted in any stretch of rows.

        Codes go up to 254.
        """
        raised = int.from_bytes(codes.translate(_PLUS_ONE), "little")
        return (raised & (self.bits * 0xFF)).to_bytes(self.length, "little")


def stretch(low: int, high: int, length: int) -> int:
    """The bits of the rows from `low` up to but not including `high`."""
    low, high = max(low, 0), min(high, length)
    return _ones(high - low) << (8 * low) if low < high else 0


_PLUS_ONE = bytes(min(code + 1, 255) for code in range(256))


@lru_cache(maxsize=64)
def _ones(length: int) -> int:
    return int.from_bytes(b"\x01" * length, "little")

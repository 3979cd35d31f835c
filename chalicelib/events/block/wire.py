"""Numbers and texts as bytes: varints, byte planes, and texts joined by a byte that UTF-8 never holds."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from chalicelib.events.block.errors import UnreadableBlock

BETWEEN: Final = b"\xff"
"""Between texts. UTF-8 holds neither this byte nor the next one, so that no text can hold a separator."""

WITHIN: Final = b"\xfe"
"""Between the groups of texts, or the keys of one path."""

_LONGEST_VARINT: Final = 70
"""Bits. More than any number here needs; bounds what a corrupt byte can ask for."""


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first, the high bit set on all but the last."""
    if number < 0x80:
        return number.to_bytes(1, "little")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def varints(numbers: Iterable[int]) -> bytes:
    return b"".join([varint(number) for number in numbers])


def zigzag(number: int) -> int:
    """Small for numbers near zero, whatever their sign."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def unzigzag(number: int) -> int:
    return number >> 1 if not number & 1 else -(number + 1 >> 1)


class Reader:
    """A position in bytes that may end at any moment."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def varint(self) -> int:
        try:
            byte = self.data[self.at]
            self.at += 1
            if byte < 0x80:
                return byte
            number, shift = byte & 0x7F, 7
            while shift < _LONGEST_VARINT:
                byte = self.data[self.at]
                self.at += 1
                number |= (byte & 0x7F) << shift
                if byte < 0x80:
                    return number
                shift += 7
        except IndexError:
            raise UnreadableBlock("ends within a number") from None
        raise UnreadableBlock("holds a number without end")

    def varints(self, count: int) -> list[int]:
        return [self.varint() for _ in range(count)]

    def take(self, size: int) -> bytes:
        start, self.at = self.at, self.at + size
        if self.at > len(self.data):
            raise UnreadableBlock("ends too early")
        return self.data[start : self.at]

    def rest(self) -> bytes:
        start, self.at = self.at, len(self.data)
        return self.data[start:]


def width_of(largest: int) -> int:
    """How many byte planes hold numbers up to this one: at least one, at most eight."""
    return max(1, (largest.bit_length() + 7) // 8)


def planes(numbers: Sequence[int], width: int) -> bytes:
    """Numbers below 256**width: first the lowest byte of each, then the next of each. Zero planes cost nothing."""
    if width == 1:
        return bytes(numbers)
    words = array("Q", numbers).tobytes()
    return b"".join([words[plane::8] for plane in range(width)])


def numbers(data: bytes, count: int, width: int) -> Sequence[int]:
    """The inverse of `planes`."""
    if not 1 <= width <= 8 or len(data) != count * width:
        raise UnreadableBlock("holds a column of another length")
    if width == 1:
        return data
    words = bytearray(8 * count)
    for plane in range(width):
        words[plane::8] = data[plane * count : (plane + 1) * count]
    return array("Q", bytes(words)).tolist()


def read_codes(reader: Reader, count: int, below: int) -> Sequence[int]:
    """This many numbers, each below a bound, in as many planes as the bound needs."""
    width = width_of(below - 1)
    codes = numbers(reader.take(count * width), count, width)
    # Whatever is left when the allowed bytes are deleted is a stranger: ten times faster than max().
    bad = codes.translate(None, _BYTES[:below]) if isinstance(codes, bytes) else max(codes) >= below
    if bad:
        raise UnreadableBlock("refers to something that is not there")
    return codes


_BYTES: Final = bytes(range(256))


def joined(texts: Iterable[str]) -> bytes:
    return BETWEEN.join([text.encode() for text in texts])


def split(data: bytes, count: int) -> list[str]:
    """The inverse of `joined` for this many texts."""
    if count == 0 and not data:
        return []
    try:
        texts = [part.decode() for part in data.split(BETWEEN)]
    except UnicodeDecodeError:
        raise UnreadableBlock("holds text that is not UTF-8") from None
    if len(texts) != count:
        raise UnreadableBlock("holds another number of texts")
    return texts

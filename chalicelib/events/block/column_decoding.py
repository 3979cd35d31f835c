"""Bytes to columns; whatever does not fit together is refused. See `columns` for the forms."""

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec

from chalicelib.events.block.columns import LONGEST_NUMBER, Form, tag
from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.wire import BETWEEN, Reader, numbers, split, unzigzag


def decode(packed: bytes, raw: bytes, count: int) -> Sequence[Any]:
    """The values again.

    Raises:
        UnreadableBlock: these are not the bytes of a column of that many values.
    """
    if count == 0 or not packed:
        return [""] * count
    reader = _READERS.get(packed[0])
    if reader is None:
        raise UnreadableBlock("holds a column of an unknown form")
    try:
        return reader(Reader(packed, 1), raw, count)
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.DecodeError) as error:
        raise UnreadableBlock(f"holds a damaged column: {error}") from error


def _read_text(reader: Reader, _raw: bytes, count: int) -> list[str]:
    return split(reader.rest(), count)


def _read_json(reader: Reader, raw: bytes, count: int) -> list[Any]:
    # Each row's own copy: an object or array must not be shared between events.
    return [msgspec.json.decode(text) for text in decode(reader.rest(), raw, count)]


def _read_hex(reader: Reader, raw: bytes, count: int) -> list[str]:
    width, prefix, digits = reader.varint(), _read_prefix(reader), raw.hex()
    if len(raw) != width * count or not width:
        raise UnreadableBlock("holds another number of ids")
    return [prefix + digits[at : at + 2 * width] for at in range(0, len(digits), 2 * width)]


def _read_uuids(reader: Reader, raw: bytes, count: int) -> list[str]:
    prefix, digits = _read_prefix(reader), raw.hex()
    if len(raw) != 16 * count:
        raise UnreadableBlock("holds another number of ids")
    rows = [digits[at : at + 32] for at in range(0, len(digits), 32)]
    return [f"{prefix}{row[:8]}-{row[8:12]}-{row[12:16]}-{row[16:20]}-{row[20:]}" for row in rows]


def _read_decimals(reader: Reader, raw: bytes, count: int) -> list[str]:
    digits, prefix = reader.varint(), _read_prefix(reader)
    found = _inner_integers(reader, raw, count)
    if not digits:
        return [prefix + str(number) for number in found]
    return [f"{prefix}{number:0{min(digits, LONGEST_NUMBER)}d}" for number in found]


def _read_hexadecimals(reader: Reader, raw: bytes, count: int) -> list[str]:
    digits, prefix = min(reader.varint(), LONGEST_NUMBER), _read_prefix(reader)
    return [f"{prefix}{number:0{digits}x}" for number in _inner_integers(reader, raw, count)]


def _read_addresses(reader: Reader, _raw: bytes, count: int) -> list[str]:
    prefix, body = _read_prefix(reader), reader.rest()
    if len(body) != 4 * count:
        raise UnreadableBlock("holds another number of addresses")
    octets = bytearray(4 * count)
    for plane in range(4):
        octets[plane::4] = body[plane * count : (plane + 1) * count]
    spelled = _spelled(bytes(octets))
    return [prefix + address for address in spelled] if prefix else spelled


def _read_integers(reader: Reader, _raw: bytes, count: int) -> Sequence[int]:
    width, low = reader.varint(), unzigzag(reader.varint())
    found = numbers(reader.rest(), count, width)
    return [low + number for number in found] if low else list(found)


def _read_steps(reader: Reader, _raw: bytes, count: int) -> list[int]:
    width, first, lowest = reader.varint(), unzigzag(reader.varint()), unzigzag(reader.varint())
    steps = [lowest + step for step in numbers(reader.rest(), count - 1, width)]
    return list(accumulate(steps, initial=first))


def _read_scaled(reader: Reader, raw: bytes, count: int) -> list[float]:
    scale = 10.0 ** min(reader.varint(), 22)
    return [number / scale for number in _inner_integers(reader, raw, count)]


def _read_doubles(reader: Reader, _raw: bytes, count: int) -> list[float]:
    body = reader.rest()
    if len(body) != 8 * count:
        raise UnreadableBlock("holds another number of floats")
    words = bytearray(8 * count)
    for plane in range(8):
        words[plane::8] = body[plane * count : (plane + 1) * count]
    return array("d", bytes(words)).tolist()


def _read_coded(reader: Reader, raw: bytes, count: int) -> list[Any]:
    distinct = reader.varint()
    if distinct == 1:
        return list(decode(reader.rest(), raw, 1)) * count
    codes, inner = _read_codes(reader, raw, count, distinct)
    return _looked_up(inner, codes)


def _read_recent(reader: Reader, raw: bytes, count: int) -> list[Any]:
    distances, inner = _read_codes(reader, raw, count, reader.varint())
    codes, seen = [], 0
    for distance in distances:
        if distance > seen:
            raise UnreadableBlock("refers to a value before the first")
        codes.append(seen - distance)
        if not distance:
            seen += 1
    return _looked_up(inner, codes)


def _read_blank(reader: Reader, raw: bytes, count: int) -> list[Any]:
    blank = reader.varint()
    others = decode(reader.rest(), raw, count - 1)
    return [*others[:blank], "", *others[blank:]]


def _read_codes(reader: Reader, raw: bytes, count: int, distinct: int) -> tuple[Sequence[int], Sequence[Any]]:
    if not 0 < distinct <= count:
        raise UnreadableBlock("holds more distinct values than values")
    width = reader.varint()
    found = numbers(reader.take(count * width), count, width)
    return found, decode(reader.rest(), raw, distinct)


def _looked_up(values: Sequence[Any], codes: Sequence[int]) -> list[Any]:
    try:
        return [values[code] for code in codes]
    except IndexError:
        raise UnreadableBlock("refers to a value after the last") from None


def _inner_integers(reader: Reader, raw: bytes, count: int) -> Sequence[int]:
    packed = reader.rest()
    if packed[:1] not in _OF_INTEGERS:
        raise UnreadableBlock("holds a column of numbers that are none")
    return decode(packed, raw, count)


def _read_prefix(reader: Reader) -> str:
    end = reader.data.find(BETWEEN, reader.at)
    if end < 0:
        raise UnreadableBlock("holds a prefix without end")
    prefix = reader.take(end - reader.at).decode()
    reader.at += 1
    return prefix


def _spelled(octets: bytes) -> list[str]:
    return [f"{a}.{b}.{c}.{d}" for a, b, c, d in zip(*[iter(octets)] * 4, strict=True)]


_READERS: Final[dict[int, Callable[[Reader, bytes, int], Sequence[Any]]]] = {
    Form.TEXT: _read_text,
    Form.JSON: _read_json,
    Form.HEX: _read_hex,
    Form.UUID: _read_uuids,
    Form.DECIMAL: _read_decimals,
    Form.HEXADECIMAL: _read_hexadecimals,
    Form.ADDRESS: _read_addresses,
    Form.INTEGER: _read_integers,
    Form.STEPS: _read_steps,
    Form.SCALED: _read_scaled,
    Form.DOUBLE: _read_doubles,
    Form.CODED: _read_coded,
    Form.RECENT: _read_recent,
    Form.BLANK: _read_blank,
}
_OF_INTEGERS: Final = frozenset(map(tag, (Form.INTEGER, Form.STEPS, Form.CODED)))

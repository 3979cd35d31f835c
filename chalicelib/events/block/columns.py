"""A column of JSON values as bytes, in the smallest of a few forms, and back to exactly the same values.

A column is written as two parts: what compresses, which begins with the number of its form, and raw bytes of ids, which
do not and would only spoil the statistics of what stands beside them.

    form        compressible                                          raw
    EMPTY       nothing at all: every value is ""                     -
    TEXT        texts joined by 0xFF                                  -
    JSON        a column of the values' JSON texts                    as there
    HEX         width, prefix, 0xFF                                   count x width bytes
    UUID        prefix, 0xFF                                          count x 16 bytes
    DECIMAL     digits (0: as many as it takes), prefix, 0xFF, integers
    HEXADECIMAL digits, prefix, 0xFF, integers                        -
    ADDRESS     prefix, 0xFF, four planes of count bytes              -
    INTEGER     width, lowest (zigzag), planes of (value - lowest)    -
    STEPS       width, first, lowest step, planes of (step - lowest)  -
    SCALED      decimals, integers: value x 10**decimals              -
    DOUBLE      eight planes                                          -
    CODED       distinct, code planes, a column of distinct values    as there
    RECENT      distinct, distance planes, a column of the distinct   as there
    BLANK       where "" stands, a column of the others               as there

RECENT suits ids that neighbours share. Its distances count back over distinct values: 0 is a new value, 1 the newest.
"""

import re
from array import array
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import accumulate
from operator import methodcaller, sub
from typing import Any, Final, NamedTuple

import msgspec

from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.wire import (
    BETWEEN,
    Reader,
    joined,
    numbers,
    planes,
    split,
    unzigzag,
    varint,
    width_of,
    zigzag,
)


class Form(IntEnum):
    TEXT = 1
    JSON = 2
    HEX = 3
    UUID = 4
    DECIMAL = 5
    HEXADECIMAL = 6
    ADDRESS = 7
    INTEGER = 8
    STEPS = 9
    SCALED = 10
    DOUBLE = 11
    CODED = 12
    RECENT = 13
    BLANK = 14


class Column(NamedTuple):
    packed: bytes
    raw: bytes = b""
    by_row: bool = False


def encode(values: Sequence[Any], rows: Sequence[int]) -> Column:
    """A column of any JSON values, and the rows they belong to.

    `by_row` of the answer tells that the values were put in the order of rows, because neighbours share them.
    """
    kinds = set(map(type, values))
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is str:
        return encode_texts(values, rows)
    column = encode_integers(values) if kind is int else _encode_floats(values) if kind is float else None
    if column is not None:
        return column
    return _prefixed(Form.JSON, b"", encode_texts(list(map(_as_json, values))))


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


def is_json(packed: bytes) -> bool:
    """Whether decoding makes new lists and objects."""
    return packed[:1] == _tag(Form.JSON)


def encode_texts(texts: Sequence[str], rows: Sequence[int] | None = None) -> Column:
    """A column of texts; see `encode`. Without rows the order stays."""
    count = len(texts)
    distinct = dict.fromkeys(texts)
    if len(distinct) == 1:
        text = texts[0]
        return Column(_tag(Form.CODED) + varint(1) + _tag(Form.TEXT) + text.encode()) if text else Column(b"")
    if len(distinct) > count - count // 8:
        return _encode_distinct(texts)
    if rows is not None and _is_recent(len(distinct), count):
        text_of = dict(zip(rows, texts, strict=True))
        ordered = [text_of[row] for row in sorted(rows)]
        return _with_codes(ordered, list(dict.fromkeys(ordered)), _encode_distinct)._replace(by_row=True)
    return _with_codes(texts, list(distinct), _encode_distinct)


def encode_integers(values: Sequence[int]) -> Column | None:
    """Integers that fit 62 bits of range; None for others, which are left to JSON."""
    low, high = min(values), max(values)
    if high - low >> 62 or not -_HUGE < low < _HUGE:
        return None
    width, count = width_of(high - low), len(values)
    if width > 1 and count > _FEW:
        distinct = dict.fromkeys(values)
        if len(distinct) <= count // 4:
            return _with_codes(values, list(distinct), _plain_integers)
        steps = list(map(sub, values[1:], values))
        lowest = min(steps)
        step_width = width_of(max(steps) - lowest)
        if step_width < width:
            head = varint(step_width) + varint(zigzag(values[0])) + varint(zigzag(lowest))
            return Column(_tag(Form.STEPS) + head + planes([step - lowest for step in steps], step_width))
    return _plain_integers(values)


_FEW: Final = 8
_MANY: Final = 64
_HUGE: Final = 1 << 62
_UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_RAW_FROM: Final = 4
"""Bytes of an id from which it is taken for random."""
_ID_ENDS: Final = frozenset("0123456789abcdef")
_DOTS: Final = methodcaller("count", ".")
_LONGEST_NUMBER: Final = 15
"""Digits that a text read as a number may have."""


def _plain_integers(values: Sequence[int]) -> Column:
    low = min(values)
    width = width_of(max(values) - low)
    body = planes([value - low for value in values] if low else values, width)
    return Column(_tag(Form.INTEGER) + varint(width) + varint(zigzag(low)) + body)


def _encode_floats(values: Sequence[float]) -> Column:
    exact = array("d", values).tobytes()
    for decimals in range(5):
        scale = 10**decimals
        try:
            scaled = [round(value * scale) for value in values]
        except (OverflowError, ValueError):
            break
        # Compared as bytes, because -0.0 equals 0.0.
        if max(map(abs, scaled)) < 1 << 53 and array("d", [number / scale for number in scaled]).tobytes() == exact:
            column = encode_integers(scaled)
            if column is not None:
                return _prefixed(Form.SCALED, varint(decimals), column)
    return Column(_tag(Form.DOUBLE) + b"".join([exact[plane::8] for plane in range(8)]))


def _with_codes(
    values: Sequence[Any], distinct: list[Any], encode_distinct: Callable[[Sequence[Any]], Column]
) -> Column:
    code_of = dict(zip(distinct, range(len(distinct)), strict=True))
    codes = list(map(code_of.__getitem__, values))
    inner = encode_distinct(distinct)
    form = Form.CODED
    if _is_recent(len(distinct), len(values)):
        form, codes = Form.RECENT, _distances(codes)
    width = width_of(max(codes))
    return _prefixed(form, varint(len(distinct)) + varint(width) + planes(codes, width), inner)


def _distances(codes: Sequence[int]) -> list[int]:
    """For each code how many distinct ones back it was first seen; 0 for a new one. Codes count up as they appear."""
    out, seen = [], 0
    for code in codes:
        out.append(seen - code)
        if code == seen:
            seen += 1
    return out


def _is_recent(distinct: int, count: int) -> bool:
    return distinct > max(_MANY, count // 4)


def _encode_distinct(texts: Sequence[str]) -> Column:
    """Texts that mostly differ: ids and numbers in binary where all of them are alike, else as they are."""
    low, high = min(texts), max(texts)
    if not low and len(texts) > 2:
        blank = texts.index("")
        return _prefixed(Form.BLANK, varint(blank), _encode_distinct([*texts[:blank], *texts[blank + 1 :]]))
    if len(texts) > 2 and low[-1] in _ID_ENDS and high[-1] in _ID_ENDS:
        shared = next((at for at, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))
        for kind in _ALIKE:
            column = kind(texts, low[:shared])
            if column is not None:
                return column
    return Column(_tag(Form.TEXT) + joined(texts))


def _as_uuids(texts: Sequence[str], prefix: str) -> Column | None:
    at = min(len(prefix.rstrip("0123456789abcdef-")), max(len(texts[0]) - 36, 0))
    if len(texts[0]) - at != 36 or texts[0][at + 8] != "-":
        return None
    rests = [text[at:] for text in texts]
    if not all(map(_UUID.fullmatch, rests)):
        return None
    raw = bytes.fromhex("".join(rests).replace("-", ""))
    return Column(_tag(Form.UUID) + texts[0][:at].encode() + BETWEEN, raw)


def _as_numbers(texts: Sequence[str], prefix: str) -> Column | None:
    """Decimal numbers after a shared prefix, as they are counted (`7`, `12`) or filled with zeros (`0007`)."""
    at = len(prefix.rstrip("0123456789"))
    rests = [text[at:] for text in texts] if at else texts
    if not _all_digits(rests):
        return None
    size = len(rests[0])
    filled = _one_length(rests)
    found = list(map(int, rests))
    if not filled and list(map(str, found)) != rests:
        return None
    return _number_column(Form.DECIMAL, size if filled else 0, texts[0][:at], found)


def _as_hex(texts: Sequence[str], prefix: str) -> Column | None:
    """Lower-case hexadecimal after a shared prefix: raw bytes where it looks random, integers where it does not."""
    if not _one_length(texts):
        return None
    at = len(prefix.rstrip("0123456789abcdef"))
    rests = [text[at:] for text in texts] if at else texts
    size = len(rests[0])
    digits = "".join(rests)
    try:
        raw = bytes.fromhex(digits + "0" * (len(digits) % 2))
    except ValueError:
        return None
    if raw.hex()[: len(digits)] != digits:
        return None
    if size <= _LONGEST_NUMBER:
        found = [int(rest, 16) for rest in rests]
        if size % 2 or size < 2 * _RAW_FROM or max(found) - min(found) >> 4 * size - 8 == 0:
            return _number_column(Form.HEXADECIMAL, size, texts[0][:at], found)
    if size % 2:
        return None
    return Column(_tag(Form.HEX) + varint(size // 2) + texts[0][:at].encode() + BETWEEN, raw)


def _as_addresses(texts: Sequence[str], prefix: str) -> Column | None:
    """IPv4 addresses after a shared prefix."""
    at = len(prefix.rstrip("0123456789."))
    rests = [text[at:] for text in texts] if at else texts
    if rests[0].count(".") != 3:
        return None
    run = ".".join(rests)
    parts = run.split(".")
    if len(parts) != 4 * len(rests) or set(map(_DOTS, rests)) != {3} or not _all_digits(parts):
        return None
    octets = list(map(int, parts))
    if max(octets) > 255 or ".".join(map(str, octets)) != run:
        return None
    body = bytes(octets)
    split_up = b"".join([body[plane::4] for plane in range(4)])
    return Column(_tag(Form.ADDRESS) + texts[0][:at].encode() + BETWEEN + split_up)


_ALIKE: Final = (_as_numbers, _as_hex, _as_uuids, _as_addresses)


def _number_column(form: Form, digits: int, prefix: str, found: Sequence[int]) -> Column | None:
    inner = encode_integers(found)
    return inner and _prefixed(form, varint(digits) + prefix.encode() + BETWEEN, inner)


def _all_digits(texts: Sequence[str]) -> bool:
    run = "".join(texts)
    return (
        run.isdigit() and run.isascii() and "" not in texts and max(map(len, texts)) <= _LONGEST_NUMBER
    )


def _one_length(texts: Sequence[str]) -> bool:
    size = len(texts[0])
    return size > 0 and set(map(len, texts)) == {size}


def _spelled(octets: bytes) -> list[str]:
    return [f"{a}.{b}.{c}.{d}" for a, b, c, d in zip(*[iter(octets)] * 4, strict=True)]


def _as_json(value: Any) -> str:
    return _JSON.encode(value).decode()


def _tag(form: Form) -> bytes:
    return form.to_bytes(1, "little")


def _prefixed(form: Form, head: bytes, inner: Column) -> Column:
    return Column(_tag(form) + head + inner.packed, inner.raw)


def _read_text(reader: Reader, raw: bytes, count: int) -> list[str]:
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
    return [f"{prefix}{number:0{min(digits, _LONGEST_NUMBER)}d}" for number in found]


def _read_hexadecimals(reader: Reader, raw: bytes, count: int) -> list[str]:
    digits, prefix = min(reader.varint(), _LONGEST_NUMBER), _read_prefix(reader)
    return [f"{prefix}{number:0{digits}x}" for number in _inner_integers(reader, raw, count)]


def _read_addresses(reader: Reader, raw: bytes, count: int) -> list[str]:
    prefix, body = _read_prefix(reader), reader.rest()
    if len(body) != 4 * count:
        raise UnreadableBlock("holds another number of addresses")
    octets = bytearray(4 * count)
    for plane in range(4):
        octets[plane::4] = body[plane * count : (plane + 1) * count]
    spelled = _spelled(bytes(octets))
    return [prefix + address for address in spelled] if prefix else spelled


def _read_integers(reader: Reader, raw: bytes, count: int) -> Sequence[int]:
    width, low = reader.varint(), unzigzag(reader.varint())
    found = numbers(reader.rest(), count, width)
    return [low + number for number in found] if low else list(found)


def _read_steps(reader: Reader, raw: bytes, count: int) -> list[int]:
    width, first, lowest = reader.varint(), unzigzag(reader.varint()), unzigzag(reader.varint())
    steps = [lowest + step for step in numbers(reader.rest(), count - 1, width)]
    return list(accumulate(steps, initial=first))


def _read_scaled(reader: Reader, raw: bytes, count: int) -> list[float]:
    scale = 10.0 ** min(reader.varint(), 22)
    return [number / scale for number in _inner_integers(reader, raw, count)]


def _read_doubles(reader: Reader, raw: bytes, count: int) -> list[float]:
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
    codes = numbers(reader.take(count * width), count, width)
    return codes, decode(reader.rest(), raw, distinct)


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


_JSON: Final = msgspec.json.Encoder()
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
_OF_INTEGERS: Final = frozenset(map(_tag, (Form.INTEGER, Form.STEPS, Form.CODED)))

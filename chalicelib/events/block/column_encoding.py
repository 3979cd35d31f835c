"""Columns to bytes: looks at the values of a column and picks its form. See `columns` for the forms."""

import re
from array import array
from collections.abc import Callable, Sequence
from operator import methodcaller, sub
from typing import Any, Final

import msgspec

from chalicelib.events.block.columns import LONGEST_NUMBER, Column, Form, tag
from chalicelib.events.block.wire import BETWEEN, joined, planes, varint, width_of, zigzag


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


def encode_texts(texts: Sequence[str], rows: Sequence[int] | None = None) -> Column:
    """A column of texts; see `encode`. Without rows the order stays."""
    count = len(texts)
    distinct = dict.fromkeys(texts)
    if len(distinct) == 1:
        text = texts[0]
        return Column(tag(Form.CODED) + varint(1) + tag(Form.TEXT) + text.encode()) if text else Column(b"")
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
            return Column(tag(Form.STEPS) + head + planes([step - lowest for step in steps], step_width))
    return _plain_integers(values)


_FEW: Final = 8
_MANY: Final = 64
_HUGE: Final = 1 << 62
_UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_LENGTH: Final = 36
_RAW_FROM: Final = 4
"""Bytes of an id from which it is taken for random."""
_ID_ENDS: Final = frozenset("0123456789abcdef")
_DOTS: Final = methodcaller("count", ".")


def _plain_integers(values: Sequence[int]) -> Column:
    low = min(values)
    width = width_of(max(values) - low)
    body = planes([value - low for value in values] if low else values, width)
    return Column(tag(Form.INTEGER) + varint(width) + varint(zigzag(low)) + body)


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
    return Column(tag(Form.DOUBLE) + b"".join([exact[plane::8] for plane in range(8)]))


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
    return Column(tag(Form.TEXT) + joined(texts))


def _as_uuids(texts: Sequence[str], prefix: str) -> Column | None:
    at = len(texts[0]) - _UUID_LENGTH
    if not 0 <= at <= len(prefix) or texts[0][at + 8] != "-":
        return None
    rests = [text[at:] for text in texts]
    if not all(map(_UUID.fullmatch, rests)):
        return None
    raw = bytes.fromhex("".join(rests).replace("-", ""))
    return Column(tag(Form.UUID) + texts[0][:at].encode() + BETWEEN, raw)


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
    if size <= LONGEST_NUMBER:
        found = [int(rest, 16) for rest in rests]
        if size % 2 or size < 2 * _RAW_FROM or max(found) - min(found) >> 4 * size - 8 == 0:
            return _number_column(Form.HEXADECIMAL, size, texts[0][:at], found)
    if size % 2:
        return None
    return Column(tag(Form.HEX) + varint(size // 2) + texts[0][:at].encode() + BETWEEN, raw)


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
    return Column(tag(Form.ADDRESS) + texts[0][:at].encode() + BETWEEN + split_up)


_ALIKE: Final = (_as_numbers, _as_hex, _as_uuids, _as_addresses)


def _number_column(form: Form, digits: int, prefix: str, found: Sequence[int]) -> Column | None:
    inner = encode_integers(found)
    return inner and _prefixed(form, varint(digits) + prefix.encode() + BETWEEN, inner)


def _all_digits(texts: Sequence[str]) -> bool:
    run = "".join(texts)
    return run.isdigit() and run.isascii() and "" not in texts and max(map(len, texts)) <= LONGEST_NUMBER


def _one_length(texts: Sequence[str]) -> bool:
    size = len(texts[0])
    return size > 0 and set(map(len, texts)) == {size}


def _as_json(value: Any) -> str:
    return _JSON.encode(value).decode()


def _prefixed(form: Form, head: bytes, inner: Column) -> Column:
    return Column(tag(form) + head + inner.packed, inner.raw)


_JSON: Final = msgspec.json.Encoder()

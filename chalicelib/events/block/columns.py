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

from enum import IntEnum
from typing import Final, NamedTuple


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


LONGEST_NUMBER: Final = 15
"""Digits that a text kept as a number may have."""


def tag(form: Form) -> bytes:
    return form.to_bytes(1, "little")


def is_json(packed: bytes) -> bool:
    """Whether decoding makes new lists and objects."""
    return packed[:1] == tag(Form.JSON)

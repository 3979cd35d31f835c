"""What DynamoDB counts and what it charges: sizes of items, units, dollars.

Sources: "DynamoDB item sizes and formats" and "DynamoDB read and write operations" in the developer guide; the price
list of us-east-1, on demand, standard table class. Free tiers and reserved capacity are left out.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

WRITE_UNIT_DOLLARS: Final = 0.625 / 1_000_000
"""A write request unit: a write of an item of up to 1 KB."""

READ_UNIT_DOLLARS: Final = 0.125 / 1_000_000
"""A read request unit: a consistent read of up to 4 KB, or an eventually consistent one of 8 KB."""

STORED_GIGABYTE_DOLLARS: Final = 0.25
"""A gigabyte (2 ** 30 bytes) kept for a month, which is what a project keeps its events."""

WRITE_UNIT: Final = 1024
READ_UNIT: Final = 4096
ITEM_OVERHEAD: Final = 100
"""Bytes that storage, and only storage, counts for each item on top of its size."""

Item = Mapping[str, Mapping[str, Any]]
"""As it travels: attribute values by type, binary ones in base64."""


def item_size(item: Item) -> int:
    """Bytes of the names and values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def write_units(size: int) -> int:
    return max(1, math.ceil(size / WRITE_UNIT))


def read_units(size: int, *, consistent: bool) -> float:
    """Of one request: what it read is added up before it is rounded."""
    return max(1, math.ceil(size / READ_UNIT)) * (1 if consistent else 0.5)


def stored_dollars(size: float) -> float:
    """For so many bytes, item overhead included, kept for a month."""
    return size / 2**30 * STORED_GIGABYTE_DOLLARS


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            return int(len(content) // 4 * 3 - content.count("="))
        case "N":
            return _number_size(content)
        case "S":
            return len(content.encode())
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_size(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_size(each) for name, each in content.items())
        case _:
            raise ValueError(f"no item here holds a {kind}")


def _number_size(text: str) -> int:
    """A byte for two significant digits, one more for all, and one for a minus; zeros at both ends are free."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")

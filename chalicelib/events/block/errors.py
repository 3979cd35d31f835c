"""What the codec refuses, and with what it says so."""

from typing import Final

MAX_BLOB: Final = 400 * 1024 - 1024
"""Bytes of scan or detail that fit an item of 400 KB beside its keys, with room to spare."""

MAX_INFLATED: Final = 16 * 1024 * 1024
"""Bytes that a section may inflate to. Nothing larger is written, and nothing that claims more is read."""


class UnreadableBlock(Exception):
    """The bytes are not a block, not a whole one, or one of a version or dictionary that is not at hand."""


class TooLarge(Exception):
    """The events do not fit a block. Halve them; a single one that does not fit is to be rejected."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes where {limit} fit")
        self.size = size
        self.limit = limit


class DetailMissing(Exception):
    """Section K was asked for before its item was attached."""

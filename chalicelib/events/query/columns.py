"""The values of a field in each row of a block, whichever section holds it."""

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.events.block import Block
from chalicelib.events.query.fields import Section, section_of
from chalicelib.events.query.values import is_present, values_at

SEPARATOR = b"\xff"
"""Between the messages of a block; a byte that UTF-8 never holds."""


def values_of(block: Block, field: str) -> Callable[[int], Sequence[Any]]:
    """What answers, for a row, every present value of the field, arrays taken apart."""
    singles = single_values(block, field)
    if singles is not None:
        return lambda row: () if singles[row] is None else (singles[row],)
    column = block.values(field)
    return lambda row: [value for value in values_at(column[row], None) if is_present(value)]


def single_values(block: Block, field: str) -> Sequence[Any] | None:
    """One value a row, None where it is absent; or None altogether if some rows hold arrays or objects."""
    if field == "timestamp":
        return block.times
    match section_of(field):
        case Section.CODES:
            words, codes = words_and_codes(block, field)
            return [words[code] or None for code in codes]
        case Section.MESSAGES:
            return [message.decode() or None for message in block.messages.split(SEPARATOR)]
        case Section.DETAIL:
            column = block.values(field)
            if not {list, dict}.isdisjoint(map(type, column)):
                return None
            return [None if value == "" else value for value in column]


def words_and_codes(block: Block, field: str) -> tuple[Sequence[str], Sequence[int]]:
    """The words of a field with a small vocabulary, and one code a row: bytes, unless the words are very many."""
    words, codes = block.codes(field)
    return words, bytes(block.header.count) if codes is None else codes

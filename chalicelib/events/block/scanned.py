"""Sections A and M: what a scan looks at first. Times, the fields with few values, and the messages.

Level, service, environment, type and device type go together, because they mostly follow from the line of code that
logs: a row holds one code of a **kind**, and a table says what each kind's fields are.
"""

from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter, sub
from typing import Final

from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.wire import (
    BETWEEN,
    WITHIN,
    Reader,
    joined,
    numbers,
    planes,
    read_codes,
    split,
    varint,
    width_of,
)
from chalicelib.events.event import Event

CODED_FIELDS: Final = ("level", "service", "environment", "type", "device_type")

Codes = bytes | Sequence[int]


def encode_kinds_and_times(events: Sequence[Event], times: Sequence[int]) -> bytes:
    """Section A, before compression."""
    kinds = list(map(_KIND, events))
    code_of = dict(zip(dict.fromkeys(kinds), range(len(kinds)), strict=False))
    vocabularies, table = [], []
    for column in zip(*code_of, strict=True):
        place_of = dict(zip(dict.fromkeys(column), range(len(column)), strict=False))
        vocabularies.append(joined(place_of))
        if len(place_of) > 1:
            table.append(planes([place_of[word] for word in column], width_of(len(place_of) - 1)))
    words = WITHIN.join(vocabularies)
    steps = list(map(sub, times[1:], times))
    step_width = width_of(max(steps, default=0))
    return b"".join((
        varint(len(words)),
        words,
        varint(len(code_of)),
        varint(step_width),
        planes(list(map(code_of.__getitem__, kinds)), width_of(len(code_of) - 1)),
        planes(steps, step_width),
        *table,
    ))  # fmt: skip


class Scanned:
    """Section A, read. Each field is looked up only when it is asked for."""

    def __init__(self, data: bytes, count: int) -> None:
        reader = Reader(data)
        self._words = reader.take(reader.varint()).split(WITHIN)
        if len(self._words) != len(CODED_FIELDS):
            raise UnreadableBlock("has another number of vocabularies")
        self._kind_count = reader.varint()
        if not 0 < self._kind_count <= count:
            raise UnreadableBlock("has more kinds than events")
        step_width = reader.varint()
        self._kinds = read_codes(reader, count, self._kind_count)
        self._steps = numbers(reader.take((count - 1) * step_width), count - 1, step_width)
        self._tables = reader

    def times(self, first: int) -> list[int]:
        return list(accumulate(self._steps, initial=first))

    def codes(self, field: str) -> tuple[list[str], Codes | None]:
        """The words of a field and one code a row; no codes where there is one word only."""
        at = CODED_FIELDS.index(field)
        words = split(self._words[at], self._words[at].count(BETWEEN) + 1)
        if len(words) == 1:
            return words, None
        table = self._table(at, len(words))
        if isinstance(table, bytes) and isinstance(self._kinds, bytes):
            return words, self._kinds.translate(table.ljust(256, b"\0"))
        codes = [table[kind] for kind in self._kinds]
        return words, bytes(codes) if isinstance(table, bytes) else codes

    def _table(self, at: int, word_count: int) -> Codes:
        """For each kind the place of its word in the vocabulary of a field."""
        before = [words.count(BETWEEN) for words in self._words[:at]]
        skipped = sum(width_of(most) for most in before if most) * self._kind_count
        return read_codes(Reader(self._tables.data, self._tables.at + skipped), self._kind_count, word_count)

    def column(self, field: str) -> list[str]:
        """The field of every row."""
        words, codes = self.codes(field)
        return [words[code] for code in codes] if codes is not None else words * len(self._kinds)


_KIND = attrgetter(*CODED_FIELDS)


def encode_messages(events: Sequence[Event]) -> bytes:
    """Section M, before compression."""
    return joined([event.message for event in events])

"""How a batch becomes parts: by hour, at most five minutes and so many rows each, the same way however often it comes.

Everything here depends on the body alone (and on its receipt), never on the clock, the dictionary or the code's mood: a
resend must meet the keys of the first send.
"""

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

import msgspec

from chalicelib.events.event import Event
from chalicelib.ids import Slot, slot_of

SPAN_MS: Final = 300_000
"""A range read looks this far past its end for blocks whose rows reach back into the range."""

ROWS_LIMIT: Final = 5_000


class Timed(msgspec.Struct, frozen=True):
    """An event at its final time, and its place in the body."""

    index: int
    event: Event


class Part(msgspec.Struct, frozen=True):
    """The rows of one block to be, oldest first."""

    number: int
    slot: Slot
    rows: Sequence[Timed]

    @property
    def last(self) -> int:
        return self.rows[-1].event.timestamp


def split(rows: Sequence[Timed], *, rows_limit: int = ROWS_LIMIT) -> Iterator[Part]:
    """Cuts time-ordered parts. Ties keep the order of the body."""
    ordered = sorted(((timed.event.timestamp, timed) for timed in rows), key=itemgetter(0))
    start = 0
    number = 0
    for end in range(1, len(ordered) + 1):
        if end < len(ordered) and _fits(ordered[start][0], ordered[end][0], end - start, rows_limit):
            continue
        yield Part(number=number, slot=slot_of(ordered[start][0]), rows=[timed for _, timed in ordered[start:end]])
        start = end
        number += 1


def _fits(first: int, candidate: int, rows: int, rows_limit: int) -> bool:
    return candidate - first <= SPAN_MS and slot_of(candidate) == slot_of(first) and rows < rows_limit

"""How a batch becomes parts: by hour, at most five minutes and so many rows each, the same way however often it comes.

Everything here depends on the body alone (and on its receipt), never on the clock, the dictionary or the code's mood: a
resend must meet the keys of the first send. So a batch that needs more than these rules has its cuts in its receipt.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final

import msgspec

from chalicelib.events.event import Event
from chalicelib.ids import Slot, slot_of

SPAN_MS: Final = 300_000
"""A range read looks this far past its end for blocks whose rows reach back into the range."""

ROWS_LIMIT: Final = 5_000
"""Later code may raise it, never lower it: of a batch of fewer rows no receipt tells how it was cut."""


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


def split(rows: Sequence[Timed], cuts: Sequence[int] = ()) -> list[Part]:
    """Time-ordered parts, of so many rows each where `cuts` says so. Ties keep the order of the body."""
    ordered = sorted(rows, key=lambda timed: timed.event.timestamp)
    if sum(cuts) != len(ordered):  # there are none, or later code decoded another number of events from the body
        cuts = tuple(_cuts([timed.event.timestamp for timed in ordered]))
    ends = list(accumulate(cuts, initial=0))
    return [
        Part(number=number, slot=slot_of(ordered[start].event.timestamp), rows=ordered[start:end])
        for number, (start, end) in enumerate(pairwise(ends))
    ]


def _cuts(times: Sequence[int]) -> Iterator[int]:
    start = 0
    for end in range(1, len(times) + 1):
        if end == len(times) or not _fits(times[start], times[end], end - start):
            yield end - start
            start = end


def _fits(first: int, candidate: int, rows: int) -> bool:
    return candidate - first <= SPAN_MS and slot_of(candidate) == slot_of(first) and rows < ROWS_LIMIT

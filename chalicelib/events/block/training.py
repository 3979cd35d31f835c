"""Learning a project's dictionary: what its events have in common, and nothing that is anybody's.

Never part of a request, and not imported by one.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from chalicelib.events.block import masking, rows
from chalicelib.events.block.detail import encode_detail
from chalicelib.events.block.dictionary import Dictionary
from chalicelib.events.block.frames import ZstdError, trained
from chalicelib.events.block.pack import ROWS_UP_TO
from chalicelib.events.block.scanned import encode_kinds_and_times, encode_messages
from chalicelib.events.event import Event


class TooFewSamples(Exception):
    """Nothing could be learnt from so few events, or from events so different."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} events")
        self.count = count


def train(samples: Sequence[Event], version: int, *, chance: random.Random) -> Dictionary:
    """Learn a dictionary from 500 to 2,000 of a project's events, masked (see `masking`).

    Equal arguments give equal dictionaries.

    Raises:
        TooFewSamples: there is nothing to learn from them yet.
    """
    words = masking.kept_words(samples)
    inputs: list[bytes] = []
    for size in BLOCK_SIZES:
        for block in _blocks(samples, size):
            inputs += _sections(masking.masked(block, words, chance))
    try:
        return Dictionary(version, trained(inputs, SIZE))
    except (ValueError, ZstdError) as error:
        raise TooFewSamples(len(samples)) from error


SIZE: Final = 16 * 1024
"""Bytes. Beyond, blocks hardly shrink."""

BLOCK_SIZES: Final = (5, 10, 50, 100)
"""Events: what is trained on is what is compressed, small blocks as rows, others as sections."""


def _blocks(events: Sequence[Event], size: int) -> Iterator[list[Event]]:
    ordered = iter(sorted(events, key=lambda event: event.timestamp))
    while len(block := list(islice(ordered, size))) == size:
        yield block


def _sections(block: list[Event]) -> list[bytes]:
    if len(block) <= ROWS_UP_TO:
        return [rows.encode(block).packed]
    times = [event.timestamp for event in block]
    return [encode_kinds_and_times(block, times), encode_messages(block), encode_detail(block).packed]

"""One run of the benchmarks: how much of everything, and what several benchmarks share."""

import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import msgspec

from benchmarks import corpus
from benchmarks.laboratory import Row
from benchmarks.million import Million
from benchmarks.peers import Peers, measured
from benchmarks.sending import Sent, sent


class Scale(msgspec.Struct, frozen=True):
    """How many events and repetitions."""

    training: int
    """Events that a dictionary is trained on. The job takes every other one."""
    sent: dict[int, int]
    """Events that are weighed, by batch size."""
    log_lines: int
    """Lines of this machine's log files, at most."""
    handled: dict[int, int]
    """Requests that the handler is timed with, by batch size."""
    week: int
    """Events of a week whose patterns are counted."""
    million: int
    """Events that are scanned and searched."""
    loop: int
    """Of them, those that the loop over NDJSON looks at."""
    repeats: int


FULL: Final = Scale(
    training=4_000,
    sent={1: 4_000, 10: 20_000, 100: 40_000, 500: 100_000, 5000: 100_000},
    log_lines=30_000,
    handled={1: 300, 500: 160},
    week=100_000,
    million=1_000_000,
    loop=200_000,
    repeats=5,
)
QUICK: Final = Scale(
    training=1_100,
    sent={1: 60, 10: 400, 100: 1_000, 500: 1_500, 5000: 5_000},
    log_lines=3_600,
    handled={1: 6, 500: 6},
    week=2_000,
    million=4_000,
    loop=2_000,
    repeats=1,
)
"""Shows that everything runs. Its figures mean little."""


class Run:
    """Makes what is asked for, once. Close it to free what it made."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self._opened = ExitStack()
        self._sent: dict[int, Sent] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @cached_property
    def training(self) -> list[Row]:
        """What dictionaries are trained on: other events of the same services."""
        return list(corpus.events(self.scale.training, seed=99))

    @cached_property
    def folder(self) -> Path:
        return Path(self._opened.enter_context(tempfile.TemporaryDirectory(prefix="scrywatch-bench-")))

    @cached_property
    def million(self) -> Million:
        return self._opened.enter_context(Million(self.scale.million, self.training, self.folder))

    @cached_property
    def peers(self) -> Peers:
        """What others make of the million."""
        return measured(self.million.lines, self.folder, repeats=self.scale.repeats)

    def sent(self, size: int) -> Sent:
        """What became of the corpus, sent in batches of so many."""
        if size not in self._sent:
            rows = list(corpus.events(self.scale.sent[size]))
            self._sent[size] = sent(rows, size, training=self.training)
        return self._sent[size]

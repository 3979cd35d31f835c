"""How much one request may read: time, bytes and blocks, whichever ends first."""

import time
from typing import Final

import msgspec

BYTES: Final = 256 * 1024 * 1024
BLOCKS: Final = 100_000
SHARE_FOR_READING: Final = 0.7
"""Of the time left; the rest is for the answer."""


class Scanned(msgspec.Struct):
    """What was read to give an answer. Bytes are those of the items, compressed."""

    blocks: int = 0
    events: int = 0
    bytes: int = 0


class Budget:
    """Counts what is read, and says when to stop. `deadline` is in `time.monotonic()` seconds.

    `blocks` is for questions that are worth less reading than others.
    """

    def __init__(self, *, deadline: float, blocks: int | None = None) -> None:
        self.deadline = deadline
        self._blocks = blocks
        self.scanned = Scanned()
        now = time.monotonic()
        self._stop_at = now + (deadline - now) * SHARE_FOR_READING

    def read(self, *, events: int, size: int) -> None:
        """Takes note of a block that was read."""
        self.scanned.blocks += 1
        self.scanned.events += events
        self.scanned.bytes += size

    def read_more(self, size: int) -> None:
        """Takes note of what was read besides."""
        self.scanned.bytes += size

    @property
    def spent(self) -> bool:
        scanned = self.scanned
        most = BLOCKS if self._blocks is None else min(BLOCKS, self._blocks)
        return scanned.blocks >= most or scanned.bytes >= BYTES or time.monotonic() >= self._stop_at

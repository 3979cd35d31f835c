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
    """Counts what is read, and says when to stop. `deadline` is in `time.monotonic()` seconds."""

    def __init__(self, *, deadline: float) -> None:
        self.deadline = deadline
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
        return scanned.blocks >= BLOCKS or scanned.bytes >= BYTES or time.monotonic() >= self._stop_at

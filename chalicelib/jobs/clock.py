"""The time that a run of a job has."""

import time
from typing import Final

SHARE_OF_TIME: Final = 0.8


class Clock:
    """The time of a run: as it was told when it began, and as long as it has gone on since.

        begun ────────────── works ──────────────── stop_at ── saves what it did ── deadline

    What takes long is given `stop_at` as its deadline, so that there is time to keep how far it came.
    """

    def __init__(self, *, now_ms: int, deadline: float) -> None:
        self.begun_ms = now_ms
        self.deadline = deadline
        self._begun = time.monotonic()
        self.stop_at = self._begun + (deadline - self._begun) * SHARE_OF_TIME

    def part(self, share: float) -> "Clock":
        """The same time, of which so much of what is left may be worked in."""
        part = Clock(now_ms=self.now_ms, deadline=self.deadline)
        part.stop_at = time.monotonic() + max(0.0, self.stop_at - time.monotonic()) * share
        return part

    @property
    def now_ms(self) -> int:
        return self.begun_ms + int((time.monotonic() - self._begun) * 1000)

    @property
    def now(self) -> int:
        """In seconds."""
        return self.now_ms // 1000

    @property
    def seconds_left(self) -> int:
        """Until the deadline, rounded up: how long a lease must last."""
        return int(self.deadline - time.monotonic()) + 1

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.stop_at

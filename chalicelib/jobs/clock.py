"""The time that a run of a job has."""

import time
from typing import Final

SHARE_OF_TIME: Final = 0.8


class Clock:
    """The time of a run: as it was told when it began, and as long as it has gone on since. A run begins nothing after
    80 % of its time."""

    def __init__(self, *, now_ms: int, deadline: float) -> None:
        self.begun_ms = now_ms
        self.deadline = deadline
        self._begun = time.monotonic()
        self._stop_at = self._begun + (deadline - self._begun) * SHARE_OF_TIME

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
        return time.monotonic() >= self._stop_at

"""Repeats a request while that may help: after no answer, 429 and 5xx, with growing, random pauses.

attempt 0        1             2                    3          …  until `seconds` have gone by without success
        |─ ≤ ½ s ─|──── ≤ 1 s ────|─────── ≤ 2 s ───────|  each pause is random up to its bound (full jitter),
                                                            and at least what `Retry-After` asks for
"""

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from scry.errors import Unreachable
from scry.transport import Answer, NoAnswer

FIRST_PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on, and the clock, sleep and dice to do it with."""

    seconds: float = 300.0
    longest_pause: float = 30.0
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    dice: Callable[[], float] = field(default=random.random)
    notice: Callable[[str], None] = lambda _: None
    """Told each time that there will be a pause, and why."""

    def until_answered(self, attempt: Callable[[], Answer]) -> Answer:
        """The first answer that is not worth a repetition. Raises `Unreachable` when there is no time left."""
        began, repeated = self.monotonic(), 0
        while True:
            answer, trouble = self._try(attempt)
            if answer is not None and not is_worth_repeating(answer.status):
                return answer
            pause = self._pause(repeated, answer)
            if self.monotonic() - began + pause > self.seconds:
                raise Unreachable(f"Gave up after {repeated + 1} attempts: {trouble}")
            self.notice(f"{trouble}; trying again in {pause:.1f} s")
            self.sleep(pause)
            repeated += 1

    def _try(self, attempt: Callable[[], Answer]) -> tuple[Answer | None, str]:
        try:
            answer = attempt()
        except NoAnswer as error:
            return None, f"no answer ({error})"
        return answer, f"the server answered {answer.status}"

    def _pause(self, repeated: int, answer: Answer | None) -> float:
        bound = min(self.longest_pause, FIRST_PAUSE * 2.0 ** min(repeated, 10))
        asked = retry_after(answer.headers.get("retry-after", ""), self.now()) if answer else 0.0
        return max(asked, bound * self.dice())


def is_worth_repeating(status: int) -> bool:
    """Whether the same request may succeed later; 501 and 505 say that it will not."""
    return status in (408, 425, 429) or (status >= 500 and status not in (501, 505))


def retry_after(value: str, now: datetime) -> float:
    """Seconds that a `Retry-After` of seconds or of a date asks for (RFC 9110, 10.2.3); 0 for anything else."""
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (moment - now).total_seconds()) if moment.tzinfo else 0.0

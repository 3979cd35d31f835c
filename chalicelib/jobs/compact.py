"""The schedule of the upkeep: as a function of its own, with its own policy, memory and time."""

import time
from typing import Any, Final

from chalice import Blueprint, Rate

jobs: Final = Blueprint(__name__)

EVERY_MINUTES: Final = 15
LAST_SECONDS: Final = 2.0


@jobs.schedule(Rate(EVERY_MINUTES, unit=Rate.MINUTES), name="compact")
def compact(event: Any) -> None:
    """Merges, indexes and trains what is due, in the time that the function has."""
    from chalicelib.jobs import upkeep  # only this function needs it: the others start without

    seconds = event.context.get_remaining_time_in_millis() / 1000 - LAST_SECONDS
    report = upkeep.run(now_ms=time.time_ns() // 1_000_000, deadline=time.monotonic() + seconds)
    upkeep.logger.info("upkeep: %s", report)

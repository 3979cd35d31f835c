"""The schedule of the upkeep: as a function of its own, with its own policy, memory and time.

Each run is a line in the journal, and says how long work waits that is due: what an alarm watches.
"""

import time
from typing import Any, Final

from chalice import Blueprint, Rate
from msgspec.structs import asdict

from chalicelib import journal

jobs: Final = Blueprint(__name__)

EVERY_MINUTES: Final = 15
LAST_SECONDS: Final = 2.0


@jobs.schedule(Rate(EVERY_MINUTES, unit=Rate.MINUTES), name="compact")
def compact(event: Any) -> None:
    """Merges, indexes and trains what is due, in the time that the function has."""
    from chalicelib.jobs import upkeep  # only this function needs these: the others start without
    from chalicelib.jobs.lag import overdue_ms

    begun, now_ms = time.monotonic(), time.time_ns() // 1_000_000
    deadline = begun + event.context.get_remaining_time_in_millis() / 1000 - LAST_SECONDS
    journal.begin()
    report = upkeep.run(now_ms=now_ms, deadline=deadline)
    journal.count("UpkeepFailed", report.failed)
    journal.count("UpkeepLag", overdue_ms(now_ms=now_ms, deadline=deadline) // 1000)
    took = round((time.monotonic() - begun) * 1000)
    journal.write("upkeep", request=getattr(event.context, "aws_request_id", "-"), ms=took, **asdict(report))
    upkeep.logger.info("upkeep: %s", report)

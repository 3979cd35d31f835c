"""The schedule of the purge: a function of its own, which finishes what time and people have ended.

Each run is a line in the journal, and says how long erasures wait that should be done: what an alarm watches.
"""

import time
from typing import Any, Final

from chalice import Blueprint, Rate
from msgspec.structs import asdict

from chalicelib import journal

jobs: Final = Blueprint(__name__)

EVERY_MINUTES: Final = 15
LAST_SECONDS: Final = 2.0
OF_ERASURES: Final = 0.6
"""Of the time: a large project must not keep the others from being purged."""


@jobs.schedule(Rate(EVERY_MINUTES, unit=Rate.MINUTES), name="purge")
def purge(event: Any) -> None:
    """Erases what was deleted, and whatever windows have left behind, in the time that the function has."""
    from chalicelib.jobs import erasure, retention  # only this function needs these: the others start without
    from chalicelib.jobs.clock import Clock

    begun, now_ms = time.monotonic(), time.time_ns() // 1_000_000
    deadline = begun + event.context.get_remaining_time_in_millis() / 1000 - LAST_SECONDS
    journal.begin()
    clock = Clock(now_ms=now_ms, deadline=deadline)
    journal.count("PurgeLag", erasure.overdue_seconds(now=now_ms // 1000, deadline=deadline))
    erased = erasure.run(clock.part(OF_ERASURES))
    purged = retention.run(clock)
    journal.count("PurgeFailed", erased.failed + purged.failed)
    took = round((time.monotonic() - begun) * 1000)
    request = getattr(event.context, "aws_request_id", "-")
    journal.write("erasures", request=request, ms=took, **asdict(erased))
    journal.write("retention", request=request, ms=took, **asdict(purged))

"""One run of the jobs by themselves, as scheduled functions: `python -m infra.campaign.job --ahead 600`."""

import argparse
import time
from typing import Final
from unittest.mock import patch

from chalicelib.events import training
from chalicelib.jobs import erasure, retention, upkeep
from chalicelib.jobs.clock import Clock

SECONDS: Final = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ahead", type=int, default=0, help="seconds by which its clock is ahead")
    parser.add_argument("--new-dictionary", action="store_true", help="none is fresh enough")
    given = parser.parse_args()
    now_ms = time.time_ns() // 1_000_000 + given.ahead * 1_000
    renewed_after = -1 if given.new_dictionary else training.RENEWED_AFTER_MS
    with patch.object(training, "RENEWED_AFTER_MS", renewed_after):
        print(upkeep.run(now_ms=now_ms, deadline=time.monotonic() + SECONDS))
    clock = Clock(now_ms=now_ms, deadline=time.monotonic() + SECONDS)
    print(erasure.run(clock), retention.run(clock))


if __name__ == "__main__":
    main()

"""The walk over the partitions of the register that upkeep and purge have in common."""

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from chalicelib.jobs.clock import Clock
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.leases import LeaseLost
from chalicelib.storage.tables.keys import WORK_PARTITIONS

TURN_MS: Final = 15 * 60_000

logger: Final = logging.getLogger(__name__)


class Walked(msgspec.Struct):
    """What a run over all partitions tells of itself, whatever it does there."""

    failed: int = 0
    """Projects, or whole partitions, that were left for the next run; the log says why."""
    interrupted: bool = False


def each_partition(act: Callable[[int], None], report: Walked, clock: Clock, *, what: str) -> None:
    """Acts on one after the other until the time is over, each time from another one on: none is always the last.

    One that another run took over, or whose store did not answer, is left for the next run. `what` is for the log.
    """
    first = clock.begun_ms // TURN_MS
    for number in ((first + offset) % WORK_PARTITIONS for offset in range(WORK_PARTITIONS)):
        if clock.is_over:
            report.interrupted = True
            return
        try:
            act(number)
        except LeaseLost:
            logger.warning("%s of partition %d was taken over by another run", what, number)
        except StoreUnavailable:
            logger.exception("%s of partition %d was left for the next run", what, number)
            report.failed += 1

"""More shards for a project whose batches are refused because one partition takes no more.

    clock   13:00 .... 13:40 ........... 14:00
    writer  throttled, 503, noted        new slots: twice the shards
    job            plans 14:00: twice    (a plan for the hour under way would move batches that are sent again)

A partition takes 1,000 write units a second. Doubling goes on hour by hour as long as the new count is throttled too.
"""

from collections.abc import Iterable
from typing import Final

from chalicelib.events.scope import Scope
from chalicelib.events.store.register import Work
from chalicelib.identity.projects import plan_shards
from chalicelib.ids import HOUR_MS, slot_of

THROTTLED_BATCHES: Final = 5
"""In an hour of the clock. Fewer are a moment's burst, which DynamoDB learns to take."""

MOST_SHARDS: Final = 64

AHEAD_MS: Final = 10 * 60_000
"""A plan takes effect so long after it was made at the least: events may lie five minutes ahead of the clock, and a
request may have read the project before the plan and write after it."""


def grow(scope: Scope, works: Iterable[Work], *, now_ms: int, deadline: float) -> bool:
    """Plans twice the shards where the notes say that those of now are not enough. Says whether it did."""
    planned_from = scope.shards[-1][0] if scope.shards else 0
    refused = sum(work.throttled for work in works if _may_count(work, planned_from, now_ms=now_ms))
    count = scope.shards[-1][1] if scope.shards else 1
    if refused < THROTTLED_BATCHES or count >= MOST_SHARDS:
        return False
    first = slot_of(now_ms + AHEAD_MS + HOUR_MS - 1)
    return plan_shards(scope.org, scope.project, first, min(2 * count, MOST_SHARDS), deadline=deadline)


def _may_count(work: Work, planned_from: int, *, now_ms: int) -> bool:
    """Whether a note is of this hour or the one before, and of a slot that has the shards of now."""
    return work.noted >= slot_of(now_ms) - 1 and work.slot >= planned_from

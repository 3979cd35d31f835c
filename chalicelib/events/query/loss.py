"""What a shorter window leaves behind: how much it is and how old, as far as can be counted while somebody waits."""

from typing import Final

from msgspec import Struct

from chalicelib.events.query import counts
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS

BUCKETS: Final = 120
"""In which the oldest event is looked for: of a month, each is six hours."""
BLOCKS: Final = 4_000
"""That are read at most; what the index knows costs none."""


class Loss(Struct, frozen=True, kw_only=True):
    """Events that happened from `start` to before `end`, in milliseconds. Unless `exact` they are at least so many."""

    events: int
    exact: bool
    start: int
    end: int
    oldest: int | None
    """About when the first of them happened. None where there is none, or where it was not looked for to the end."""


def loss(scope: Scope, days: int, *, now_ms: int, deadline: float) -> Loss:
    """What the project keeps now and would not keep with a window of so many days. Raises `StoreUnavailable`."""
    start, end = scope.horizon(now_ms), now_ms - days * DAY_MS
    if end <= start:
        return Loss(events=0, exact=True, start=start, end=start, oldest=None)
    line = counts.timeline(
        scope, Everything(), TimeRange(start, end), buckets=BUCKETS, now_ms=now_ms, deadline=deadline, blocks=BLOCKS
    )
    filled = [bucket for bucket in line.series if bucket.counts]
    return Loss(
        events=sum(sum(bucket.counts.values()) for bucket in filled),
        exact=not line.partial,
        start=start,
        end=end,
        oldest=max(start, filled[0].t) if filled and not line.partial else None,
    )

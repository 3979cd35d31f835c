"""One event by its id, and what happened around it."""

from typing import Final, Literal

from chalicelib.events.query.answers import Context, Page, Record, record
from chalicelib.events.query.expression import Equals, Everything, Expression
from chalicelib.events.query.search import search
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.event_id import decode_id
from chalicelib.events.store.read import read_place
from chalicelib.ids import HOUR_MS

Same = Literal["all", "service", "trace"]

AROUND_MS: Final = 24 * HOUR_MS
"""How far from the event its neighbours are looked for."""


def get(scope: Scope, event_id: str, *, now_ms: int, deadline: float) -> Record | None:
    """The event, wherever merging took it; None where there is none that may be seen."""
    place = decode_id(event_id)
    if place is None:
        return None
    found = read_place(scope, place, deadline=deadline)
    if found is None:
        return None
    stored, row = found
    if stored.block.times[row] < now_ms - scope.retention_ms:
        return None
    stored.fetch_detail(deadline=deadline)
    return record(stored, row)


def context(
    scope: Scope, event_id: str, *, before: int, after: int, same: Same, now_ms: int, deadline: float
) -> Context | None:
    """The event with so many neighbours before and after it, of the same service or trace, or of all."""
    event = get(scope, event_id, now_ms=now_ms, deadline=deadline)
    if event is None:
        return None
    like = _like(event, same)
    at = event.timestamp
    # Neighbours share the event's timestamp or lie beyond it, so one more is asked for and the event itself left out.
    older = _neighbours(scope, like, TimeRange(at - AROUND_MS, at + 1), event, before, now_ms=now_ms, deadline=deadline)
    newer = _neighbours(
        scope, like, TimeRange(at + 1, at + AROUND_MS), event, after, now_ms=now_ms, deadline=deadline
    )
    return Context(event, after=newer[0], before=older[0], partial=older[1] or newer[1])


def _like(event: Record, same: Same) -> Expression:
    if same == "service" and event.service:
        return Equals("service", event.service)
    if same == "trace" and event.trace_id:
        return Equals("trace_id", event.trace_id)
    return Everything()


def _neighbours(
    scope: Scope, like: Expression, within: TimeRange, event: Record, count: int, *, now_ms: int, deadline: float
) -> tuple[list[Record], bool]:
    if not count:
        return [], False
    forwards = within.start > event.timestamp
    page: Page = search(
        scope,
        like,
        within,
        limit=count + 1,
        order="asc" if forwards else "desc",
        now_ms=now_ms,
        deadline=deadline,
    )
    rows = [row for row in page.data if row.id != event.id][:count]
    return (rows[::-1] if forwards else rows), page.partial

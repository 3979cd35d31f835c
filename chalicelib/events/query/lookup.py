"""One event by its id, and what happened around it."""

from typing import Final, Literal

from chalicelib.events.query.answers import ANSWER_BYTES, Context, Record, record
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.cursor import Position, SearchCursor
from chalicelib.events.query.expression import Equals, Everything, Exists, Expression, Not
from chalicelib.events.query.search import Found, go_on
from chalicelib.events.scope import Scope
from chalicelib.events.store.event_id import Place, decode_id
from chalicelib.events.store.read import Order
from chalicelib.events.store.stored import read_place
from chalicelib.ids import HOUR_MS

Same = Literal["all", "service", "trace"]

AROUND_MS: Final = 24 * HOUR_MS
"""How far from the event its neighbours are looked for."""


def get(scope: Scope, event_id: str, *, now_ms: int, deadline: float) -> Record | None:
    """The event, wherever merging took it; None where there is none that may be seen."""
    place = decode_id(event_id)
    return None if place is None else _record_at(scope, place, now_ms=now_ms, deadline=deadline)


def context(
    scope: Scope, event_id: str, *, before: int, after: int, same: Same, now_ms: int, deadline: float
) -> Context | None:
    """The event with so many neighbours before and after it, in the order of a search.

    Neighbours are all events, or those of the same service or trace; of an event without one, those without one.
    """
    place = decode_id(event_id)
    event = None if place is None else _record_at(scope, place, now_ms=now_ms, deadline=deadline)
    if place is None or event is None:
        return None
    like = _like(event, same)
    budget = Budget(deadline=deadline)
    older = _neighbours(scope, like, _from_event(event, place, "desc"), before, now_ms=now_ms, budget=budget)
    newer = _neighbours(scope, like, _from_event(event, place, "asc"), after, now_ms=now_ms, budget=budget)
    return Context(event, after=newer.records[::-1], before=older.records, partial=older.partial or newer.partial)


def _record_at(scope: Scope, place: Place, *, now_ms: int, deadline: float) -> Record | None:
    found = read_place(scope, place, deadline=deadline)
    if found is None:
        return None
    stored, row = found
    if stored.block.times[row] < scope.horizon(now_ms):
        return None
    return record(stored, row)


def _like(event: Record, same: Same) -> Expression:
    if same == "all":
        return Everything()
    field, value = ("service", event.service) if same == "service" else ("trace_id", event.trace_id)
    return Equals(field, value) if value else Not(Exists(field))


def _from_event(event: Record, place: Place, order: Order) -> SearchCursor:
    """As if the event were the last one of the page before."""
    at = event.timestamp
    return SearchCursor(at - AROUND_MS, at + AROUND_MS, order, Position(at, place.tie))


def _neighbours(
    scope: Scope, like: Expression, begun: SearchCursor, count: int, *, now_ms: int, budget: Budget
) -> Found:
    if not count:
        return Found([], None, partial=False)
    return go_on(scope, like, begun, limit=count, max_bytes=ANSWER_BYTES // 2, now_ms=now_ms, budget=budget)

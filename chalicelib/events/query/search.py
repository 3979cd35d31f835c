"""Search: the events that match, in the order of time, a page at a time."""

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.events.query.answers import ANSWER_BYTES, Page, Record, Understood, records_that_fit
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.cursor import SearchCursor, seal, unseal
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.query.walk import Walk
from chalicelib.events.scope import Scope
from chalicelib.events.store.read import Order

Kept = Callable[[Sequence[Record]], int]
"""How many of a page's records its reader has room for: the next page begins after them. At least one of any."""


class Found(msgspec.Struct, frozen=True):
    """Records in order, where to go on, and whether reading stopped early."""

    records: list[Record]
    further: SearchCursor | None
    partial: bool


def search(
    scope: Scope,
    expression: Expression,
    within: TimeRange,
    *,
    limit: int,
    order: Order = "desc",
    cursor: str | None = None,
    now_ms: int,
    deadline: float,
) -> Page:
    """At most `limit` matching events of the range, in order; each once, over all pages.

    A page may be shorter: where its events are `ANSWER_BYTES` of JSON, and where the budget is spent. With a `cursor`
    the range is the one of its first page. Raises `CursorRefused` and `StoreUnavailable`.
    """
    begun = opened(scope, expression, within, order, cursor)
    budget = Budget(deadline=deadline)
    found = go_on(scope, expression, begun, limit=limit, max_bytes=ANSWER_BYTES, now_ms=now_ms, budget=budget)
    return Page(
        data=found.records,
        next_cursor=sealed(scope, expression, found.further),
        partial=found.partial,
        query=Understood(describe(expression), order, limit),
        start=begun.start,
        end=begun.end,
        scanned=budget.scanned,
    )


def go_on(
    scope: Scope,
    expression: Expression,
    begun: SearchCursor,
    *,
    limit: int,
    max_bytes: int,
    kept: Kept = len,
    now_ms: int,
    budget: Budget,
) -> Found:
    """The next events, at most `limit` of them, `max_bytes` of JSON, and no more than are `kept`.

    None if reading stopped before it met one.
    """
    walk = Walk(scope, Filter(expression), begun, now_ms=now_ms, budget=budget)
    fitting = records_that_fit(walk.rows(limit), max_bytes, budget)
    fitting = fitting.first(kept(fitting.records))
    return Found(fitting.records, walk.further(fitting.rows), walk.partial)


def opened(scope: Scope, expression: Expression, within: TimeRange, order: Order, cursor: str | None) -> SearchCursor:
    """Where a page begins: where its cursor says, or at the beginning of the range. Raises `CursorRefused`."""
    if cursor is None:
        return SearchCursor(within.start, within.end, order)
    return unseal(scope, _question(expression, order), cursor, SearchCursor)


def sealed(scope: Scope, expression: Expression, further: SearchCursor | None) -> str | None:
    """The cursor as text, for `opened`."""
    return seal(scope, _question(expression, further.order), further) if further else None


def _question(expression: Expression, order: Order) -> str:
    return f"{order} {describe(expression)}"

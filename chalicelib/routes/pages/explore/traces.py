"""The newest traces of a query: those that its newest matching events belong to, each with what was met of it.

Only events that match are looked at, and at most `LOOKED_AT` of them: of a trace there may be more, and its page has it
whole.
"""

import time
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta, Struct, field

from chalicelib.events.event import LEVELS
from chalicelib.events.query import search
from chalicelib.events.query.answers import Page, Record, Understood
from chalicelib.events.query.budget import Scanned
from chalicelib.events.query.editing import joined, terms_of
from chalicelib.events.query.expression import Exists, Expression
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.routes.pages.explore.asked import Ranged
from chalicelib.routes.pages.explore.wording import clock, length, many, stretch

LOOKED_AT: Final = 500
SECONDS: Final = 8.0
SERVICES: Final = 3


class Asked(Ranged, frozen=True, kw_only=True):
    """All parameters of the list of traces."""

    PLACE: ClassVar[dict[str, Any]] = {"trace": ""}

    trace: Annotated[str, Meta(max_length=200, description="The id of a trace: leads to its page.")] = ""


class Met(Struct, frozen=True, kw_only=True):
    """What was met of a trace: so many events from its first to its last, and the newest of the heaviest among them."""

    trace_id: str
    first: int
    last: int
    events: int
    services: list[str]
    heaviest: Record


class TracesTwin(Struct, frozen=True, kw_only=True):
    """The traces of the newest `looked_at` events that match, newest first. Unless `all`, there are older ones."""

    result: str
    traces: list[Met]
    looked_at: int
    all: bool
    partial: bool
    query: Understood
    start: int = field(name="from")
    end: int = field(name="to")
    scanned: Scanned


class Found(Struct, frozen=True, kw_only=True):
    page: Page
    traces: list[Met]
    seconds: float


def found(scope: Scope, expression: Expression, within: TimeRange, *, now_ms: int, deadline: float) -> Found:
    """The newest traces of the range. Raises `StoreUnavailable`."""
    began = time.monotonic()
    wanted = joined([*terms_of(expression), Exists("trace_id")])
    page = search.search(
        scope, wanted, within, limit=LOOKED_AT, now_ms=now_ms, deadline=min(deadline, began + SECONDS)
    )  # fmt: skip
    return Found(page=page, traces=met(page.data), seconds=time.monotonic() - began)


def met(records: Sequence[Record]) -> list[Met]:
    """The traces of records that come newest first, by their newest."""
    traces: dict[str, list[Record]] = {}
    for record in records:
        traces.setdefault(record.trace_id, []).append(record)
    return [_met(name, events) for name, events in traces.items()]


def _met(name: str, events: Sequence[Record]) -> Met:
    return Met(
        trace_id=name, first=events[-1].timestamp, last=events[0].timestamp, events=len(events),
        services=list(dict.fromkeys(each.service for each in reversed(events) if each.service)),
        heaviest=max(events, key=lambda each: LEVELS.index(each.level)),
    )  # fmt: skip


def said(found: Found, *, now_ms: int) -> str:
    """`41 traces of the newest 500 events, 30 Nov 16:10–17:10 UTC, 84 ms, as of …`, and what was not read."""
    page = found.page
    looked = many(len(page.data), "event")
    of = f"the newest {looked}" if page.next_cursor else looked
    line = (
        f"{many(len(found.traces), 'trace')} of {of}, {stretch(page.start, page.end)} UTC, "
        f"{found.seconds * 1_000:,.0f} ms, as of {clock(now_ms)} UTC"
    )
    return f"{line}; partial: reading stopped early, older events were not looked at" if page.partial else line


def took(trace: Met) -> str:
    """How long it went on, as far as was met; nothing where that is one event."""
    return length(trace.last - trace.first) if trace.events > 1 else ""


def in_short(services: Sequence[str]) -> str:
    """`gateway, checkout, payments and 2 more`."""
    more = f" and {len(services) - SERVICES} more" if len(services) > SERVICES else ""
    return ", ".join(services[:SERVICES]) + more


def twin(found: Found, *, now_ms: int) -> TracesTwin:
    page = found.page
    return TracesTwin(
        result=said(found, now_ms=now_ms), traces=found.traces, looked_at=len(page.data), all=page.next_cursor is None,
        partial=page.partial, query=page.query, start=page.start, end=page.end, scanned=page.scanned,
    )  # fmt: skip

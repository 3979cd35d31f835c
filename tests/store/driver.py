"""What the tests of the store do over and over: send, search to the end, run the jobs."""

import json
import time
from collections.abc import Iterable
from typing import Any

from chalicelib.events.decode import UNTIMED, Decoded
from chalicelib.events.event import Event
from chalicelib.events.query import counts
from chalicelib.events.query.aggregate import COUNT
from chalicelib.events.query.answers import Page, Record
from chalicelib.events.query.language import parse
from chalicelib.events.query.search import search
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import index
from chalicelib.events.store.append import Outcome, append
from chalicelib.events.store.read import Order
from chalicelib.ids import slot_of
from tests.conftest import NOW_MS, new_scope

HOUR = 3_600_000


def soon() -> float:
    return time.monotonic() + 20


def event(message: str, at: int = NOW_MS - 60_000, **fields: Any) -> Event:
    return Event(timestamp=at, message=message, **fields)


def body_of(events: Iterable[Event]) -> bytes:
    return json.dumps([[each.timestamp, each.message, each.level] for each in events]).encode()


def send(
    scope: Scope,
    events: list[Event],
    *,
    now_ms: int = NOW_MS,
    body: bytes | None = None,
    idempotency_key: str | None = None,
    deadline: float | None = None,
) -> Outcome:
    decoded = Decoded(events, list(range(len(events))), [])
    return append(
        scope,
        decoded,
        body=body_of(events) if body is None else body,
        idempotency_key=idempotency_key,
        now_ms=now_ms,
        deadline=deadline or soon(),
    )


def page(
    scope: Scope,
    q: str = "",
    *,
    start: int = NOW_MS - 24 * HOUR,
    end: int = NOW_MS + HOUR,
    limit: int = 1000,
    order: Order = "desc",
    cursor: str | None = None,
    now_ms: int = NOW_MS,
) -> Page:
    return search(
        scope,
        parse(q),
        TimeRange(start, end),
        limit=limit,
        order=order,
        cursor=cursor,
        now_ms=now_ms,
        deadline=soon(),
    )


def everything(scope: Scope, q: str = "", **options: Any) -> list[Record]:
    """All pages of a search, one after the other."""
    rows: list[Record] = []
    cursor = None
    while True:
        found = page(scope, q, cursor=cursor, **options)
        rows += found.data
        cursor = found.next_cursor
        if cursor is None:
            return rows


def messages(scope: Scope, q: str = "", **options: Any) -> list[str]:
    return [row.message for row in everything(scope, q, **options)]


def totals(
    scope: Scope, *, start: int = NOW_MS - 24 * HOUR, end: int = NOW_MS + HOUR, now_ms: int = NOW_MS
) -> set[int]:
    """How many events there are, by each way of counting them: one number, if all agree."""
    within = TimeRange(start, end)
    options: dict[str, Any] = {"now_ms": now_ms, "deadline": soon()}
    by_level = counts.aggregate(scope, parse(""), within, by=("level",), metric=COUNT, **options)
    by_user = counts.aggregate(scope, parse(""), within, by=("user_id",), metric=COUNT, **options)
    return {
        timeline_total(scope, start=start, end=end, now_ms=now_ms),
        *(sum(int(group.value or 0) for group in answer.groups) for answer in (by_level, by_user)),
    }


def timeline_total(scope: Scope, *, start: int, end: int, now_ms: int = NOW_MS) -> int:
    """How many events a timeline shows: the index answers what it can."""
    within = TimeRange(start, end)
    line = counts.timeline(scope, parse(""), within, buckets=24, now_ms=now_ms, deadline=soon())
    return sum(sum(bucket.counts.values()) for bucket in line.series)


def indexed_scope(**options: Any) -> Scope:
    """A project whose hours are all indexed: what lands late is seen in time or not at all."""
    scope = new_scope(**options)
    index.raise_watermark(scope, slot_of(NOW_MS), now_ms=NOW_MS, deadline=soon())
    return scope


__all__ = [
    "HOUR", "UNTIMED", "body_of", "event", "everything", "indexed_scope", "messages", "page", "send", "soon",
    "timeline_total", "totals",
]  # fmt: skip

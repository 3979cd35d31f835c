"""What the tests of the store do over and over: send, search to the end, run the jobs."""

import json
import time
from collections.abc import Iterable
from typing import Any

from chalicelib.events.decode import UNTIMED, Decoded
from chalicelib.events.event import Event
from chalicelib.events.query.answers import Page, Record
from chalicelib.events.query.language import parse
from chalicelib.events.query.search import search
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.append import Outcome, append
from chalicelib.events.store.read import Order
from tests.conftest import NOW_MS

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


__all__ = ["HOUR", "UNTIMED", "body_of", "event", "everything", "messages", "page", "send", "soon"]

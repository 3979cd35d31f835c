"""The shapes of the answers, as they travel. Absent fields are left out."""

from typing import Any

import msgspec

from chalicelib.events.event import Event
from chalicelib.events.query.budget import Scanned
from chalicelib.events.store.event_id import encode_id
from chalicelib.events.store.read import Order, Stored


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An event as it is answered. Times are in milliseconds."""

    id: str
    timestamp: int
    received_at: int
    level: str
    type: str
    message: str
    service: str = ""
    environment: str = ""
    user_id: str = ""
    session_id: str = ""
    device_type: str = ""
    device_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    metadata: dict[str, Any] = {}


class Understood(msgspec.Struct, frozen=True, omit_defaults=True):
    """The query as it was understood: sending `q` again asks the same."""

    q: str
    order: Order | None = None
    limit: int | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a search. `partial` says that reading stopped early; `next_cursor` goes on where it did."""

    data: list[Record]
    next_cursor: str | None
    partial: bool
    query: Understood
    start: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    scanned: Scanned


class Context(msgspec.Struct, frozen=True):
    """An event and its neighbours in time, newest first: what came `after` it, and `before` it."""

    event: Record
    after: list[Record]
    before: list[Record]
    partial: bool


class Tail(msgspec.Struct, frozen=True):
    """What is new, oldest first. `skipped` events matched but were passed over to keep up; a `gap` was not counted."""

    data: list[Record]
    cursor: str
    skipped: int
    gap: bool


def record(stored: Stored, row: int) -> Record:
    """The record of one row. The block's detail is attached."""
    return _record(stored, row, stored.block.event(row))


def records(found: list[tuple[Stored, int]]) -> list[Record]:
    """The records of rows of several blocks, in the order given. All details are attached."""
    wanted: dict[int, tuple[Stored, list[int]]] = {}
    for stored, row in found:
        wanted.setdefault(id(stored), (stored, []))[1].append(row)
    made = {
        (key, row): _record(stored, row, event)
        for key, (stored, rows) in wanted.items()
        for row, event in zip(rows, stored.block.events(rows), strict=True)
    }
    return [made[id(stored), row] for stored, row in found]


def _record(stored: Stored, row: int, event: Event) -> Record:
    return Record(
        id=encode_id(stored.place(row)),
        received_at=stored.received_at(row),
        **{name: getattr(event, name) for name in Event.__struct_fields__},
    )

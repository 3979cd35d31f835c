"""The shapes of the answers, as they travel. Absent fields are left out."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from chalicelib.events.event import Event
from chalicelib.events.query.budget import Budget, Scanned
from chalicelib.events.store.event_id import encode_id
from chalicelib.events.store.read import Order
from chalicelib.events.store.stored import Stored, fetch_details

ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Lambda answers with 6 MB at most, as base64: 4.5 MB of content."""

RECORDS_AT_ONCE: Final = 100


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


class Fitting(msgspec.Struct, frozen=True):
    """The records of the first so many `rows`. Rows whose block is gone have none."""

    records: list[Record]
    ends: list[int]
    """For each record the rows up to it, its own included."""
    rows: int

    def first(self, count: int) -> "Fitting":
        """Only so many of the records: at least one, if there is any."""
        if count == len(self.records):
            return self
        return Fitting(self.records[:count], self.ends[:count], self.ends[count - 1])


def record(stored: Stored, row: int) -> Record:
    """The record of one row. The block's detail is attached."""
    return _record(stored, row, stored.block.event(row))


def records_that_fit(found: Sequence[tuple[Stored, int]], max_bytes: int, budget: Budget) -> Fitting:
    """The records of these rows, in order, as far as `max_bytes` of JSON reach; at least one if there is any."""
    records: list[Record] = []
    ends: list[int] = []
    size = 0
    for begin in range(0, len(found), RECORDS_AT_ONCE):
        some = found[begin : begin + RECORDS_AT_ONCE]
        budget.read_more(fetch_details(list(dict.fromkeys(stored for stored, _ in some)), deadline=budget.deadline))
        for row, each in enumerate(_records(some), start=begin + 1):
            if each is None:
                continue
            size += len(msgspec.json.encode(each))
            if size > max_bytes and records:
                return Fitting(records, ends, ends[-1])
            records.append(each)
            ends.append(row)
    return Fitting(records, ends, len(found))


def _records(found: Sequence[tuple[Stored, int]]) -> list[Record | None]:
    """Block by block, because a block reads many rows for little more than one. None for rows that are gone."""
    wanted: dict[int, tuple[Stored, list[int]]] = {}
    for stored, row in found:
        if not stored.gone:
            wanted.setdefault(id(stored), (stored, []))[1].append(row)
    made = {
        (key, row): _record(stored, row, event)
        for key, (stored, rows) in wanted.items()
        for row, event in zip(rows, stored.block.events(rows), strict=True)
    }
    return [made.get((id(stored), row)) for stored, row in found]


def _record(stored: Stored, row: int, event: Event) -> Record:
    return Record(
        id=encode_id(stored.place(row)),
        received_at=stored.received_at(row),
        **{name: getattr(event, name) for name in Event.__struct_fields__},
    )

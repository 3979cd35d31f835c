"""One trace: its events by time, with the pauses between them, indented where the ids of spans tell who called whom.

depth  0  gateway    0 ms   span a
       1    auth     3 ms   span b, parent_span_id a
       1    orders   9 ms   span c, parent_span_id a
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from chalicelib.events.query import search
from chalicelib.events.query.answers import Record
from chalicelib.events.query.expression import Equals
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.ids import HOUR_MS

MOST: Final = 300
AROUND_MS: Final = HOUR_MS
DEEPEST: Final = 8
PARENTS: Final = ("parent_span_id", "parentSpanId", "parent_id", "span.parent_id")
"""Names under which SDKs put the calling span into metadata."""


class Traced(Struct, frozen=True):
    """Oldest first. `partial` says that there may be more of the trace in the range."""

    steps: tuple["Traceable", ...]
    partial: bool
    within: TimeRange


class Traceable(Struct, frozen=True):
    """An event, milliseconds after the first and after the one before it, and how deep its span lies."""

    record: Record
    offset_ms: int
    gap_ms: int
    depth: int


def traced(scope: Scope, trace_id: str, within: TimeRange, *, now_ms: int, deadline: float) -> Traced:
    """The trace's events in the range, at most `MOST`. Raises `StoreUnavailable`."""
    page = search.search(
        scope, Equals("trace_id", trace_id), within, limit=MOST, order="asc", now_ms=now_ms, deadline=deadline
    )
    return Traced(steps(page.data), page.next_cursor is not None, within)


def steps(records: Sequence[Record]) -> tuple[Traceable, ...]:
    """Records in order of time, each with what it is among the others."""
    depths = _depths(records)
    first = records[0].timestamp if records else 0
    before = [first, *(record.timestamp for record in records)]
    return tuple(
        Traceable(record, record.timestamp - first, record.timestamp - previous, depths.get(record.span_id, 0))
        for record, previous in zip(records, before, strict=False)
    )


def _depths(records: Sequence[Record]) -> Mapping[str, int]:
    parents = {record.span_id: parent for record in records if record.span_id and (parent := _parent(record))}
    return {span: _depth(span, parents) for span in parents}


def _depth(span: str, parents: Mapping[str, str]) -> int:
    """Ids are what clients sent: they may call each other in a circle."""
    depth = 0
    while span in parents and depth < DEEPEST:
        span = parents[span]
        depth += 1
    return depth


def _parent(record: Record) -> str:
    found = (record.metadata.get(name) for name in PARENTS)
    return next((value for value in found if isinstance(value, str) and value != record.span_id), "")

"""Events as rows, and one of them opened: the tree of its fields, each with the ways on from its value."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from chalicelib.events.query.answers import Record
from chalicelib.events.query.editing import How, edited, words_in
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.fields import METADATA_PREFIX, field_named
from chalicelib.events.query.values import text_of
from chalicelib.routes.pages.explore.asked import Asked, link, link_of
from chalicelib.routes.pages.explore.columns import can_be_column, cell, with_column
from chalicelib.routes.pages.explore.wording import cut, length, marked, stamp, visible, visible_lines
from chalicelib.routes.pages.views.explore import Field, Opened, Row, Snippet

LONGEST_LINE: Final = 300
LONGEST_MESSAGE: Final = 8_000
LONGEST_VALUE: Final = 2_000
LONGEST_CLICKED: Final = 200
"""Longer values are in no address."""
LONGEST_KEY: Final = 120
MOST_FIELDS: Final = 200

OWN: Final = (
    "level", "type", "service", "environment", "user_id", "session_id", "device_type", "device_id", "trace_id",
    "span_id",
)  # fmt: skip


class Drawn(Struct, frozen=True):
    """What a row's links go on from. `asked` is None on pages whose rows open elsewhere."""

    asked: Asked | None = None
    query: Expression = Everything()
    columns: tuple[str, ...] = ()
    now_ms: int = 0
    """What rows are said to be so long ago from, if they are."""


def row(record: Record, drawn: Drawn, *, opened: Opened | None = None) -> Row:
    """One line: what is long is cut, what cannot be seen is made visible, what was looked for is marked."""
    text = visible(record.message[:LONGEST_LINE])
    way = "" if drawn.asked is None else link(drawn.asked, open="" if opened else record.id)
    ago = f"{length(max(0, drawn.now_ms - record.timestamp))} ago" if drawn.now_ms else ""
    return Row(
        ago=ago, id=record.id, at=record.timestamp, level=record.level, service=visible(record.service[:LONGEST_VALUE]),
        message=marked(text, words_in(drawn.query)), more=max(0, len(record.message) - LONGEST_LINE),
        cells=tuple(cell(record, name) for name in drawn.columns), next=way, opened=opened,
    )  # fmt: skip


def opened(record: Record, drawn: Drawn, snippets: Sequence[Snippet]) -> Opened:
    """The whole event, as far as a page can hold it."""
    lines = list(_lines(record))
    return Opened(
        id=record.id, message=visible_lines(cut(record.message, LONGEST_MESSAGE)),
        fields=tuple(_field(line, drawn) for line in lines[:MOST_FIELDS]), left_out=max(0, len(lines) - MOST_FIELDS),
        snippets=tuple(snippets), trace=record.trace_id if can_be_traced(record.trace_id) else "",
        service=visible(record.service[:LONGEST_VALUE]),
    )  # fmt: skip


def can_be_traced(trace_id: str) -> bool:
    """Whether the id can stand in a path on every way to us."""
    return (
        0 < len(trace_id) <= LONGEST_CLICKED
        and trace_id.isascii()
        and trace_id.replace("-", "").replace("_", "").isalnum()
    )


class _Line(Struct, frozen=True):
    depth: int
    key: str
    path: str
    value: Any


def _lines(record: Record) -> Iterator[_Line]:
    yield _Line(0, "timestamp", "", stamp(record.timestamp))
    yield _Line(0, "received_at", "", stamp(record.received_at))
    for name in OWN:
        if value := getattr(record, name):
            yield _Line(0, name, name, value)
    yield from _below(record.metadata)


def _below(metadata: Mapping[str, Any]) -> Iterator[_Line]:
    """Depth first, without recursion; elements of an array have the path of the array."""
    waiting = [_Line(0, "metadata", METADATA_PREFIX, metadata)] if metadata else []
    while waiting:
        line = waiting.pop()
        yield line
        if isinstance(line.value, Mapping):
            dot = "" if line.path.endswith(METADATA_PREFIX) else "."
            inner = [_Line(line.depth + 1, key, line.path + dot + key, value) for key, value in line.value.items()]
            waiting.extend(reversed(inner))
        elif isinstance(line.value, list):
            elements = list(enumerate(line.value[: MOST_FIELDS + 1]))
            waiting.extend(_Line(line.depth + 1, f"[{number}]", line.path, each) for number, each in elements[::-1])


def _field(line: _Line, drawn: Drawn) -> Field:
    text = _said(line.value)
    key = visible(cut(line.key, LONGEST_KEY))
    shown = visible_lines(cut(text, LONGEST_VALUE))
    if drawn.asked is None or not _is_clickable(line):
        return Field(min(line.depth, 8), key, shown)
    name = str(field_named(line.path).name)  # type: ignore[union-attr]  # as `_is_clickable` saw
    column = with_column(drawn.columns, name) if can_be_column(name, drawn.columns) else ""
    return Field(
        min(line.depth, 8), key, shown, _edit(drawn, name, text, "only"), _edit(drawn, name, text, "exclude"),
        link(drawn.asked, columns=column) if column else "",
    )  # fmt: skip


def _edit(drawn: Drawn, name: str, text: str, how: How) -> str:
    assert drawn.asked is not None
    return link_of(drawn.asked, edited(drawn.query, name, text, how))


def _is_clickable(line: _Line) -> bool:
    text = text_of(line.value)
    return (
        bool(line.path) and text is not None and 0 < len(text) <= LONGEST_CLICKED and len(line.path) <= LONGEST_CLICKED
        and field_named(line.path) is not None
    )  # fmt: skip


def _said(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "" if value else "{}"
    if isinstance(value, list):
        return "" if value else "[]"
    return '""' if value == "" else text_of(value) or ""

"""Events as rows of a table: which columns there are, and what stands in their cells."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from chalicelib.events.event import Event
from chalicelib.events.query.answers import Record
from chalicelib.events.query.fields import METADATA_PREFIX, field_named, suggested_name
from chalicelib.events.query.values import text_of, values_at
from chalicelib.mcp.asked import written_time
from chalicelib.mcp.errors import ArgumentsWrong
from chalicelib.mcp.text import Cell, clean, cleaned, shown

USUAL: Final = ("timestamp", "level", "service", "environment", "type", "message", "user_id", "trace_id", "id")
"""What is shown unless somebody chooses. Of these, what no row has is left out."""

ALWAYS: Final = frozenset(("timestamp", "level", "message", "id"))

BESIDE_FIELDS: Final = ("id", "received_at", "metadata")
"""What a row may show though no query can name it."""


def columns_named(names: Sequence[str]) -> list[str]:
    """The canonical names of fields to show. Raises `ArgumentsWrong`."""
    return list(dict.fromkeys(map(_column, names)))


def usual_columns(records: Sequence[Record]) -> list[str]:
    """Type is shown where it tells anything."""
    plain = {name for name in USUAL if name not in ALWAYS and not any(_tells(each, name) for each in records)}
    return [name for name in USUAL if name not in plain]


def rows_of(columns: Sequence[str]) -> Callable[[Record, int], list[Cell]]:
    """What makes a row of an event, its cells at most so long."""
    return lambda record, longest: [cell(record, column, longest) for column in columns]


def cell(record: Record, column: str, longest: int) -> Cell:
    if column in ("timestamp", "received_at"):
        return written_time(getattr(record, column))
    if column == "metadata":
        return _json(cleaned(record.metadata, longest), longest * 2) if record.metadata else ""
    if column.startswith(METADATA_PREFIX):
        found = list(values_at(record.metadata, column.removeprefix(METADATA_PREFIX)))
        return found[0] if len(found) == 1 and _is_small_number(found[0]) else _joined(found, longest)
    text: str = getattr(record, column)
    return clean(text, longest)


def whole(record: Record, longest: int) -> dict[str, Any]:
    """Everything of an event, cleaned; absent fields left out."""
    fields = {name: clean(value, longest) for name in _TEXT if (value := getattr(record, name))}
    metadata = {"metadata": cleaned(record.metadata, longest)} if record.metadata else {}
    times = {"timestamp": written_time(record.timestamp), "received_at": written_time(record.received_at)}
    return {"id": record.id} | times | fields | metadata


_TEXT: Final = tuple(name for name in Event.__struct_fields__ if name not in ("timestamp", "metadata"))


def _column(name: str) -> str:
    if name in BESIDE_FIELDS:
        return name
    field = field_named(name)
    if field is not None:
        return field.name
    meant = suggested_name(name)
    raise ArgumentsWrong(f"no field {shown(name)}" + (f"; did you mean {shown(meant)}?" if meant else "."))


def _tells(record: Record, name: str) -> bool:
    value = getattr(record, name)
    return bool(value) and (name, value) != ("type", "custom")


def _joined(values: Sequence[Any], longest: int) -> str:
    texts = [_json(cleaned(each, longest), longest) if text_of(each) is None else text_of(each) for each in values[:20]]
    return clean("|".join(text or "" for text in texts), longest)


def _is_small_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 53


def _json(value: Any, longest: int) -> str:
    return clean(msgspec.json.encode(value).decode(), longest)

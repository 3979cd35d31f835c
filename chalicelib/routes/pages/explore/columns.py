"""Columns that somebody asked for: any field, any path into the metadata, and its values in an event."""

from collections.abc import Sequence
from typing import Final

from chalicelib.events.query.answers import Record
from chalicelib.events.query.fields import METADATA_PREFIX, field_named, suggested_name
from chalicelib.events.query.values import is_present, text_of, values_at
from chalicelib.routes.pages.explore.wording import visible

MOST: Final = 6
LONGEST_PATH: Final = 120
ALWAYS: Final = frozenset({"timestamp", "level", "service", "message"})
"""Every row has them."""

LONGEST_CELL: Final = 80


def columns_in(text: str) -> tuple[tuple[str, ...], str]:
    """The fields that a text names, and a sentence about those that it names in vain."""
    names: dict[str, None] = {}
    for written in filter(None, map(str.strip, text.split(","))):
        found = field_named(written)
        if found is None or len(written) > LONGEST_PATH:
            near = suggested_name(written[:LONGEST_PATH])
            meant = f" Did you mean `{near}`?" if near else ""
            return tuple(names), f"There is no field `{visible(written[:40])}` to show as a column.{meant}"
        if found.name not in ALWAYS:
            names[found.name] = None
    if len(names) > MOST:
        return tuple(names)[:MOST], f"At most {MOST} columns are shown; these are the first."
    return tuple(names), ""


def with_column(shown: Sequence[str], name: str) -> str:
    """The parameter with this column last."""
    return ",".join((*(each for each in shown if each != name), name))


def without_column(shown: Sequence[str], name: str) -> str:
    return ",".join(each for each in shown if each != name)


def can_be_column(name: str, shown: Sequence[str]) -> bool:
    """Whether there is room for it, and whether its name can be told from its neighbours'."""
    return (
        name not in ALWAYS
        and name not in shown
        and len(shown) < MOST
        and "," not in name
        and bool(len(name) <= LONGEST_PATH and field_named(name))
    )


def values_of(record: Record, name: str) -> tuple[str, ...]:
    """The texts of a field in an event: none, one, or those of an array's elements."""
    if not name.startswith(METADATA_PREFIX):
        value = getattr(record, name)
        return (str(value),) if value != "" else ()
    found = values_at(record.metadata, name.removeprefix(METADATA_PREFIX))
    return tuple(text for value in found if is_present(value) and (text := text_of(value)) is not None)


def cell(record: Record, name: str) -> str:
    """The same in one short line."""
    text = visible(", ".join(values_of(record, name)))
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"

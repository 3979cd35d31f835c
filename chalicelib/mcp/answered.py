"""What every answer says of itself, and its two forms: structured, and as text that costs few tokens.

query: level>=error                                what was understood
range: 2026-01-02T02:04:00.000Z to …
rows: 50 of 1,240                                  and whether that is all
next_cursor: …
open: https://…                                    where a person sees the same

timestamp,level,service,message,id                 a table; cells hold what strangers wrote, cleaned
2026-01-02T03:03:59.120Z,error,checkout,…
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from chalicelib.events.query.times import LATEST_MS
from chalicelib.mcp import links
from chalicelib.mcp.asked import Question, written_time
from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import ToolAnswer
from chalicelib.mcp.text import BYTES, Cell, clean, csv

T = TypeVar("T")

RESERVED: Final = 2_500
"""Bytes of an answer that are not its table."""

LONGEST_CELLS: Final = (500, 200, 80, 30)
"""Characters of a cell: the first of these with which at least one row fits."""


class Table(Struct, frozen=True):
    columns: list[str]
    data: list[list[Cell]]
    left_out: int = 0
    """Rows that did not fit."""


class Answered(Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"start": "from", "end": "to"}):
    """What is left out is false, empty or not known."""

    query: Annotated[str, Meta(description="The query as it was understood.")]
    start: str
    end: str
    rows: Annotated[int, Meta(description="How many rows are in `data`.")]
    of: Annotated[int | None, Meta(description="How many there are in all.")] = None
    of_at_least: Annotated[bool, Meta(description="`of` is a lower bound.")] = False
    cut: Annotated[bool, Meta(description="Rows were left out to keep the answer small.")] = False
    partial: Annotated[bool, Meta(description="Reading stopped early: ask for a shorter range, or go on.")] = False
    complete_from: Annotated[str, Meta(description="Where partial: everything from here on was counted.")] = ""
    notes: Annotated[list[str], Meta(description="What is to be known about these numbers.")] = []
    next_cursor: Annotated[str, Meta(description="Give it as `cursor`, with the same query, for the next rows.")] = ""
    link: Annotated[str, Meta(description="A page that shows the same to a person who may see the project.")]
    columns: list[str]
    data: list[list[Cell]]


def head(context: Context, asked: Question) -> dict[str, Any]:
    """The fields of `Answered` that any answer to this question has."""
    return {
        "query": clean(asked.q, 1_000),
        "start": written_time(asked.within.start),
        "end": written_time(min(asked.within.end, LATEST_MS)),
        "link": links.explorer(context, asked.q, asked.within),
    }


def tool_answer(answered: Answered, written: str, *, before: Sequence[str] = ()) -> ToolAnswer:
    """The answer in both forms. `written` is the form of the text, `before` are lines that stand above its table."""
    structured = msgspec.to_builtins(answered)
    text = msgspec.json.encode(structured).decode() if written == "json" else _text(answered, before)
    return ToolAnswer(content=[{"type": "text", "text": text}], structured=structured, rows=answered.rows)


def fitted(items: Sequence[T], row: Callable[[T, int], list[Cell]], columns: list[str], *, room: int = 0) -> Table:
    """As many rows as an answer has room for, in order; at least one of any. A cell is of so many characters."""
    limit = (room or BYTES - RESERVED) - len(",".join(columns))
    for longest in LONGEST_CELLS:
        data = list(_within((row(each, longest) for each in items), limit))
        if data or not items:
            break
    else:
        data = [row(items[0], LONGEST_CELLS[-1])]
    return Table(columns, data, len(items) - len(data))


def _within(rows: Iterable[list[Cell]], limit: int) -> Iterable[list[Cell]]:
    """JSON is the longer of the two forms."""
    for row in rows:
        limit -= len(msgspec.json.encode(row)) + 1
        if limit < 0:
            return
        yield row


def _text(answered: Answered, before: Sequence[str]) -> str:
    lines = [
        f"query: {answered.query}",
        f"range: {answered.start} to {answered.end}",
        f"rows: {answered.rows:,}{_of(answered)}",
    ]
    if answered.cut:
        lines.append("cut: rows were left out to keep this short")
    if answered.partial:
        reached = f"; everything from {answered.complete_from} on was counted" if answered.complete_from else ""
        lines.append(f"partial: reading stopped early{reached}; ask for a shorter range, or go on with the cursor")
    lines += [f"note: {note}" for note in answered.notes]
    if answered.next_cursor:
        lines.append(f"next_cursor: {answered.next_cursor}")
    lines.append(f"open: {answered.link}")
    return "\n".join([*lines, *before, "", csv(answered.columns, answered.data)])


def _of(answered: Answered) -> str:
    if answered.of is None:
        return ""
    return f" of {'at least ' if answered.of_at_least else ''}{answered.of:,}"

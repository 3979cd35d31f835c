"""`get_event`: one event whole, and what happened around it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chalicelib.events.query import lookup
from chalicelib.events.query.answers import Context as Neighbours
from chalicelib.events.query.answers import Record
from chalicelib.mcp import links
from chalicelib.mcp.answered import RESERVED, Table, fitted
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Format
from chalicelib.mcp.context import Context
from chalicelib.mcp.errors import ArgumentsWrong
from chalicelib.mcp.records import rows_of, usual_columns, whole
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import BYTES, Cell, csv

LONGEST_TEXTS: Final = (2_000, 500, 120, 40)
"""Characters of a text of the event: the first of these with which it fits into two thirds of the answer."""


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Annotated[str, Meta(max_length=100, description="As other tools gave it.")]
    before: Annotated[int, Meta(ge=0, le=50, description="How many events before it to show.")] = 5
    after: Annotated[int, Meta(ge=0, le=50, description="How many after it.")] = 5
    same: Annotated[
        Literal["all", "service", "trace"], Meta(description="Which of them: all, or those of its service or trace.")
    ] = "all"
    format: Format = "csv"


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    event: dict[str, Any]
    rows: int
    link: str
    columns: list[str]
    data: list[list[Cell]]
    """What is around it, newest first; `offset_ms` is how much later than the event."""
    cut: bool = False
    partial: bool = False


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    found = lookup.context(
        context.scope, asked.id.strip(), before=asked.before, after=asked.after, same=asked.same,
        now_ms=context.now_ms, deadline=context.deadline,
    )  # fmt: skip
    if found is None:
        raise ArgumentsWrong("there is no event with this `id` here: take one from an answer of `search_events`.")
    event = _fitting(found.event)
    table = _around(found, room=BYTES - RESERVED - len(msgspec.json.encode(event)))
    answer = Answer(
        event=event, rows=1 + len(table.data), columns=table.columns, data=table.data, cut=bool(table.left_out),
        partial=found.partial,
        link=links.event(context, found.event.id, around=max(asked.before, asked.after), same=asked.same),
    )  # fmt: skip
    structured = msgspec.to_builtins(answer)
    text = msgspec.json.encode(structured).decode() if asked.format == "json" else _text(answer)
    return ToolAnswer(content=[{"type": "text", "text": text}], structured=structured, rows=answer.rows)


def _fitting(event: Record) -> dict[str, Any]:
    for longest in LONGEST_TEXTS:
        shown = whole(event, longest)
        if len(msgspec.json.encode(shown)) <= BYTES * 2 // 3:
            return shown
    return whole(msgspec.structs.replace(event, metadata={"…": "too large to be shown"}), LONGEST_TEXTS[-1])


def _around(found: Neighbours, *, room: int) -> Table:
    """Cut at its ends, the nearest first to stay."""
    at = found.event.timestamp
    neighbours = [*found.after, *found.before]
    plain = [name for name in usual_columns(neighbours) if name != "timestamp"]
    row = rows_of(plain)
    nearest = sorted(neighbours, key=lambda each: abs(each.timestamp - at))
    table = fitted(
        nearest, lambda each, longest: [each.timestamp - at, *row(each, min(longest, 200))], ["offset_ms", *plain],
        room=max(room, 1_000),
    )  # fmt: skip
    return Table(table.columns, sorted(table.data, key=lambda row: -_offset(row)), table.left_out)


def _offset(row: list[Cell]) -> int:
    offset = row[0]
    assert isinstance(offset, int), "the first column is the offset"
    return offset


def _text(answer: Answer) -> str:
    lines = [f"event: {msgspec.json.encode(answer.event).decode()}", f"open: {answer.link}"]
    if answer.cut:
        lines.append("cut: neighbours were left out to keep this short")
    if answer.partial:
        lines.append("partial: reading stopped early, there may be nearer neighbours")
    return "\n".join([*lines, "around it, newest first:", csv(answer.columns, answer.data)])


TOOL: Final = Tool(
    name="get_event",
    title="Read one event and its surroundings",
    description=(
        "Shows one event with all its fields and metadata, and what happened just before and after it: everywhere, in "
        "its service, or in its trace. Use it on an `id` that a search gave, to see the cause next to the failure."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Answer),
    call=call,
)

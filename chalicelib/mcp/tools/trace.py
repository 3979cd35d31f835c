"""`trace_events`: everything that happened in one trace, in its order, over all services."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta

from chalicelib.events.query import search
from chalicelib.events.query.answers import ANSWER_BYTES, Record
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.expression import Equals, Everything, all_of
from chalicelib.mcp.answered import Answered, Table, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Asked, Format, Limit, Question, question
from chalicelib.mcp.context import Context
from chalicelib.mcp.errors import ArgumentsWrong
from chalicelib.mcp.records import cell
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import Cell

COLUMNS: Final = ["offset_ms", "timestamp", "level", "service", "message", "span_id", "id"]


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    trace_id: Annotated[str, Meta(min_length=1, max_length=256)]
    since: Annotated[str, Meta(max_length=40, description="How far back to look: `1h`, `24h`, `7d`.")] = ""
    limit: Limit = 100
    cursor: Annotated[
        str, Meta(max_length=6_000, description="`next_cursor` of the page before, with all else unchanged.")
    ] = ""
    format: Format = "csv"


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    if not asked.trace_id.strip():
        raise ArgumentsWrong("`trace_id` is needed: take one from an event.")
    about = _in_trace(asked, context)
    steps = _Steps()
    begun = search.opened(context.scope, about.expression, about.within, "asc", asked.cursor or None)
    found = search.go_on(
        context.scope, about.expression, begun, limit=asked.limit, max_bytes=ANSWER_BYTES, kept=steps.kept,
        now_ms=context.now_ms, budget=Budget(deadline=context.deadline),
    )  # fmt: skip
    answered = Answered(
        **head(context, about), rows=len(steps.table.data), cut=bool(steps.table.left_out), partial=found.partial,
        of=len(found.records) if found.further is None and not asked.cursor else None, columns=COLUMNS,
        data=steps.table.data, next_cursor=search.sealed(context.scope, about.expression, found.further) or "",
    )  # fmt: skip
    return tool_answer(answered, asked.format)


def _in_trace(asked: Arguments, context: Context) -> Question:
    """Within a day, unless a range is given: an id of a trace is looked for in every block of it."""
    given = asked if asked.since or asked.start else _a_day_back(asked)
    about = question(given, context)
    terms = [Equals("trace_id", asked.trace_id.strip())]
    query = [] if isinstance(about.expression, Everything) else [about.expression]
    return Question(all_of([*terms, *query]), about.within)


def _a_day_back(asked: Arguments) -> Asked:
    if asked.end:
        raise ArgumentsWrong("`to` needs a `from`.")
    return Asked(q=asked.q, since="24h")


class _Steps:
    """The trace's events that there is room for, with the time since the first of them."""

    def __init__(self) -> None:
        self.table = Table(COLUMNS, [])

    def kept(self, records: Sequence[Record]) -> int:
        first = records[0].timestamp if records else 0
        self.table = fitted(records, lambda record, longest: _row(record, first, longest), COLUMNS)
        return len(self.table.data)


def _row(record: Record, first: int, longest: int) -> list[Cell]:
    return [record.timestamp - first, *(cell(record, column, longest) for column in COLUMNS[1:])]


TOOL: Final = Tool(
    name="trace_events",
    title="Follow one trace",
    description=(
        "Shows all events of a trace, oldest first, over all services, with the milliseconds since the first: how a "
        "request went its way and where it broke. Looks back 24 hours unless told otherwise."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Answered),
    call=call,
)

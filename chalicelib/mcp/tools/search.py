"""`search_events`: the events themselves, a page at a time."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from chalicelib.events.query import counts, search
from chalicelib.events.query.aggregate import COUNT
from chalicelib.events.query.answers import ANSWER_BYTES, Record
from chalicelib.events.query.budget import Budget
from chalicelib.events.query.search import Found
from chalicelib.events.query.times import TimeRange
from chalicelib.mcp.answered import Answered, Table, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Asked, Format, Limit, Question, question
from chalicelib.mcp.context import Context
from chalicelib.mcp.records import columns_named, rows_of, usual_columns
from chalicelib.mcp.registry import Tool, ToolAnswer

MOST_FIELDS: Final = 20


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Limit = 50
    order: Annotated[
        Literal["newest_first", "oldest_first"], Meta(description="`oldest_first` tells a story in its order.")
    ] = "newest_first"
    cursor: Annotated[
        str, Meta(max_length=6_000, description="`next_cursor` of the page before, with all else unchanged.")
    ] = ""
    fields: Annotated[
        list[str],
        Meta(
            max_length=MOST_FIELDS,
            description=(
                "Columns to show, such as `timestamp`, `message`, `metadata.order_id`; `metadata` is all of it. Left "
                "out: the usual ones that are not empty."
            ),
        ),
    ] = []
    format: Format = "csv"


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    chosen = columns_named(asked.fields)
    about = question(asked, context)
    page = Page(chosen)
    order: Literal["asc", "desc"] = "asc" if asked.order == "oldest_first" else "desc"
    scope, expression = context.scope, about.expression
    begun = search.opened(scope, expression, about.within, order, asked.cursor or None)
    found = search.go_on(
        scope, expression, begun, limit=asked.limit, max_bytes=ANSWER_BYTES, kept=page.kept, now_ms=context.now_ms,
        budget=Budget(deadline=context.deadline_for(0.7)),
    )  # fmt: skip
    about = Question(expression, TimeRange(begun.start, begun.end))
    answered = Answered(
        **head(context, about), **_total(found, about, context, first=not asked.cursor), rows=len(page.table.data),
        columns=page.table.columns, data=page.table.data, cut=bool(page.table.left_out), partial=found.partial,
        next_cursor=search.sealed(scope, expression, found.further) or "",
    )  # fmt: skip
    return tool_answer(answered, asked.format)


class Page:
    """The rows of a page, as many as there is room for; the engine's next page begins after them."""

    def __init__(self, chosen: list[str]) -> None:
        self._chosen = chosen
        self.table = Table(chosen, [])

    def kept(self, records: Sequence[Record]) -> int:
        columns = self._chosen or usual_columns(records)
        self.table = fitted(records, rows_of(columns), columns)
        return len(self.table.data)


def _total(found: Found, about: Question, context: Context, *, first: bool) -> dict[str, Any]:
    """How many there are, which is known where everything is on the first page; else they are counted."""
    if first and found.further is None:
        return {"of": len(found.records)}
    counted = counts.aggregate(
        context.scope, about.expression, about.within, by=(), metric=COUNT, now_ms=context.now_ms,
        deadline=context.deadline_for(0.7),
    )  # fmt: skip
    total = int(counted.groups[0].value or 0)
    return {"of": max(total, len(found.records)), "of_at_least": counted.partial}


TOOL: Final = Tool(
    name="search_events",
    title="Search events",
    description=(
        "Finds events, newest first, as a table. Use it to read what happened once you know where to look: counting "
        "first (`aggregate_events`, `list_patterns`) costs far less than reading. Go on with `next_cursor`; open one "
        "event whole with `get_event` and its `id`."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Answered),
    call=call,
)

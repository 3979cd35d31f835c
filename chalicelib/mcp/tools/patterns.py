"""`list_patterns`: what the messages are like, with ids and numbers taken out, and which patterns are new or rising."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from chalicelib.events.query.comparison import Change, Compared
from chalicelib.mcp.answered import Answered, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Asked, Format, Limit, question, written_time
from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import Cell, clean
from chalicelib.mcp.tools.windows import phrase, read_windows

COLUMNS: Final = ["count", "before", "trend", "level", "first", "last", "pattern", "sample", "find"]

TRENDS: Final[Mapping[Change, str]] = {
    "new": "new", "gone": "gone", "more": "rising", "less": "falling", "steady": "steady",
}  # fmt: skip


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    only: Annotated[
        Literal["all", "new", "rising", "new_or_rising"],
        Meta(description="`new`: none in the stretch of the same length before. `rising`: at least twice as many."),
    ] = "all"
    limit: Limit = 30
    format: Format = "csv"


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    about = question(asked, context)
    windows = read_windows(about, about.within.end - about.within.start, context)
    wanted = _WANTED[asked.only]
    found = sorted(
        (each for each in windows.compared() if each.after and (not wanted or each.change in wanted)),
        key=lambda each: (-each.after, each.pattern.template),
    )
    table = fitted(found[: asked.limit], _row, COLUMNS)
    answered = Answered(
        **head(context, about), **windows.reading(), rows=len(table.data), of=len(found),
        cut=len(table.data) < len(found), notes=windows.notes(context), columns=table.columns, data=table.data,
    )  # fmt: skip
    return tool_answer(answered, asked.format, before=[f"events: {windows.after.events:,}"])


_WANTED: Final[Mapping[str, tuple[Change, ...]]] = {
    "all": (), "new": ("new",), "rising": ("more",), "new_or_rising": ("new", "more"),
}  # fmt: skip


def _row(each: Compared, longest: int) -> list[Cell]:
    pattern, shown = each.pattern, min(longest, 160)
    return [
        each.after, each.before, TRENDS[each.change], each.level, written_time(pattern.first),
        written_time(pattern.last), clean(pattern.template, shown) or "(no message)", clean(pattern.sample, shown),
        clean(phrase(pattern), shown),
    ]  # fmt: skip


TOOL: Final = Tool(
    name="list_patterns",
    title="List patterns of messages",
    description=(
        "Groups messages that differ only in ids, numbers, times, addresses and quoted text, largest group first, and "
        "says which are new or rising against the stretch of the same length before. The quickest way to see what a "
        "range is full of, or what is new in it. `find` is a phrase for `q` that finds the messages of a pattern."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Answered),
    call=call,
)

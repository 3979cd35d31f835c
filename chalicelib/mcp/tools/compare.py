"""`compare_windows`: what changed between two stretches of time of the same length."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta

from chalicelib.events.event import LEVELS
from chalicelib.events.patterns import phrase
from chalicelib.events.query.comparison import Compared
from chalicelib.events.query.times import parse_duration
from chalicelib.mcp.answered import Answered, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Asked, Format, Limit, question, understood, written_time
from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import Cell, clean
from chalicelib.mcp.tools.windows import Windows, read_windows, totals

COLUMNS: Final = ["change", "before", "after", "level", "pattern", "sample", "find"]


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    baseline: Annotated[
        str,
        Meta(
            max_length=10,
            description=(
                "How much earlier the window to compare with lies: `1d` is the same time yesterday, `7d` last week. "
                "Left out: directly before."
            ),
        ),
    ] = ""
    limit: Limit = 30
    format: Format = "csv"


class Comparison(Answered, frozen=True, kw_only=True, omit_defaults=True):
    before_from: str
    before_to: str
    levels: dict[str, list[int]]
    """How many before and after."""
    services: dict[str, list[int]]


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    about = question(asked, context)
    length = about.within.end - about.within.start
    earlier = understood("baseline", lambda: parse_duration(asked.baseline)) if asked.baseline else length
    windows = read_windows(about, earlier, context)
    changed = [each for each in windows.compared() if each.change != "steady"]
    table = fitted(changed[: asked.limit], _row, COLUMNS)
    before, after = windows.before, windows.after
    services = {clean(name, 100): count for name, count in before.services.items()}
    services_after = {clean(name, 100): count for name, count in after.services.items()}
    answered = Comparison(
        **head(context, about), **windows.reading(), rows=len(table.data), of=len(changed),
        cut=len(table.data) < len(changed), notes=_notes(windows, context, overlapping=earlier < length),
        columns=table.columns, data=table.data, before_from=written_time(before.start),
        before_to=written_time(before.end), levels=_pairs(before.levels, after.levels),
        services=_pairs(services, services_after),
    )  # fmt: skip
    lines = [
        f"compared with: {answered.before_from} to {answered.before_to}",
        f"events, before -> after: {before.events:,} -> {after.events:,}",
        totals("levels", before.levels, after.levels, LEVELS),
        totals("services", services, services_after),
    ]
    return tool_answer(answered, asked.format, before=lines)


def _row(each: Compared, longest: int) -> list[Cell]:
    shown = min(longest, 160)
    return [
        each.change, each.before, each.after, each.level, clean(each.pattern.template, shown) or "(no message)",
        clean(each.pattern.sample, shown), clean(phrase(each.pattern.template, each.pattern.sample), shown),
    ]  # fmt: skip


def _notes(windows: Windows, context: Context, *, overlapping: bool) -> list[str]:
    return windows.notes(context) + (["the two windows overlap"] if overlapping else [])


def _pairs(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, list[int]]:
    return {name: [before.get(name, 0), after.get(name, 0)] for name in {**before, **after}}


TOOL: Final = Tool(
    name="compare_windows",
    title="Compare two windows of time",
    description=(
        "Says what changed: events by level and service, and which patterns of messages are new, gone, more or less, "
        "between a window (by default the last hour) and an earlier one of the same length. Ask this after a "
        "deployment, or when something is said to have begun."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Comparison),
    call=call,
)

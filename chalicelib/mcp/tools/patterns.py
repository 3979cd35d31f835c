"""`list_patterns`: what the messages are like, with ids and numbers taken out, and which patterns are new or rising."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from chalicelib.events.event import LEVELS
from chalicelib.events.query.comparison import Change
from chalicelib.events.query.pattern_list import ListedPattern, PatternList, listed
from chalicelib.events.query.times import TimeRange
from chalicelib.mcp import links
from chalicelib.mcp.answered import Answered, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Asked, Format, Limit, Question, question, written_time
from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import Cell, clean

COLUMNS: Final = ["count", "before", "trend", "state", "level", "first", "last", "pattern", "sample", "find"]

TRENDS: Final[Mapping[Change, str]] = {
    "new": "new", "gone": "gone", "more": "rising", "less": "falling", "steady": "steady",
}  # fmt: skip


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    only: Annotated[
        Literal["all", "new", "rising", "new_or_rising", "regressed"],
        Meta(
            description=(
                "`new`: none in the stretch of the same length before. `rising`: at least twice as many. `regressed`: "
                "seen again after somebody called it resolved."
            )
        ),
    ] = "all"
    limit: Limit = 30
    format: Format = "csv"


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    about = question(asked, context)
    answer = listed(
        context.scope, about.expression, about.within, now_ms=context.now_ms, deadline=context.deadline_for(0.9)
    )
    counted = Question(about.expression, TimeRange(answer.start, answer.end))
    found = [each for each in answer.patterns if each.count and _is_wanted(each, asked.only)]
    table = fitted(found[: asked.limit], _row, COLUMNS)
    answered = Answered(
        **head(context, counted) | {"link": _link(context, about, asked.only)},
        partial=answer.partial, complete_from="" if answer.reached is None else written_time(answer.reached),
        rows=len(table.data), of=len(found), cut=len(table.data) < len(found), notes=_notes(answer, about, context),
        columns=table.columns, data=table.data,
    )  # fmt: skip
    return tool_answer(answered, asked.format, before=[f"events: {answer.events:,}"])


_WANTED: Final[Mapping[str, tuple[Change, ...]]] = {
    "new": ("new",), "rising": ("more",), "new_or_rising": ("new", "more"),
}  # fmt: skip
_SHOWN: Final = ("new", "rising", "regressed")
"""What the page can be narrowed to as well."""


def _is_wanted(each: ListedPattern, only: str) -> bool:
    if only in _WANTED:
        return each.change in _WANTED[only]
    return only in ("all", each.state)


def _link(context: Context, about: Question, only: str) -> str:
    return links.patterns(context, about.q, about.within, only=only if only in _SHOWN else "all")


def _notes(answer: PatternList, about: Question, context: Context) -> list[str]:
    """What makes the list less than it looks."""
    notes = []
    length = answer.end - answer.start
    if answer.partial:
        notes.append("not everything was read: what is new or rising may be so for that reason alone")
    if answer.start - length < context.scope.horizon(context.now_ms):
        notes.append(f"the stretch before reaches beyond the {context.scope.retention_days} days that are kept")
    if (answer.start, answer.end) != (about.within.start, about.within.end):
        notes.append("whole hours were counted")
    if answer.other:
        notes.append(f"{answer.other:,} events have patterns beyond those that are told apart")
    return notes


def _row(each: ListedPattern, longest: int) -> list[Cell]:
    shown = min(longest, 160)
    return [
        each.count, each.before, TRENDS[each.change], "" if each.state == "open" else each.state,
        max(each.levels, key=LEVELS.index), written_time(each.first_seen_ms), written_time(each.last_seen_ms),
        clean(each.template, shown) or "(no message)", clean(each.sample, shown), clean(each.find, shown),
    ]  # fmt: skip


TOOL: Final = Tool(
    name="list_patterns",
    title="List patterns of messages",
    description=(
        "Groups messages that differ only in ids, numbers, times, addresses and quoted text, largest group first, and "
        "says which are new or rising against the stretch of the same length before. The quickest way to see what a "
        "range is full of, or what is new in it; cheap over days, where `q` asks for levels alone or is empty. "
        "`first`, `last` and `sample`, its newest message, may be of an event of another level than `q` asks for. "
        "`find` is a phrase for `q` that finds the messages of a pattern."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Answered),
    call=call,
)

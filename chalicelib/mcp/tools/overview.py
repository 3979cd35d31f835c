"""`project_overview`: what there is to ask about, in one answer. To be called first."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from chalicelib.events.event import LEVELS
from chalicelib.events.query import counts, search
from chalicelib.events.query.answers import Record
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.fields import FIELDS, METADATA_PREFIX
from chalicelib.events.query.times import TimeRange, parse_range
from chalicelib.events.query.values import is_present, text_of
from chalicelib.events.store import deploys
from chalicelib.events.store.deploys import Deploy
from chalicelib.mcp.answered import Answered, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Format, Question, understood, written_time
from chalicelib.mcp.context import Context
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import Cell, clean

SAMPLE: Final = 200
"""Newest events whose fields are looked at."""

MOST_NAMES: Final = 80
LONGEST_EXAMPLE: Final = 60
FACETS: Final = ("level", "service", "environment", "type")
DEEPEST: Final = 4
DEPLOYS: Final = 3
LONGEST_NAME: Final = 60
MOST_LOOKED_AT: Final = 500
"""Members of one event's metadata."""


class Arguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    since: Annotated[str, Meta(max_length=40, description="How far back to look: `1h`, `24h`, `7d`.")] = "24h"
    format: Format = "csv"


class Overview(Answered, frozen=True, kw_only=True, omit_defaults=True):
    project: str
    now: str
    retention_days: int
    events: int
    newest: str = ""
    levels: dict[str, int]
    services: dict[str, int]
    environments: dict[str, int]
    types: dict[str, int]
    deploys: list[str] = []
    """The newest, each with its time: `compare_windows` with `from` there says what one changed."""


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    within = understood("since", lambda: parse_range(now_ms=context.now_ms, since=asked.since or "24h"))
    about = Question(Everything(), within)
    newest = search.search(
        context.scope, about.expression, within, limit=SAMPLE, now_ms=context.now_ms, deadline=context.deadline_for(0.4)
    ).data
    counted = counts.facets(
        context.scope, about.expression, within, fields=FACETS, now_ms=context.now_ms, deadline=context.deadline
    )
    found = {name: {clean(each.value, 100): each.count for each in counted.facets[name]} for name in FACETS}
    fields = _fields(newest)
    table = fitted(fields[:MOST_NAMES], lambda each, _: each, ["field", "in_percent_of_newest", "example"])
    overview = Overview(
        **head(context, about), rows=len(table.data), of=len(fields), cut=len(table.data) < len(fields),
        partial=counted.partial, complete_from="" if counted.reached is None else written_time(counted.reached),
        columns=table.columns, data=table.data, project=clean(context.name, 100), now=written_time(context.now_ms),
        retention_days=context.scope.retention_days, events=sum(found["level"].values()),
        newest=written_time(newest[0].timestamp) if newest else "", levels=_in_order(found["level"]),
        services=found["service"], environments=found["environment"], types=found["type"], notes=_notes(newest),
        deploys=_deploys(context),
    )  # fmt: skip
    return tool_answer(overview, asked.format, before=_lines(overview))


def _deploys(context: Context) -> list[str]:
    kept = TimeRange(0, context.now_ms + 1)
    found = deploys.deploys(
        context.scope, kept, limit=DEPLOYS, now_ms=context.now_ms, deadline=context.deadline_for(0.5)
    )  # fmt: skip
    return [_deploy(each) for each in found]


def _deploy(each: Deploy) -> str:
    named = (clean(name, LONGEST_NAME) for name in each.release.identity if name)
    return f"{written_time(each.at)} {', '.join(named)}"


def _notes(newest: Sequence[Record]) -> list[str]:
    if newest:
        return [f"fields are those of the newest {len(newest):,} events"]
    return ["there are no events in this range: try a longer one, such as `since: 7d`"]


def _lines(overview: Overview) -> list[str]:
    return [
        f"project: {overview.project}",
        f"now: {overview.now}; events are kept for {overview.retention_days} days",
        f"events: {overview.events:,}; newest {overview.newest or 'none'}",
        f"levels: {_listed(overview.levels)}",
        f"services: {_listed(overview.services)}",
        f"environments: {_listed(overview.environments)}",
        f"types: {_listed(overview.types)}",
        *(["newest deploys: " + "; ".join(overview.deploys)] if overview.deploys else []),
    ]


def _listed(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counted.items()) or "none"


def _in_order(levels: Mapping[str, int]) -> dict[str, int]:
    return {level: levels[level] for level in reversed(LEVELS) if level in levels}


def _fields(newest: Sequence[Record]) -> list[list[Cell]]:
    """The fields that the newest events have, those of the record first, then metadata by how many have it."""
    seen: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for record in newest:
        for name, value in _named_values(record):
            seen[name] += 1
            examples.setdefault(name, value)
    own = [field.name for field in FIELDS if field.name in seen]
    others = sorted(seen.keys() - set(own), key=lambda name: (-seen[name], name))
    return [
        [clean(name, 120), 100 * seen[name] // len(newest), clean(examples[name], LONGEST_EXAMPLE)]
        for name in (*own, *others)
    ]


def _named_values(record: Record) -> Iterator[tuple[str, str]]:
    """Every field that is present, by the name that a query gives it, with its value as text."""
    for field in FIELDS:
        value = written_time(record.timestamp) if field.name == "timestamp" else getattr(record, field.name)
        if value:
            yield field.name, value
    waiting: list[tuple[str, Any, int]] = [(METADATA_PREFIX + key, value, 1) for key, value in record.metadata.items()]
    for name, value, depth in waiting:
        if isinstance(value, dict) and depth < DEEPEST:
            waiting += [(f"{name}.{key}", inner, depth + 1) for key, inner in value.items()]
        elif is_present(value) and len(waiting) < MOST_LOOKED_AT:
            yield name, text_of(value) or ("a list" if isinstance(value, list) else "an object")


TOOL: Final = Tool(
    name="project_overview",
    title="What this project holds",
    description=(
        "Call this first. Says how many events there are by level, service, environment and type, which fields they "
        "have with an example of each, how long events are kept, the newest deploys, and what time it is there."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Overview),
    call=call,
)

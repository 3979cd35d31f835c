"""`aggregate_events`: numbers about events, in groups or over time."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import Meta

from chalicelib.events.event import LEVELS
from chalicelib.events.query import counts
from chalicelib.events.query.aggregate import MOST_FIELDS, parse_fields, parse_metric
from chalicelib.events.query.counts import AggregateAnswer, Bucket, Counted, GroupAnswer, TimelineAnswer
from chalicelib.mcp.answered import Answered, Table, fitted, head, tool_answer
from chalicelib.mcp.arguments import output_schema, read_arguments, schema
from chalicelib.mcp.asked import Asked, Format, Limit, Question, question, understood, written_time
from chalicelib.mcp.context import Context
from chalicelib.mcp.errors import ArgumentsWrong
from chalicelib.mcp.registry import Tool, ToolAnswer
from chalicelib.mcp.text import Cell, clean

TIME: Final = ("time", "timestamp", "ts")


class Arguments(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    by: Annotated[
        list[str],
        Meta(
            max_length=MOST_FIELDS,
            description=(
                "What to group by: one or two fields, such as `service` or `metadata.status`; or `time` alone, for "
                "counts by level over time. Left out: one number for everything."
            ),
        ),
    ] = []
    metric: Annotated[
        str,
        Meta(
            max_length=300,
            description=(
                "`count`, `distinct(user_id)`, or of a number `avg(metadata.duration_ms)`, `min(…)`, `max(…)`, "
                "`sum(…)`, `p50(…)` to `p99(…)`."
            ),
        ),
    ] = "count"
    buckets: Annotated[int, Meta(ge=2, le=100, description="With `time`: into about so many steps.")] = 24
    limit: Limit = 50
    format: Format = "csv"


def call(given: Mapping[str, Any], context: Context) -> ToolAnswer:
    asked = read_arguments(given, Arguments)
    about = question(asked, context)
    over_time = any(name in TIME for name in asked.by)
    answered = _over_time(asked, about, context) if over_time else _in_groups(asked, about, context)
    return tool_answer(answered, asked.format)


def _in_groups(asked: Arguments, about: Question, context: Context) -> Answered:
    by = understood("by", lambda: parse_fields(",".join(asked.by)))
    metric = understood("metric", lambda: parse_metric(asked.metric))
    found = counts.aggregate(
        context.scope, about.expression, about.within, by=by, metric=metric, now_ms=context.now_ms,
        deadline=context.deadline,
    )  # fmt: skip
    table = fitted(found.groups[: asked.limit], lambda each, longest: _row(each, by, longest), [*by, str(metric)])
    return Answered(
        **head(context, about), **_reading(found), rows=len(table.data), of=len(found.groups),
        of_at_least=bool(found.other), cut=len(table.data) < len(found.groups), notes=_notes(found, table),
        columns=[clean(name, 100) for name in table.columns], data=table.data,
    )  # fmt: skip


def _row(group: GroupAnswer, by: tuple[str, ...], longest: int) -> list[Cell]:
    keys = [None if (label := group.key[name]) is None else clean(label, longest) for name in by]
    return [*keys, round(group.value, 3) if isinstance(group.value, float) else group.value]


def _notes(found: AggregateAnswer, table: Table) -> list[str]:
    notes = [] if found.exact else ["the numbers are estimates: there are very many different values"]
    beyond = sum(group.value or 0 for group in found.groups[len(table.data) :]) if table.columns[-1] == "count" else 0
    left = int(beyond) + found.other
    return [*notes, f"{left:,} events are in groups that are not shown"] if left else notes


def _over_time(asked: Arguments, about: Question, context: Context) -> Answered:
    if len(asked.by) > 1 or asked.metric.strip() not in ("", "count"):
        raise ArgumentsWrong("`time` is grouped by alone, and counted by level: leave `metric` out, and other fields.")
    found = counts.timeline(
        context.scope, about.expression, about.within, buckets=asked.buckets, now_ms=context.now_ms,
        deadline=context.deadline,
    )  # fmt: skip
    levels = [level for level in LEVELS if any(level in bucket.counts for bucket in found.series)]
    columns = ["time", "count", *levels]
    table = fitted(found.series, lambda bucket, _: _point(bucket, levels), columns)
    return Answered(
        **head(context, about), **_reading(found), rows=len(table.data), of=len(found.series), cut=bool(table.left_out),
        notes=[f"each step is {_length(found)} long"], columns=table.columns, data=table.data,
    )  # fmt: skip


def _point(bucket: Bucket, levels: list[str]) -> list[Cell]:
    return [written_time(bucket.t), sum(bucket.counts.values()), *(bucket.counts.get(level, 0) for level in levels)]


def _length(found: TimelineAnswer) -> str:
    seconds = found.bucket_ms // 1_000
    units = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
    return next(f"{seconds // size} {unit}" for size, unit in units if seconds % size == 0)


def _reading(found: Counted) -> dict[str, Any]:
    """How far reading got."""
    return {
        "partial": found.partial,
        "complete_from": "" if found.reached is None else written_time(found.reached),
    }


TOOL: Final = Tool(
    name="aggregate_events",
    title="Count and measure events",
    description=(
        'Counts or measures events in groups (`by`), or over time (`by: ["time"]`): how many errors by service, the '
        "95th percentile of a duration, when a spike began. Exact over the whole range and cheap: prefer it to "
        "reading events."
    ),
    input_schema=schema(Arguments),
    output_schema=output_schema(Answered),
    call=call,
)

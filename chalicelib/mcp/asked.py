"""What most tools are asked with: a query and a stretch of time, as the one engine understands them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Expression, describe
from chalicelib.events.query.language import MAX_LENGTH, parse
from chalicelib.events.query.times import TimeRange, parse_range
from chalicelib.mcp.context import Context
from chalicelib.mcp.errors import ArgumentsWrong

T = TypeVar("T")

Format = Annotated[
    Literal["csv", "json"], Meta(description="Of the text: a table for reading, or for programs. Both say the same.")
]
Limit = Annotated[int, Meta(ge=1, le=200, description="How many rows at most. The answer says if there are more.")]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Without a range: the last hour."""

    q: Annotated[
        str,
        Meta(
            max_length=MAX_LENGTH,
            description=(
                "The query. Words are looked for in messages; `level>=warn`, `service:checkout`, "
                '`metadata.status:500..599` and "a phrase" narrow it; `-` or `NOT` excludes, `OR` and parentheses '
                "combine. Empty finds everything."
            ),
        ),
    ] = ""
    since: Annotated[
        str, Meta(max_length=40, description="How far back from now: `15m`, `1h`, `24h`, `7d`. Instead of `from`.")
    ] = ""
    start: Annotated[
        str, Meta(max_length=40, description="Where the range begins: RFC 3339 such as `2026-01-02T03:04:05Z`.")
    ] = ""
    end: Annotated[str, Meta(max_length=40, description="Where it ends, itself not included. Left out: now.")] = ""


class Question(Struct, frozen=True):
    """What a tool asks the engine."""

    expression: Expression
    within: TimeRange

    @property
    def q(self) -> str:
        """The query as it was understood."""
        return describe(self.expression)


def question(asked: Asked, context: Context) -> Question:
    """Raises `ArgumentsWrong`."""
    expression = understood("q", lambda: parse(asked.q))
    parameter = "since" if asked.since else "from" if asked.start else "to"
    within = understood(
        parameter,
        lambda: parse_range(now_ms=context.now_ms, since=asked.since, start=asked.start, end=asked.end),
    )
    return Question(expression, within)


def understood(argument: str, read: Callable[[], T]) -> T:
    """What `read` makes of an argument. Raises `ArgumentsWrong`, with what was probably meant."""
    try:
        return read()
    except QueryError as error:
        told = not error.suggestion or error.suggestion in error.message
        meant = "" if told else f" Write `{error.suggestion}` there."
        text = f"`{argument}`, at character {error.position + 1}: {error.message}.{meant}"
        raise ArgumentsWrong(text) from error


def written_time(at_ms: int) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

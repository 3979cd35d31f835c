"""What the address of the explorer asks. The address is the whole state: every link and form of the page is made here.

A program that asks with a wrong parameter is refused, as everywhere in the API. A person is told beside the place, and
shown what can be shown.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, Protocol, Self, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from chalicelib.events.query.editing import text_of_query
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Expression
from chalicelib.events.query.times import TimeRange, parse_duration, parse_range
from chalicelib.routes.problems import QueryWrong
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request

Copy = Literal["none", "json", "curl", "scry", "text", "assistant"]

ROWS: Final = 100
PRESETS: Final = (
    ("15m", "15 minutes"), ("1h", "hour"), ("6h", "6 hours"), ("24h", "24 hours"), ("7d", "7 days"),
    ("30d", "30 days"),
)  # fmt: skip
USUAL: Final = "1h"


class Ranged(Struct, frozen=True, kw_only=True):
    """What every page asks that answers a query over a stretch of time."""

    USUAL: ClassVar[str] = USUAL
    """How far back from now it looks where nothing is said of time."""
    PLACE: ClassVar[Mapping[str, Any]] = {}
    """Where somebody is in an answer, at its beginning. It says nothing about another answer."""

    q: Annotated[str, Meta(description="A query, such as `timeout level>=warn -service:search`.")] = ""
    since: Annotated[str, Meta(max_length=40, description="How far back from now: `90s`, `30m`, `1h`, `7d`.")] = ""
    start: Annotated[
        str, Meta(max_length=100, description="RFC 3339, a date, milliseconds, or words: `yesterday 17:30`.")
    ] = field(name="from", default="")
    end: Annotated[str, Meta(max_length=100, description="As `from`; not included itself.")] = field(
        name="to", default=""
    )

    def consistent(self) -> Self:
        """The same without what its other parameters rule out."""
        return self


class Asked(Ranged, frozen=True, kw_only=True):
    """All parameters of the explorer."""

    PLACE: ClassVar[Mapping[str, Any]] = {"cursor": "", "open": "", "copy": "none"}

    columns: Annotated[
        str, Meta(max_length=400, description="At most six fields to show beside the message, with commas between.")
    ] = ""
    order: Literal["desc", "asc"] = "desc"
    cursor: Annotated[str, Meta(max_length=8_000, description="Where the page before this one ended.")] = ""
    limit: Annotated[int, Meta(ge=1, le=500, description="Rows on a page.")] = ROWS
    open: Annotated[str, Meta(max_length=100, description="The id of the event that the page shows whole.")] = ""
    copy: Annotated[Copy, Meta(description="What the page offers to copy.")] = "none"
    live: Annotated[Literal[0, 1], Meta(description="Whether the page shows what comes, as it comes.")] = 0

    @property
    def can_follow(self) -> bool:
        """Whether what comes belongs to these rows: the range is open, and they are the newest of it, on top."""
        return not (self.end or self.cursor or self.order == "asc")

    def consistent(self) -> Self:
        return self if self.can_follow else replace(self, live=0)


Address = TypeVar("Address", bound=Ranged)


class Given(Struct, Generic[Address], frozen=True):
    """What was asked, and what is wrong with it: sentences by the names of parameters."""

    asked: Address
    wrong: Mapping[str, str] = {}


def given(request: Request) -> Given[Asked]:
    """The explorer's parameters that can be used, and a sentence for each of the others."""
    return usable(request, Asked)


def usable(request: Request, shape: type[Address]) -> Given[Address]:
    """The same of another page."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    attributes = _attributes(shape)
    for name, text in request.query.items():
        alone = replace(request, query={name: text})
        try:
            one = parameters(alone, shape)
        except ParameterWrong as refused:
            wrong[name] = str(refused)
        else:
            values[attributes[name]] = getattr(one, attributes[name])
    return Given(shape(**values), wrong)


class Timed(Protocol):
    """What names a stretch of time."""

    @property
    def since(self) -> str: ...
    @property
    def start(self) -> str: ...
    @property
    def end(self) -> str: ...


def within_of(asked: Timed, request: Request, *, usual: str = USUAL) -> TimeRange:
    """The stretch of time that is asked about. Raises `QueryWrong`, with the parameter that is at fault."""
    try:
        return parse_range(
            now_ms=request.now_ms, since=asked.since, start=asked.start, end=asked.end, default_ms=parse_duration(usual)
        )
    except QueryError as error:
        raise QueryWrong("since" if asked.since else "from" if asked.start else "to", error) from error


def link(asked: Ranged, **changes: Any) -> str:
    """The query part of an address that asks the same but for the changes. A new question begins on its first page."""
    if not changes.keys() <= asked.PLACE.keys() | {"columns"}:
        changes = {**asked.PLACE, **changes}
    changed = replace(asked, **changes).consistent()
    pairs = ((each.encode_name, getattr(changed, each.name), each.default) for each in _fields(type(asked)))
    return urlencode([(name, value) for name, value, usual in pairs if value not in ("", usual)], safe=":,")


def link_of(asked: Ranged, expression: Expression) -> str:
    """The same of another query."""
    return link(asked, q=text_of_query(expression))


def fields_of(asked: Ranged, *names: str) -> tuple[tuple[str, str], ...]:
    """Names and values, for the hidden fields of a form that asks something else."""
    attributes = _attributes(type(asked))
    return tuple((name, value) for name in names if (value := str(getattr(asked, attributes[name]) or "")))


@cache
def _attributes(shape: type[Ranged]) -> dict[str, str]:
    return {each.encode_name: each.name for each in _fields(shape)}


@cache
def _fields(shape: type[Ranged]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Its parameters. Kept, because asking for them takes four times as long as all else in a link."""
    return msgspec.structs.fields(shape)

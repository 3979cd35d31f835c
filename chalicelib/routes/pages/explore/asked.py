"""What the address of the explorer asks. The address is the whole state: every link and form of the page is made here.

A program that asks with a wrong parameter is refused, as everywhere in the API. A person is told beside the place, and
shown what can be shown.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from chalicelib.events.query.editing import text_of_query
from chalicelib.events.query.expression import Expression
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request

Copy = Literal["none", "json", "curl", "scry", "text", "assistant"]

ROWS: Final = 100
PRESETS: Final = (
    ("15m", "15 minutes"), ("1h", "1 hour"), ("6h", "6 hours"), ("24h", "24 hours"), ("7d", "7 days"),
    ("30d", "30 days"),
)  # fmt: skip
USUAL: Final = "1h"


class Asked(Struct, frozen=True, kw_only=True):
    """All parameters of the explorer."""

    q: Annotated[str, Meta(description="A query, such as `timeout level>=warn -service:search`.")] = ""
    since: Annotated[str, Meta(max_length=40, description="How far back from now: `90s`, `30m`, `1h`, `7d`.")] = ""
    start: Annotated[
        str, Meta(max_length=100, description="RFC 3339, a date, milliseconds, or words: `yesterday 17:30`.")
    ] = field(name="from", default="")
    end: Annotated[str, Meta(max_length=100, description="As `from`; not included itself.")] = field(
        name="to", default=""
    )
    columns: Annotated[
        str, Meta(max_length=400, description="At most six fields to show beside the message, with commas between.")
    ] = ""
    order: Literal["desc", "asc"] = "desc"
    cursor: Annotated[str, Meta(max_length=8_000, description="Where the page before this one ended.")] = ""
    limit: Annotated[int, Meta(ge=1, le=500, description="Rows on a page.")] = ROWS
    open: Annotated[str, Meta(max_length=100, description="The id of the event that the page shows whole.")] = ""
    copy: Annotated[Copy, Meta(description="What the page offers to copy.")] = "none"


class Given(Struct, frozen=True):
    """What was asked, and what is wrong with it: sentences by the names of parameters."""

    asked: Asked
    wrong: Mapping[str, str] = {}


def given(request: Request) -> Given:
    """The parameters that can be used, and a sentence for each of the others."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, text in request.query.items():
        alone = replace(request, query={name: text})
        try:
            one = parameters(alone, Asked)
        except ParameterWrong as refused:
            wrong[name] = str(refused)
        else:
            values[_ATTRIBUTES[name]] = getattr(one, _ATTRIBUTES[name])
    return Given(Asked(**values), wrong)


_ATTRIBUTES: Final = {each.encode_name: each.name for each in msgspec.structs.fields(Asked)}
_PLACE: Final = {"cursor": "", "open": "", "copy": "none"}
"""Where somebody is in an answer. It says nothing about another one."""


def link(asked: Asked, **changes: Any) -> str:
    """The query part of an address that asks the same but for the changes. A new question begins on its first page."""
    if not changes.keys() <= _PLACE.keys() | {"columns"}:
        changes = {**_PLACE, **changes}
    changed = replace(asked, **changes)
    pairs = ((each.encode_name, getattr(changed, each.name), each.default) for each in _FIELDS)
    return urlencode([(name, value) for name, value, usual in pairs if value not in ("", usual)], safe=":,")


_FIELDS: Final = msgspec.structs.fields(Asked)


def link_of(asked: Asked, expression: Expression) -> str:
    """The same of another query."""
    return link(asked, q=text_of_query(expression))


def fields_of(asked: Asked, *names: str) -> tuple[tuple[str, str], ...]:
    """Names and values, for the hidden fields of a form that asks something else."""
    return tuple((name, value) for name in names if (value := str(getattr(asked, _ATTRIBUTES[name]) or "")))

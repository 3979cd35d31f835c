"""Events out: search, one event, what is around it, counts, what is new, and all of it in pieces."""

from collections.abc import Callable
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, Struct, field

from chalicelib.events.query import counts, export, lookup, search, tail
from chalicelib.events.query.aggregate import parse_fields, parse_metric
from chalicelib.events.query.answers import Context, Page, Record, Tail
from chalicelib.events.query.counts import AggregateAnswer, FacetsAnswer, TimelineAnswer
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Equals, Everything, Expression, all_of, describe
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange, parse_range
from chalicelib.identity.permissions import Permission
from chalicelib.routes.problems import QUERY_PROBLEMS, QueryWrong
from chalicelib.routes.scope import scope_of
from chalicelib.web import responses
from chalicelib.web.guard import Principal
from chalicelib.web.paging import next_link
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import NotFound, ParameterWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

LOGS: Final = "/api/orgs/{org}/projects/{project}/logs"
READ: Final = Permission.EVENTS_READ
REFUSALS: Final = (400, 401, 403, 404, 503)

T = TypeVar("T")
Word = Annotated[str, Meta(max_length=1000)]
Cursor = Annotated[str, Meta(max_length=8000, description="Where the page before this one ended.")]


class Question(Struct, frozen=True, kw_only=True):
    """What is looked for: a query, and plain filters that must hold too."""

    q: Annotated[str, Meta(description="A query, such as `timeout level>=warn -service:search`.")] = ""
    level: Word = ""
    service: Word = ""
    environment: Word = ""
    type: Word = ""
    user_id: Word = ""
    session_id: Word = ""
    trace_id: Word = ""


class Ranged(Question, frozen=True, kw_only=True):
    """A question about a stretch of time, by default the last hour."""

    since: Annotated[Word, Meta(description="How far back from now: `90s`, `30m`, `1h`, `7d`.")] = ""
    start: Annotated[Word, Meta(description="RFC 3339, a date, or milliseconds.")] = field(name="from", default="")
    end: Annotated[Word, Meta(description="As `from`; not included itself.")] = field(name="to", default="")


class Search(Ranged, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    order: Literal["desc", "asc"] = "desc"
    cursor: Cursor = ""


class Neighbours(Struct, frozen=True, kw_only=True):
    before: Annotated[int, Meta(ge=0, le=100)] = 10
    after: Annotated[int, Meta(ge=0, le=100)] = 10
    same: Literal["all", "service", "trace"] = "all"


class OverTime(Ranged, frozen=True, kw_only=True):
    buckets: Annotated[int, Meta(ge=1, le=1000)] = 60


class Facets(Ranged, frozen=True, kw_only=True):
    fields: Annotated[Word, Meta(description="At most ten, separated by commas.")] = "level,service,environment,type"


class Aggregate(Ranged, frozen=True, kw_only=True):
    by: Annotated[Word, Meta(description="At most two fields, separated by a comma.")] = ""
    metric: Annotated[Word, Meta(description="`count`, `distinct(field)`, `avg(metadata.duration_ms)`, `p95(…)`.")] = (
        "count"
    )


class Follow(Question, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500
    cursor: Cursor = ""


class Export(Ranged, frozen=True, kw_only=True):
    format: Literal["ndjson", "csv"] = "ndjson"
    cursor: Cursor = ""


routes = Routes(__name__, QUERY_PROBLEMS)


@routes.get(LOGS, permission=READ, query=Search, answers={200: Page}, refusals=REFUSALS)
def search_events(request: Request, principal: Principal) -> Answer:
    """Finds events, newest first.

    `next_cursor` leads to the next page, which belongs to the same range of time. A page says `partial` if it ends
    before its limit because the time for one request was used up.
    """
    asked = parameters(request, Search)
    page = search.search(
        scope_of(principal), expression(asked), time_range(asked, request), limit=asked.limit, order=asked.order,
        cursor=asked.cursor or None, now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    return responses.json(page, headers=next_link(request, page.next_cursor))


@routes.get(LOGS + "/{id}", permission=READ, answers={200: Record}, refusals=REFUSALS)
def get_event(request: Request, principal: Principal) -> Answer:
    """Gives one event by its id."""
    found = lookup.get(
        scope_of(principal), request.parameters["id"], now_ms=request.now_ms, deadline=request.deadline
    )  # fmt: skip
    return responses.json(_there(found))


@routes.get(LOGS + "/{id}/context", permission=READ, query=Neighbours, answers={200: Context}, refusals=REFUSALS)
def get_context(request: Request, principal: Principal) -> Answer:
    """Gives an event with what happened around it."""
    asked = parameters(request, Neighbours)
    found = lookup.context(
        scope_of(principal), request.parameters["id"], before=asked.before, after=asked.after, same=asked.same,
        now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    return responses.json(_there(found))


@routes.get(LOGS + "/timeline", permission=READ, query=OverTime, answers={200: TimelineAnswer}, refusals=REFUSALS)
def get_timeline(request: Request, principal: Principal) -> Answer:
    """Counts events by level over time."""
    asked = parameters(request, OverTime)
    counted = counts.timeline(
        scope_of(principal), expression(asked), time_range(asked, request), buckets=asked.buckets,
        now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    return responses.json(counted)


@routes.get(LOGS + "/facets", permission=READ, query=Facets, answers={200: FacetsAnswer}, refusals=REFUSALS)
def get_facets(request: Request, principal: Principal) -> Answer:
    """Counts the most frequent values of some fields."""
    asked = parameters(request, Facets)
    counted = counts.facets(
        scope_of(principal), expression(asked), time_range(asked, request), fields=_facet_fields(asked.fields),
        now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    return responses.json(counted)


@routes.get(LOGS + "/aggregate", permission=READ, query=Aggregate, answers={200: AggregateAnswer}, refusals=REFUSALS)
def get_aggregate(request: Request, principal: Principal) -> Answer:
    """Counts or measures events, in groups."""
    asked = parameters(request, Aggregate)
    counted = counts.aggregate(
        scope_of(principal), expression(asked), time_range(asked, request),
        by=_understood("by", lambda: parse_fields(asked.by)),
        metric=_understood("metric", lambda: parse_metric(asked.metric)),
        now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    return responses.json(counted)


@routes.get(LOGS + "/tail", permission=READ, query=Follow, answers={200: Tail}, refusals=REFUSALS)
def follow_events(request: Request, principal: Principal) -> Answer:
    """Gives what arrived since the cursor; without one, a cursor to begin with.

    Poll with the newest cursor: every event is given exactly once.
    """
    asked = parameters(request, Follow)
    news = tail.tail(
        scope_of(principal), expression(asked), cursor=asked.cursor or None, limit=asked.limit,
        now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    return responses.json(news)


@routes.get(
    LOGS + "/export", permission=READ, query=Export, answers={200: bytes}, refusals=REFUSALS,
    media_types=("application/x-ndjson", "text/csv"),
)  # fmt: skip
def export_events(request: Request, principal: Principal) -> Answer:
    """Gives everything that matches, in pieces to be joined.

    The header `Link` with `rel="next"`, and `X-Next-Cursor`, lead to the next piece; the last has neither.
    """
    asked = parameters(request, Export)
    piece = export.export(
        scope_of(principal), expression(asked), time_range(asked, request), format=asked.format,
        cursor=asked.cursor or None, now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    further = {"X-Next-Cursor": piece.next_cursor} if piece.next_cursor else {}
    headers = next_link(request, piece.next_cursor) | further
    return responses.content(piece.body, _EXPORT_TYPES[asked.format], headers=headers)


_EXPORT_TYPES: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8; header=present"}
_FILTERS: Final = tuple(name for name in Question.__struct_fields__ if name != "q")


def expression(asked: Question) -> Expression:
    """The query with the plain filters joined to it. Raises `QueryWrong`."""
    terms = [_filter(name, value) for name in _FILTERS if (value := getattr(asked, name))]
    query = _understood("q", lambda: parse(asked.q))
    if isinstance(query, Everything) and terms:
        return all_of(terms)
    return all_of([query, *terms])


def time_range(asked: Ranged, request: Request) -> TimeRange:
    """The stretch of time that is asked about. Raises `QueryWrong`."""
    return _understood(
        "since" if asked.since else "from" if asked.start else "to",
        lambda: parse_range(now_ms=request.now_ms, since=asked.since, start=asked.start, end=asked.end),
    )


def _filter(name: str, value: str) -> Expression:
    """Through the language, so that a filter means just what `name:value` means in a query."""
    return _understood(name, lambda: parse(describe(Equals(name, value))), offset=len(name) + 1)


def _facet_fields(text: str) -> tuple[str, ...]:
    names = _understood("fields", lambda: [name for part in text.split(",") for name in parse_fields(part)])
    if not 1 <= len(names) <= 10:
        raise ParameterWrong("fields", "`fields` must be one to ten fields, separated by commas.")
    return tuple(dict.fromkeys(names))


def _understood(parameter: str, read: Callable[[], T], *, offset: int = 0) -> T:
    """What `read` makes of a parameter; `offset` characters that it reads stand before the parameter's own."""
    try:
        return read()
    except QueryError as error:
        raise QueryWrong(parameter, error, offset) from error


def _there(found: T | None) -> T:
    if found is None:
        raise NotFound
    return found

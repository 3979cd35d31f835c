"""The explorer's addresses: pages for people, and under `.json` the same for programs."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.events.query import lookup
from chalicelib.events.query.answers import Context
from chalicelib.events.query.cursor import CursorRefused
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange, parse_moment, parse_range
from chalicelib.identity.permissions import Permission
from chalicelib.identity.views import views_of
from chalicelib.routes.pages import allowance
from chalicelib.routes.pages.explore.answered import Place, Question, page
from chalicelib.routes.pages.explore.asked import Asked, given, within_of
from chalicelib.routes.pages.explore.beside import event_page, trace_page
from chalicelib.routes.pages.explore.columns import columns_in
from chalicelib.routes.pages.explore.found import Found, Read, looked
from chalicelib.routes.pages.explore.lenses import with_views
from chalicelib.routes.pages.explore.live import LiveTwin, followed, news
from chalicelib.routes.pages.explore.tracing import AROUND_MS, Traced, traced
from chalicelib.routes.pages.explore.twins import ExploreTwin, StepTwin, TraceTwin, twin
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_org, at_project, project_path
from chalicelib.routes.problems import QUERY_PROBLEMS, QueryWrong
from chalicelib.routes.scope import scope_of
from chalicelib.web import responses
from chalicelib.web.guard import PersonPrincipal, Principal
from chalicelib.web.pages import shown
from chalicelib.web.paging import next_link
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import NotFound, ParameterWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

PROJECT: Final = "/orgs/{org}/projects/{project}"
EXPLORE: Final = PROJECT + "/explore"
EVENT: Final = PROJECT + "/events/{id}"
TRACE: Final = PROJECT + "/traces/{trace}"
READ: Final = Permission.EVENTS_READ
REFUSALS: Final = (400, 401, 403, 404, 503)
FURTHEST: Final = 100

routes = Routes(__name__, {**QUERY_PROBLEMS, **PAGE_PROBLEMS})


class Around(Struct, frozen=True, kw_only=True):
    """How many neighbours of an event are shown on each side of it, and which."""

    around: Annotated[int, Meta(ge=0, le=FURTHEST, description="Events on each side of it.")] = 10
    same: Literal["all", "service", "trace"] = "all"


class InTrace(Struct, frozen=True, kw_only=True):
    """Where a trace is looked for: around a moment, or in a stretch of time; else in the last day."""

    at: Annotated[str, Meta(max_length=100, description="A moment that it was under way at: an hour around it.")] = ""
    since: Annotated[str, Meta(max_length=40, description="How far back from now: `1h`, `7d`.")] = ""
    start: Annotated[str, Meta(max_length=100, description="RFC 3339, a date, milliseconds, or words.")] = field(
        name="from", default=""
    )
    end: Annotated[str, Meta(max_length=100, description="As `from`; not included itself.")] = field(
        name="to", default=""
    )


@routes.page(PROJECT, permission=READ)
@routes.page(EXPLORE, permission=READ)
def explore(request: Request, principal: PersonPrincipal) -> Answer:
    """The events that match a query, and the ways on from them."""
    question = _leniently(request)
    found = None
    if question.fault is None:
        question, found = _looked(request, principal, question)
    view = page(_place(request, principal), question, found)
    view = replace(view, notices=(*allowance.warnings(request, principal), *view.notices))
    saved = views_of(principal.member, principal.project.project, deadline=request.deadline)
    return shown(request, principal, with_views(view, question, saved))


@routes.get(EXPLORE + ".json", permission=READ, query=Asked, answers={200: ExploreTwin}, refusals=REFUSALS)
def explore_json(request: Request, principal: Principal) -> Answer:
    """Gives what the explorer shows: events, their histogram, the values of their fields.

    It has the page's parameters; `open` and `copy` change nothing here.
    """
    question = _strictly(request)
    found = looked(
        _read(request, principal, question), limit=question.asked.limit, order=question.asked.order,
        cursor=question.asked.cursor or None,
    )  # fmt: skip
    return responses.json(twin(question, found, request.now_ms), headers=next_link(request, found.page.next_cursor))


@routes.get(EXPLORE + "/live.json", permission=READ, query=Asked, answers={200: LiveTwin}, refusals=REFUSALS)
def live_json(request: Request, principal: Principal) -> Answer:
    """Gives the rows that came since the cursor, as the explorer shows them; without one, a cursor to begin with.

    Poll with the newest cursor: every event is given exactly once. It has the page's parameters, which stand in the
    addresses of rows; of them `q` and `columns` say what is given, and `cursor` is that of the answer before.
    """
    question = _strictly(request)
    return responses.json(news(_read(request, principal, question), question, question.asked.cursor))


@routes.page(EVENT, permission=READ)
def event(request: Request, principal: PersonPrincipal) -> Answer:
    """One event, under an address that stays, and what happened around it."""
    asked, wrong = _usable(request, Around)
    found = _context(request, principal, asked)
    place = replace(_place(request, principal), crumbs=at_project(principal))
    return shown(request, principal, event_page(place, found, around=asked.around, same=asked.same, wrong=wrong))


@routes.get(EVENT + "/event.json", permission=READ, query=Around, answers={200: Context}, refusals=REFUSALS)
def event_json(request: Request, principal: Principal) -> Answer:
    """Gives an event with what happened around it."""
    return responses.json(_context(request, principal, parameters(request, Around)))


@routes.page(TRACE, permission=READ)
def trace(request: Request, principal: PersonPrincipal) -> Answer:
    """One trace: its events in their order, over all services."""
    asked, wrong = _usable(request, InTrace)
    try:
        within = _where(asked, request)
    except QueryWrong as refused:
        within, wrong = _where(InTrace(), request), _sentence(refused.error)
    found = _traced(request, principal, within)
    crumbs = (*at_project(principal), ("Traces", f"{project_path(principal)}/traces"))
    place = replace(_place(request, principal), crumbs=crumbs)
    view = trace_page(place, request.parameters["trace"], found, wrong=wrong)
    return shown(request, principal, view, status=200 if found.steps else 404)


@routes.get(TRACE + "/trace.json", permission=READ, query=InTrace, answers={200: TraceTwin}, refusals=REFUSALS)
def trace_json(request: Request, principal: Principal) -> Answer:
    """Gives the events of a trace, oldest first, with the pauses between them."""
    found = _traced(request, principal, _where(parameters(request, InTrace), request))
    if not found.steps:
        raise NotFound
    steps = [StepTwin(each.offset_ms, each.gap_ms, each.depth, each.record) for each in found.steps]
    return responses.json(
        TraceTwin(
            trace_id=request.parameters["trace"], steps=steps, partial=found.partial, start=found.within.start,
            end=found.within.end,
        )
    )  # fmt: skip


# --- what was asked ---------------------------------------------------------------------------------------------------


def _leniently(request: Request) -> Question:
    """What can be used of it, and what is wrong with the rest."""
    asked, wrong = (read := given(request)).asked, dict(read.wrong)
    columns, complaint = columns_in(asked.columns)
    if complaint:
        wrong["columns"] = complaint
    try:
        within = within_of(asked, request)
    except QueryWrong as refused:
        within = within_of(Asked(), request)
        wrong[refused.parameter] = f"{_sentence(refused.error)} This is the last hour instead."
    question = Question(asked=asked, within=within, columns=columns, wrong=wrong)
    try:
        return replace(question, expression=parse(asked.q))
    except QueryError as fault:
        return replace(question, fault=fault)


def _strictly(request: Request) -> Question:
    asked = parameters(request, Asked)
    columns, complaint = columns_in(asked.columns)
    if complaint:
        raise ParameterWrong("columns", complaint)
    try:
        expression = parse(asked.q)
    except QueryError as error:
        raise QueryWrong("q", error) from error
    return Question(asked=asked, within=within_of(asked, request), expression=expression, columns=columns)


def _where(asked: InTrace, request: Request) -> TimeRange:
    if asked.since or asked.start or asked.end:
        return within_of(asked, request)
    if not asked.at:
        return parse_range(now_ms=request.now_ms, since="24h")
    try:
        at = parse_moment(asked.at, now_ms=request.now_ms).first
    except QueryError as error:
        raise QueryWrong("at", error) from error
    return TimeRange(at - AROUND_MS, at + AROUND_MS)


def _usable(request: Request, shape: type[Any]) -> tuple[Any, str]:
    """The parameters, or the usual ones and what is wrong with those that were given."""
    try:
        return parameters(request, shape), ""
    except ParameterWrong as refused:
        return shape(), str(refused)


def _sentence(error: QueryError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."


# --- what was found ---------------------------------------------------------------------------------------------------


def _looked(request: Request, principal: Principal, question: Question) -> tuple[Question, Found]:
    """The answer; that of the first page where the cursor leads to none."""
    asked = question.asked
    read = _read(request, principal, question)
    if asked.live and asked.can_follow:
        return question, followed(read, question)
    try:
        return question, looked(read, limit=asked.limit, order=asked.order, cursor=asked.cursor or None)
    except CursorRefused:
        wrong = {**question.wrong, "cursor": "The address led to no page of this search: this is its first one."}
        first = replace(question, asked=replace(asked, cursor=""), wrong=wrong)
        return first, looked(read, limit=asked.limit, order=asked.order, cursor=None)


def _read(request: Request, principal: Principal, question: Question) -> Read:
    return Read(scope_of(principal), question.expression, question.within, request.now_ms, request.deadline)


def _context(request: Request, principal: Principal, asked: Around) -> Context:
    found = lookup.context(
        scope_of(principal), request.parameters["id"], before=asked.around, after=asked.around, same=asked.same,
        now_ms=request.now_ms, deadline=request.deadline,
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


def _traced(request: Request, principal: Principal, within: TimeRange) -> Traced:
    return traced(
        scope_of(principal), request.parameters["trace"], within, now_ms=request.now_ms, deadline=request.deadline
    )


def _place(request: Request, principal: PersonPrincipal) -> Place:
    return Place(
        crumbs=at_org(principal), org=principal.org.slug, project=principal.project.slug, name=principal.project.name,
        url=settings.current().url, now_ms=request.now_ms,
    )  # fmt: skip

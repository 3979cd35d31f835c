"""The list of traces: a page, which leads to a trace by its id, too, and its twin."""

from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.identity.permissions import Permission
from chalicelib.routes.pages.explore import narrowing, traces
from chalicelib.routes.pages.explore.asked import fields_of, link, usable, within_of
from chalicelib.routes.pages.explore.controls import caret, notices, range_control
from chalicelib.routes.pages.explore.rows import Drawn, can_be_traced, row
from chalicelib.routes.pages.explore.traces import Asked, Found, Met, TracesTwin, in_short, said, took
from chalicelib.routes.pages.explore.wording import visible
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views.explore import TraceRow, Traces
from chalicelib.routes.pages.views.start import Link
from chalicelib.routes.problems import QUERY_PROBLEMS, QueryWrong
from chalicelib.routes.scope import scope_of
from chalicelib.web import responses
from chalicelib.web.guard import PersonPrincipal, Principal
from chalicelib.web.pages import shown
from chalicelib.web.parameters import parameters
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

TRACES: Final = "/orgs/{org}/projects/{project}/traces"
READ: Final = Permission.EVENTS_READ
REFUSALS: Final = (400, 401, 403, 404, 503)
NO_ID: Final = "This is no id of a trace: letters, digits, `-` and `_`, at most 200."

routes = Routes(__name__, {**QUERY_PROBLEMS, **PAGE_PROBLEMS})


class Question(Struct, frozen=True, kw_only=True):
    """What was asked and what of it was understood; `wrong` holds sentences by the names of parameters."""

    asked: Asked
    within: TimeRange
    expression: Expression = Everything()
    fault: QueryError | None = None
    wrong: dict[str, str] = {}


@routes.page(TRACES, permission=READ)
def trace_list(request: Request, principal: PersonPrincipal) -> Answer:
    """The newest traces of a query, and the way to one by its id."""
    question = _leniently(request)
    wanted = question.asked.trace.strip()
    if can_be_traced(wanted):
        return responses.see_other(address(f"{project_path(principal)}/traces/{quote(wanted)}"))
    if wanted:
        question = replace(question, wrong={**question.wrong, "trace": NO_ID})
    found = None if question.fault else _found(request, principal, question)
    return shown(
        request, principal, page(at_project(principal), project_path(principal), question, found, request.now_ms)
    )


@routes.get(TRACES + ".json", permission=READ, query=Asked, answers={200: TracesTwin}, refusals=REFUSALS)
def trace_list_json(request: Request, principal: Principal) -> Answer:
    """Gives the newest traces of a query: those of its newest 500 events that have one.

    It has the page's parameters; `trace` changes nothing here.
    """
    asked = parameters(request, Asked)
    try:
        expression = parse(asked.q)
    except QueryError as error:
        raise QueryWrong("q", error) from error
    question = Question(asked=asked, within=within_of(asked, request), expression=expression)
    return responses.json(traces.twin(_found(request, principal, question), now_ms=request.now_ms))


def page(crumbs: tuple[Link, ...], project: str, question: Question, found: Found | None, now_ms: int) -> Traces:
    """The page; without an answer where the query was not understood."""
    asked, here = question.asked, f"{project}/traces"
    bare = Traces(
        crumbs=crumbs, project=project, here=here, q=asked.q, hidden=fields_of(asked, "since", "from", "to"),
        caret=caret(asked, question.fault), notices=notices(question.wrong),
        range=range_control(asked, question.within, question.wrong), twin_link=link(asked),
    )  # fmt: skip
    if found is None:
        return bare
    drawn = Drawn(now_ms=now_ms, query=question.expression)
    return replace(
        bare, chips=narrowing.chips(asked, question.expression), said=said(found, now_ms=now_ms),
        rows=tuple(_row(each, drawn) for each in found.traces),
    )  # fmt: skip


def _row(trace: Met, drawn: Drawn) -> TraceRow:
    return TraceRow(
        trace=trace.trace_id if can_be_traced(trace.trace_id) else "", last=trace.last, events=trace.events,
        took=took(trace), services=visible(in_short(trace.services)), row=row(trace.heaviest, drawn),
    )  # fmt: skip


def _leniently(request: Request) -> Question:
    """What can be used of it, and what is wrong with the rest."""
    read = usable(request, Asked)
    asked, wrong = read.asked, dict(read.wrong)
    try:
        within = within_of(asked, request)
    except QueryWrong as refused:
        within = within_of(Asked(), request)
        wrong[refused.parameter] = f"{_sentence(refused.error)} This is the last hour instead."
    question = Question(asked=asked, within=within, wrong=wrong)
    try:
        return replace(question, expression=parse(asked.q))
    except QueryError as fault:
        return replace(question, fault=fault)


def _sentence(error: QueryError) -> str:
    return f"{error.message[:1].upper()}{error.message[1:]}."


def _found(request: Request, principal: Principal, question: Question) -> Found:
    return traces.found(
        scope_of(principal), question.expression, question.within, now_ms=request.now_ms, deadline=request.deadline
    )

"""The addresses of the patterns: pages for people, `.json` for programs, and the forms that resolve and reopen."""

import time
from typing import Annotated, Final
from urllib.parse import parse_qsl

from msgspec import Meta, Struct
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.events.query import pattern_list, search
from chalicelib.events.query.answers import Record
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.language import parse
from chalicelib.events.query.pattern_list import ListedPattern, PatternList
from chalicelib.events.query.times import TimeRange
from chalicelib.identity import pattern_states, users
from chalicelib.identity.names import NameRefused
from chalicelib.identity.pattern_states import LONGEST_NOTE, PatternChanged
from chalicelib.identity.permissions import Permission
from chalicelib.ids import UserId
from chalicelib.routes.pages.explore.answered import Place
from chalicelib.routes.pages.explore.asked import link, usable, within_of
from chalicelib.routes.pages.explore.wording import many
from chalicelib.routes.pages.fields import WHOLE, Path, again, beside
from chalicelib.routes.pages.patterns.answered import Found, Known, Question, page, pattern_page
from chalicelib.routes.pages.patterns.asked import Asked, chosen
from chalicelib.routes.pages.patterns.said import said
from chalicelib.routes.pages.patterns.twins import PatternsTwin, twin
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.problems import QUERY_PROBLEMS, QueryWrong
from chalicelib.routes.scope import scope_of
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal, Principal
from chalicelib.web.pages import shown
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import FormWrong, NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

PATTERNS: Final = "/orgs/{org}/projects/{project}/patterns"
PATTERN: Final = PATTERNS + "/{id}"
READ: Final = Permission.EVENTS_READ
WRITE: Final = Permission.PATTERNS_WRITE
REFUSALS: Final = (400, 401, 403, 404, 503)

SECONDS: Final = 8.0
"""That counting may take."""
LOOK_SECONDS: Final = 3.0
"""That each further look may take: for the newest event of an empty range, for how a pattern came back."""

routes = Routes(__name__, {**QUERY_PROBLEMS, **PAGE_PROBLEMS})


class Resolution(Struct, frozen=True, forbid_unknown_fields=True):
    """`back` is the list to come back to, as its parameters; without it, it is the pattern's own page."""

    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""
    back: Path = ""


class Reopening(Struct, frozen=True, forbid_unknown_fields=True):
    back: Path = ""


@routes.page(PATTERNS, permission=READ)
def patterns(request: Request, principal: PersonPrincipal) -> Answer:
    """What the messages of a stretch of time are like."""
    question = _leniently(request)
    found = None if question.fault else _found(request, principal, question)
    return shown(request, principal, page(_place(request, principal), question, found))


@routes.get(PATTERNS + ".json", permission=READ, query=Asked, answers={200: PatternsTwin}, refusals=REFUSALS)
def patterns_json(request: Request, principal: Principal) -> Answer:
    """Gives what the list of patterns shows.

    It has the page's parameters; `open` changes nothing here.
    """
    question = _strictly(request)
    found, seconds = _listed(request, principal, question)
    asked, wanted = question.asked, chosen(found.patterns, question.asked)
    rows = wanted[: asked.limit]
    result = said(asked, found, rows, within=question.within, of=len(wanted), seconds=seconds, now_ms=request.now_ms)
    return responses.json(twin(found, rows, of=len(wanted), result=result))


@routes.page(PATTERN, permission=READ)
def pattern(request: Request, principal: PersonPrincipal) -> Answer:
    """One pattern, under an address that stays, over all that is kept."""
    return _pattern_page(request, principal, BLANK)


@routes.get(PATTERN + "/pattern.json", permission=READ, answers={200: ListedPattern}, refusals=REFUSALS)
def pattern_json(request: Request, principal: Principal) -> Answer:
    """Gives one pattern, over all that the project keeps."""
    return responses.json(_pattern(request, principal))


def _pattern_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _pattern_page(request, principal, again(wrong), status=422)


@routes.form(PATTERN + "/resolve", permission=WRITE, again=_pattern_again, shown_at=PATTERN, body=Resolution)
def resolve(request: Request, principal: PersonPrincipal) -> Answer:
    """Calls the pattern resolved: what is seen of it from now on came back."""
    given = bodies.form_body(request, Resolution)
    found = _pattern(request, principal)
    with beside(given, {NameRefused: "note", PatternChanged: WHOLE}):
        pattern_states.resolve(
            principal.project, found.id, by=principal.member, note=given.note, now_ms=request.now_ms,
            deadline=request.deadline,
        )  # fmt: skip
    return _back(request, principal, given.back)


@routes.form(PATTERN + "/reopen", permission=WRITE, again=_pattern_again, shown_at=PATTERN, body=Reopening)
def reopen(request: Request, principal: PersonPrincipal) -> Answer:
    """Calls the pattern open again."""
    given = bodies.form_body(request, Reopening)
    found = _pattern(request, principal)
    with beside(given, {PatternChanged: WHOLE}):
        pattern_states.reopen(
            principal.project, found.id, by=principal.member, now_ms=request.now_ms, deadline=request.deadline
        )
    return _back(request, principal, given.back)


def _back(request: Request, principal: PersonPrincipal, back: str) -> Answer:
    """To where the form was. The list's parameters are read as those of any address, and written anew."""
    here, named = f"{project_path(principal)}/patterns", request.parameters["id"]
    if not back:
        return responses.see_other(address(f"{here}/{named}"))
    asked = usable(replace(request, query=dict(parse_qsl(back))), Asked).asked
    return responses.see_other(address(f"{here}?{link(asked, open=named)}#p-{named}"))


# --- what was asked ---------------------------------------------------------------------------------------------------


def _leniently(request: Request) -> Question:
    """What can be used of it, and what is wrong with the rest."""
    typed, wrong = (read := usable(request, Asked)).asked, dict(read.wrong)
    asked = typed
    try:
        within = within_of(typed, request, usual=Asked.USUAL)
    except QueryWrong as refused:
        asked = replace(typed, since="", start="", end="")
        within = within_of(asked, request, usual=Asked.USUAL)
        message = refused.error.message
        wrong[refused.parameter] = f"{message[:1].upper()}{message[1:]}. This is the last day instead."
    question = Question(asked=asked, typed=typed, within=within, wrong=wrong)
    try:
        return replace(question, expression=parse(asked.q))
    except QueryError as fault:
        return replace(question, fault=fault)


def _strictly(request: Request) -> Question:
    asked = parameters(request, Asked)
    try:
        expression = parse(asked.q)
    except QueryError as error:
        raise QueryWrong("q", error) from error
    within = within_of(asked, request, usual=Asked.USUAL)
    return Question(asked=asked, typed=asked, within=within, expression=expression)


# --- what was found ---------------------------------------------------------------------------------------------------


def _found(request: Request, principal: PersonPrincipal, question: Question) -> Found:
    found, seconds = _listed(request, principal, question)
    one = next((each for each in found.patterns if each.id == question.asked.open), None)
    return Found(
        list=found, seconds=seconds, newest=None if found.events else _newest(request, principal, question),
        open=_known(request, principal, one) if one else None,
    )  # fmt: skip


def _listed(request: Request, principal: Principal, question: Question) -> tuple[PatternList, float]:
    began = time.monotonic()
    found = pattern_list.listed(
        scope_of(principal), question.expression, question.within, now_ms=request.now_ms,
        deadline=request.deadline_within(SECONDS),
    )  # fmt: skip
    return found, time.monotonic() - began


def _newest(request: Request, principal: Principal, question: Question) -> Record | None:
    """The last event that matches, if the range is all that keeps it from being counted."""
    scope = scope_of(principal)
    back = TimeRange(scope.horizon(request.now_ms), request.now_ms + 1)
    page = search.search(
        scope, question.expression, back, limit=1, now_ms=request.now_ms, deadline=request.deadline_within(LOOK_SECONDS)
    )
    return page.data[0] if page.data else None


def _known(request: Request, principal: PersonPrincipal, one: ListedPattern) -> Known:
    """Who resolved it, how it came back, and whether whoever asks may say otherwise."""
    resolver = (
        users.by_id(UserId(bytes.fromhex(one.resolved_by)), deadline=request.deadline) if one.resolved_by else None
    )
    who = resolver.name if resolver else "somebody whose account is gone" if one.resolved_by else "the operator"
    back = _came_back(request, principal, one) if one.state == "regressed" else ""
    return Known(who=who, back=back, may_write=WRITE in principal.may)


def _came_back(request: Request, principal: PersonPrincipal, one: ListedPattern) -> str:
    """How often it was seen since it was resolved, as exactly as the counts are."""
    assert one.resolved_at is not None
    since = TimeRange(one.resolved_at + 1, request.now_ms + 1)
    found = pattern_list.listed(
        scope_of(principal), Everything(), since, now_ms=request.now_ms, deadline=request.deadline_within(LOOK_SECONDS)
    )
    count = next((each.count for each in found.patterns if each.id == one.id), 1)
    bound = "at least " if found.partial else "up to " if found.start <= one.resolved_at else ""
    return f"It came back {bound}{many(count, 'time')} since it was resolved."


def _pattern(request: Request, principal: Principal) -> ListedPattern:
    found = pattern_list.pattern(
        scope_of(principal), request.parameters["id"], now_ms=request.now_ms, deadline=request.deadline_within(SECONDS)
    )
    if found is None:
        raise NotFound
    return found


def _pattern_page(request: Request, principal: PersonPrincipal, form: Form, *, status: int = 200) -> Answer:
    found = _pattern(request, principal)
    place = replace(
        _place(request, principal), crumbs=(*at_project(principal), ("Patterns", f"{project_path(principal)}/patterns"))
    )
    window = TimeRange(scope_of(principal).horizon(request.now_ms), request.now_ms)
    view = pattern_page(place, found, _known(request, principal, found), window=window, form=form)
    return shown(request, principal, view, status=status)


def _place(request: Request, principal: PersonPrincipal) -> Place:
    return Place(
        crumbs=at_project(principal), org=principal.org.slug, project=principal.project.slug,
        name=principal.project.name, url=settings.current().url, now_ms=request.now_ms,
    )  # fmt: skip

"""Deploys as pages: listed, recorded, deleted, and each with what it changed; under `.json` the same for programs."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from msgspec import Meta, Struct
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.events.query import deploy_diff
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.times import parse_moment
from chalicelib.events.store import deploys as markers
from chalicelib.events.store.deploy_recording import DeployTimeRefused, TooManyDeploys
from chalicelib.events.store.deploys import Deploy, Release
from chalicelib.identity import key_ring, users
from chalicelib.identity.permissions import Permission
from chalicelib.ids import UserId
from chalicelib.routes import deploys as api
from chalicelib.routes.deploys import LONGEST, LONGEST_TEXT, DeployList, Listing, UrlRefused, checked_url
from chalicelib.routes.pages import deploy_page
from chalicelib.routes.pages.deploy_page import DeployTwin, Seen
from chalicelib.routes.pages.explore.wording import stretch
from chalicelib.routes.pages.fields import WHOLE, Nothing, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import deploys as views
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.routes.problems import QueryWrong
from chalicelib.routes.scope import scope_of
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal, Principal
from chalicelib.web.pages import shown
from chalicelib.web.parameters import parameters
from chalicelib.web.problems import FormWrong, ParameterWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

DEPLOYS: Final = "/orgs/{org}/projects/{project}/deploys"
DEPLOY: Final = DEPLOYS + "/{deploy}"
READ: Final = Permission.EVENTS_READ
WRITE: Final = Permission.DEPLOYS_WRITE
DELETE: Final = Permission.DEPLOYS_DELETE
REFUSALS: Final = (400, 401, 403, 404, 503)
SECONDS: Final = 12.0
"""That comparing may take, most of it for reading."""

LENGTHS: Final = ((5, "5 minutes"), (15, "15 minutes"), (60, "1 hour"))
SAVED: Final = {"recorded": "The deploy is recorded.", "deleted": "The deploy is deleted."}

routes = Routes(__name__, {**api.DEPLOY_PROBLEMS, **PAGE_PROBLEMS})


class NewDeploy(Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    service: Annotated[str, Meta(max_length=LONGEST)] = ""
    environment: Annotated[str, Meta(max_length=LONGEST)] = ""
    at: Annotated[str, Meta(max_length=LONGEST)] = ""
    url: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""
    note: Annotated[str, Meta(max_length=LONGEST_TEXT)] = ""


class Compared(Struct, frozen=True, kw_only=True):
    """How long before and after a deploy is compared, and of what."""

    minutes: Annotated[Literal[5, 15, 60], Meta(description="Before and after.")] = 15
    of: Annotated[Literal["all", "own"], Meta(description="`own`: its service and environment alone.")] = "all"


@routes.page(DEPLOYS, permission=READ)
def list_deploys(request: Request, principal: PersonPrincipal) -> Answer:
    """The project's deploys, the newest first, and a form to record one."""
    told = SAVED.get(request.query.get("saved", ""))
    return _list_page(request, principal, told=saved(told) if told else BLANK)


@routes.get(DEPLOYS + ".json", permission=READ, query=Listing, answers={200: DeployList}, refusals=REFUSALS)
def deploys_json(request: Request, principal: Principal) -> Answer:
    """Lists deploys, the newest first."""
    return api.listed(request, principal)


def _record_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _list_page(request, principal, form=again(wrong), status=422)


@routes.form(DEPLOYS, permission=WRITE, again=_record_again, body=NewDeploy)
def record(request: Request, principal: PersonPrincipal) -> Answer:
    """Records a deploy."""
    given = bodies.form_body(request, NewDeploy)
    with beside(given, {UrlRefused: "url", QueryError: "at", DeployTimeRefused: "at", TooManyDeploys: WHOLE}):
        release = Release(given.version, given.service, given.environment, checked_url(given.url), given.note)
        at = parse_moment(given.at, now_ms=request.now_ms).first if given.at else None
        api.recorded(request, principal, release, at=at)
    return responses.see_other(address(f"{project_path(principal)}/deploys?saved=recorded"))


@routes.page(DEPLOY, permission=READ)
def deploy(request: Request, principal: PersonPrincipal) -> Answer:
    """One deploy: what was said before it and what after."""
    return _deploy_page(request, principal)


@routes.get(DEPLOY + "/deploy.json", permission=READ, query=Compared, answers={200: DeployTwin}, refusals=REFUSALS)
def deploy_json(request: Request, principal: Principal) -> Answer:
    """Gives a deploy with what changed: patterns, levels and services, before and after."""
    asked, found = parameters(request, Compared), api.deploy_named(request, principal)
    seen = _seen(request, principal, found, asked)
    if seen is None:
        return responses.json(deploy_page.too_early(found, asked.minutes))
    return responses.json(deploy_page.twin(seen, scope=scope_of(principal), now_ms=request.now_ms))


def _delete_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _deploy_page(request, principal, form=again(wrong), status=422)


@routes.form(DEPLOY + "/delete", permission=DELETE, again=_delete_again, shown_at=DEPLOY, body=Nothing)
def delete(request: Request, principal: PersonPrincipal) -> Answer:
    """Takes a deploy off the list."""
    bodies.form_body(request, Nothing)
    api.removed(request, principal)
    return responses.see_other(address(f"{project_path(principal)}/deploys?saved=deleted"))


def _list_page(
    request: Request, principal: PersonPrincipal, *, form: Form = BLANK, told: Form = BLANK, status: int = 200
) -> Answer:
    asked, wrong = _listing(request)
    within = api.range_of(asked, request)
    found = markers.deploys(
        scope_of(principal), within, limit=asked.limit + 1, now_ms=request.now_ms, deadline=request.deadline,
        before=asked.cursor,
    )  # fmt: skip
    page = found[: asked.limit]
    older = {"from": asked.start, "to": asked.end, "since": asked.since, "cursor": page[-1].id} if page else {}
    here = f"{project_path(principal)}/deploys"
    names = _names(page, request, principal)
    view = views.Deploys(
        crumbs=at_project(principal), here=here, wrong=wrong,
        range=f"{stretch(within.start, within.end)} UTC" if asked.since or asked.start or asked.end else "",
        rows=tuple(deploy_page.row(each, names(each), request.now_ms) for each in page),
        older_link=urlencode({name: value for name, value in older.items() if value}) if len(found) > len(page) else "",
        curl=_curl(), may_write=WRITE in principal.may, form=form, saved=told,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _deploy_page(request: Request, principal: PersonPrincipal, *, form: Form = BLANK, status: int = 200) -> Answer:
    asked, wrong = _usable(request, Compared)
    found = api.deploy_named(request, principal)
    seen = _seen(request, principal, found, asked)
    project, scope = project_path(principal), scope_of(principal)
    row = deploy_page.row(found, _names([found], request, principal)(found), request.now_ms)
    view = views.Deploy(
        title=f"Deploy {row.version}", crumbs=(*at_project(principal), ("Deploys", f"{project}/deploys")),
        project=project, here=f"{project}/deploys/{found.id}", deploy=row, wrong=wrong,
        lengths=tuple(
            views.Way(words, _next(asked, minutes=minutes), minutes == asked.minutes)
            for minutes, words in LENGTHS
        ),
        scopes=_scopes(found, asked), twin_link=_next(asked),
        difference=deploy_page.difference(seen, scope=scope, now_ms=request.now_ms) if seen else None,
        may_delete=DELETE in principal.may, form=form,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _seen(request: Request, principal: Principal, found: Deploy, asked: Compared) -> Seen | None:
    _, service, environment = found.release.identity
    expression = deploy_diff.of_release(service, environment) if asked.of == "own" else Everything()
    diff = deploy_diff.around(
        scope_of(principal), found.at, longest_ms=asked.minutes * 60_000, expression=expression, now_ms=request.now_ms,
        deadline=request.deadline_within(SECONDS),
    )  # fmt: skip
    return None if diff is None else Seen(found, asked.minutes, expression, diff)


def _scopes(found: Deploy, asked: Compared) -> tuple[views.Way, ...]:
    _, *own = found.release.identity
    named = ", ".join(each for each in own if each)
    if not named:
        return ()
    return (
        views.Way("Whole project", _next(asked, of="all"), asked.of == "all"),
        views.Way(f"Only {named}", _next(asked, of="own"), asked.of == "own"),
    )


def _next(asked: Compared, **changes: int | str) -> str:
    changed: Any = replace(asked, **changes)
    return urlencode({"minutes": changed.minutes, "of": changed.of})


def _listing(request: Request) -> tuple[Listing, str]:
    """What is asked of the list, and what is wrong with it, if all is shown instead."""
    told = replace(request, query={name: value for name, value in request.query.items() if name != "saved"})
    asked, wrong = _usable(told, Listing)
    try:
        api.range_of(asked, request)
    except QueryWrong as refused:
        return Listing(), f"`{refused.parameter}`: {refused}."
    return asked, wrong


def _usable(request: Request, shape: type[Any]) -> tuple[Any, str]:
    """The parameters, or the usual ones and what is wrong with those that were given."""
    try:
        return parameters(request, shape), ""
    except ParameterWrong as refused:
        return shape(), str(refused)


class _Names(Struct, frozen=True):
    """What those are called who record: people by their names, keys by their labels."""

    people: Mapping[str, str]
    keys: Mapping[str, str]

    def __call__(self, deploy: Deploy) -> str:
        by = deploy.by
        if by.kind == "person":
            return self.people.get(by.id, "somebody who left")
        return f"key {self.keys.get(by.id) or by.id}"


def _names(found: Iterable[Deploy], request: Request, principal: PersonPrincipal) -> _Names:
    by = [each.by for each in found]
    people = {each.id for each in by if each.kind == "person"}
    known = (users.by_id(UserId(bytes.fromhex(each)), deadline=request.deadline) for each in people)
    names = {user.user.hex(): user.name for user in known if user}
    if not any(each.kind == "key" for each in by):
        return _Names(names, {})
    it = principal.project
    keys = key_ring.keys_of(it.org, it.project, deadline=request.deadline)
    return _Names(names, {key.key_id: key.label for key in keys})


def _curl() -> str:
    return (
        f"curl {settings.current().url.rstrip('/')}/api/deploys \\\n"
        '  -H "Authorization: Bearer $SCRY_KEY" \\\n'
        """  -d '{"version": "v1.4.2", "service": "checkout", "environment": "production"}'"""
    )

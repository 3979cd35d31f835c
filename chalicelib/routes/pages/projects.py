"""A project's own pages: its newest events, found by a query, and its settings."""

import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct

from chalicelib.events.query import answers, search
from chalicelib.events.query.cursor import CursorRefused
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import parse_range
from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import SettingsChanged
from chalicelib.identity.permissions import Permission
from chalicelib.identity.project_changes import edit_project
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.routes.pages.fields import WHOLE, Name, Slug, again, beside
from chalicelib.routes.pages.orgs import days as plural
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_org, at_project, project_path
from chalicelib.routes.pages.views import projects
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.routes.problems import QUERY_PROBLEMS
from chalicelib.routes.scope import scope_of
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

PROJECT: Final = "/orgs/{org}/projects/{project}"
SETTINGS: Final = PROJECT + "/settings"
ROWS: Final = 100
LONGEST_MESSAGE: Final = 1_000
RANGES: Final = (
    ("15m", "15 minutes"), ("1h", "1 hour"), ("6h", "6 hours"), ("24h", "24 hours"), ("7d", "7 days"),
    ("30d", "30 days"),
)  # fmt: skip
USUAL: Final = "24h"

routes = Routes(__name__, {**QUERY_PROBLEMS, **PAGE_PROBLEMS})


@routes.page(PROJECT, permission=Permission.EVENTS_READ)
def project(request: Request, principal: PersonPrincipal) -> Answer:
    """The newest events that match a query."""
    q = request.query.get("q", "")
    since = request.query.get("since", "")
    since = since if since in dict(RANGES) else USUAL
    return shown(request, principal, _found(request, principal, q, since))


class NewNames(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    slug: Slug


@routes.page(SETTINGS, permission=Permission.ORG_READ)
def project_settings(request: Request, principal: PersonPrincipal) -> Answer:
    """What the project is called, and how long its events are kept."""
    told = saved("The project is renamed.") if request.query.get("saved") == "name" else BLANK
    names = {"name": principal.project.name, "slug": principal.project.slug}
    return _settings_page(request, principal, Form(values=names), told=told)


def _settings_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _settings_page(request, principal, again(wrong), status=422)


@routes.form(
    SETTINGS + "/name", permission=Permission.PROJECTS_WRITE, again=_settings_again, shown_at=SETTINGS, body=NewNames
)
def rename(request: Request, principal: PersonPrincipal) -> Answer:
    """Renames the project."""
    given = bodies.form_body(request, NewNames)
    mistakes = {NameRefused: "name", SlugRefused: "slug", SlugTaken: "slug", SettingsChanged: WHOLE}
    with beside(given, mistakes):
        renamed = edit_project(
            principal.project, by=principal.member, slug=given.slug, name=given.name, now=request.now,
            deadline=request.deadline,
        )  # fmt: skip
    return responses.see_other(address(f"/orgs/{principal.org.slug}/projects/{renamed.slug}/settings?saved=name"))


def _found(request: Request, principal: PersonPrincipal, q: str, since: str) -> projects.Project:
    began = time.perf_counter()
    events: tuple[projects.EventRow, ...] = ()
    said = error = further = ""
    try:
        page = search.search(
            scope_of(principal), parse(q), parse_range(now_ms=request.now_ms, since=since), limit=ROWS, order="desc",
            cursor=request.query.get("cursor") or None, now_ms=request.now_ms, deadline=request.deadline,
        )  # fmt: skip
    except QueryError as wrong:
        error = f"{wrong.message[:1].upper()}{wrong.message[1:]}. At character {wrong.position + 1}."
    except CursorRefused:
        error = "The address leads to no page of this search. Search again."
    else:
        events = tuple(map(_row, page.data))
        said = _said(page, dict(RANGES)[since], time.perf_counter() - began, request.now)
        further = urlencode({"q": q, "since": since, "cursor": page.next_cursor}) if page.next_cursor else ""
    return projects.Project(
        title=principal.project.name, crumbs=at_org(principal), here=project_path(principal), q=q, since=since,
        ranges=RANGES, events=events, said=said, error=error, next=further,
    )  # fmt: skip


def _row(record: answers.Record) -> projects.EventRow:
    return projects.EventRow(record.timestamp, record.level, record.service, record.message[:LONGEST_MESSAGE])


def _said(page: answers.Page, words: str, seconds: float, now: int) -> str:
    """The result in one honest line."""
    count = len(page.data)
    if count:
        many = f"{count} event{'s' * (count != 1)}" + (", and there are more" if page.next_cursor else "")
    else:
        many = "No event"
    partial = "; stopped early, older ones were not looked at" if page.partial else ""
    clock = f"{datetime.fromtimestamp(now, UTC):%H:%M:%S}"
    return f"{many} in {words}, newest first, {seconds * 1000:.0f} ms, as of {clock} UTC{partial}"


def _settings_page(
    request: Request, principal: PersonPrincipal, name: Form, *, told: Form = BLANK, status: int = 200
) -> Answer:
    days = principal.project.retention_days
    edge = datetime.fromtimestamp(request.now - days * 86_400, UTC)
    view = projects.ProjectSettings(
        crumbs=at_project(principal), here=f"{project_path(principal)}/settings", name=name, saved=told,
        may_write=Permission.PROJECTS_WRITE in principal.may,
        kept=f"Events are kept for {plural(days)}: what happened before {edge:%-d %b %Y, %H:%M} UTC is gone.",
    )  # fmt: skip
    return shown(request, principal, view, status=status)

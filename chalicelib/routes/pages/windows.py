"""How long a project keeps its events, as people change it: longer at once, shorter after they saw what goes."""

from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.events.query.loss import Loss, loss
from chalicelib.identity.orgs import SettingsChanged
from chalicelib.identity.permissions import Permission
from chalicelib.identity.plans import MOST_DAYS, WindowRefused
from chalicelib.identity.project_changes import edit_project
from chalicelib.ids import DAY_MS
from chalicelib.routes.pages.explore.wording import many
from chalicelib.routes.pages.fields import WHOLE, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.projects import SETTINGS, settings_page
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import projects
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.scope import scope_of
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

SHORTER: Final = SETTINGS + "/shorter"
COUNTING_SECONDS: Final = 5.0
"""That somebody waits to be told what goes, at most."""

Days = Annotated[int, Meta(ge=1, le=MOST_DAYS)]

routes = Routes(__name__, PAGE_PROBLEMS)


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    retention_days: Days


class Shortening(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` is that of the settings as they were when it was shown what goes."""

    retention_days: Days
    version: Annotated[int, Meta(ge=1, le=1 << 40)]


def _window_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return settings_page(request, principal, window=again(wrong), status=422)


@routes.form(
    SETTINGS + "/window", permission=Permission.PROJECTS_WRITE, again=_window_again, shown_at=SETTINGS, body=Window
)
def change_window(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes the window longer. Before it becomes shorter, shows what goes."""
    given = bodies.form_body(request, Window)
    if given.retention_days < principal.project.retention_days:
        return _to_settings(principal, f"/shorter?days={given.retention_days}")
    _change(request, principal, given)
    return _to_settings(principal, "?saved=window")


@routes.page(SHORTER, permission=Permission.ORG_READ, fresh=True)
def shorter(request: Request, principal: PersonPrincipal) -> Answer:
    """What a shorter window would delete."""
    days = request.query.get("days", "")
    if not (days.isascii() and days.isdigit() and 1 <= int(days) < principal.project.retention_days):
        return _to_settings(principal, "")
    return _loss_page(request, principal, int(days), BLANK)


def _shorten_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    form = again(wrong)
    return settings_page(request, principal, window=form, status=422)


@routes.form(
    SHORTER, permission=Permission.PROJECTS_WRITE, fresh=True, again=_shorten_again, shown_at=SETTINGS, body=Shortening
)
def shorten(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes the window shorter, and lets go what is older."""
    given = bodies.form_body(request, Shortening)
    if given.version != principal.project.version:
        raise FormWrong({WHOLE: str(SettingsChanged())}, {"retention_days": str(given.retention_days)})
    _change(request, principal, given)
    return _to_settings(principal, "?saved=window")


def _change(request: Request, principal: PersonPrincipal, given: Window | Shortening) -> None:
    project = principal.project
    with beside(given, {WindowRefused: "retention_days", SettingsChanged: WHOLE}):
        edit_project(
            project, by=principal.member, slug=project.slug, name=project.name, retention_days=given.retention_days,
            now=request.now, deadline=request.deadline,
        )  # fmt: skip


def _to_settings(principal: PersonPrincipal, rest: str) -> Answer:
    return responses.see_other(address(f"{project_path(principal)}/settings{rest}"))


def _loss_page(request: Request, principal: PersonPrincipal, days: int, form: Form) -> Answer:
    scope, here = scope_of(principal), f"{project_path(principal)}/settings"
    goes = loss(scope, days, now_ms=request.now_ms, deadline=request.deadline_within(COUNTING_SECONDS))
    view = projects.Shorter(
        title=f"Keep events for {many(days, 'day')}", crumbs=(*at_project(principal), ("Settings", here)),
        here=f"{here}/shorter", days=days, version=principal.project.version,
        may_write=Permission.PROJECTS_WRITE in principal.may, goes=in_words(goes),
        any=bool(goes.events) or not goes.exact,
        now=kept_in_words(scope.retention_days, scope.horizon(request.now_ms)),
        then=kept_in_words(days, request.now_ms - days * DAY_MS),
        look=f"{project_path(principal)}/explore?from={goes.start}&to={goes.end}", form=form,
    )  # fmt: skip
    return shown(request, principal, view)


def in_words(goes: Loss) -> str:
    """`1,204 events go, the oldest of 3 Nov 2026.`"""
    if not goes.events:
        return "Nothing goes: no event is that old." if goes.exact else "Whether anything goes could not be counted."
    go = "goes" if goes.events == 1 and goes.exact else "go"
    if not goes.exact:
        return f"At least {many(goes.events, 'event')} {go}: there are more than can be counted while you wait."
    oldest = f", the oldest of {_day(goes.oldest)}" if goes.oldest is not None else ""
    return f"{many(goes.events, 'event')} {go}{oldest}."


def kept_in_words(days: int, edge: int) -> str:
    return f"{many(days, 'day')}: what happened since {_day(edge)}, {_at(edge):%H:%M} UTC"


def _day(milliseconds: int) -> str:
    return f"{_at(milliseconds):%-d %b %Y}"


def _at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

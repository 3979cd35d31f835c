"""A project's settings: what it is called, and how long its events are kept."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import SettingsChanged
from chalicelib.identity.permissions import Permission
from chalicelib.identity.plans import Plan, longest
from chalicelib.identity.project_changes import edit_project
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.routes.pages import allowance
from chalicelib.routes.pages.explore.wording import many
from chalicelib.routes.pages.fields import WHOLE, Name, Slug, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import projects
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.routes.scope import scope_of
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

SETTINGS: Final = "/orgs/{org}/projects/{project}/settings"

SAVED: Final[Mapping[str, str]] = {
    "name": "The project is renamed.",
    "window": "The window is changed.",
}

WINDOWS: Final = (1, 7, 14, 30, 90, 365)
"""Days that people think of, of which some are offered to look at."""
MOST_SHORTER: Final = 3

routes = Routes(__name__, PAGE_PROBLEMS)


class NewNames(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    slug: Slug


@routes.page(SETTINGS, permission=Permission.ORG_READ)
def project_settings(request: Request, principal: PersonPrincipal) -> Answer:
    """What the project is called, and how long its events are kept."""
    told = SAVED.get(request.query.get("saved", ""))
    return settings_page(request, principal, told=saved(told) if told else BLANK)


def _settings_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return settings_page(request, principal, name=again(wrong), status=422)


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


def settings_page(
    request: Request, principal: PersonPrincipal, *, name: Form | None = None, window: Form | None = None,
    told: Form = BLANK, status: int = 200,
) -> Answer:  # fmt: skip
    """The page with all forms, those that are not given as the project is."""
    it = principal.project
    edge = datetime.fromtimestamp(scope_of(principal).horizon(request.now_ms) // 1000, UTC)
    view = projects.ProjectSettings(
        crumbs=at_project(principal), here=f"{project_path(principal)}/settings", saved=told,
        name=name or Form(values={"name": it.name, "slug": it.slug}),
        window=window or Form(values={"retention_days": str(it.retention_days)}),
        may_write=Permission.PROJECTS_WRITE in principal.may,
        may_delete=Permission.PROJECTS_DELETE in principal.may,
        kept=f"Events are kept for {many(it.retention_days, 'day')}: what happened before {edge:%-d %b %Y, %H:%M} UTC "
        "is gone.",
        warnings=allowance.warnings(request, principal), longest=max(longest(it.plan_days), it.retention_days),
        plan=plan_in_words(principal.org.plan),
        shorter=tuple((many(days, "day"), days) for days in WINDOWS if days < it.retention_days)[-MOST_SHORTER:],
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def plan_in_words(plan: Plan) -> str:
    """What the organisation's plan gives each of its projects."""
    most = f"at most {many(plan.retention_days, 'day')}"
    if plan.name == "own":
        return f"The longest window here is {many(plan.retention_days, 'day')}."
    sent = "" if plan.events_a_day is None else f", and {many(plan.events_a_day, 'event')} a day"
    return f"The organisation's plan, {plan.name}, gives each project {most}{sent}."

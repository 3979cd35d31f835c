"""A project's settings: what it is called, and how long its events are kept."""

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import SettingsChanged
from chalicelib.identity.permissions import Permission
from chalicelib.identity.project_changes import edit_project
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.routes.pages.fields import WHOLE, Name, Slug, again, beside
from chalicelib.routes.pages.orgs import days as plural
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import projects
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

SETTINGS: Final = "/orgs/{org}/projects/{project}/settings"

routes = Routes(__name__, PAGE_PROBLEMS)


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

"""Organisations: those somebody is in, the projects of one, and its settings."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import members, project_changes
from chalicelib.identity.membership import membership, orgs_of
from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import (
    LastOwner,
    NewOrg,
    Org,
    SettingsChanged,
    TooManyOrgs,
    create_org,
    edit_org,
    orgs_by_id,
)
from chalicelib.identity.permissions import Permission, Role
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import Project, project_by_id, projects_of
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.sign_up import slug_of
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.ids import UserId
from chalicelib.routes.pages import first_event
from chalicelib.routes.pages.fields import WHOLE, Name, Nothing, Slug, again, beside
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_org, org_path
from chalicelib.routes.pages.views import people
from chalicelib.routes.pages.views.forms import BLANK, Form, Option, saved
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal, Place
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong, NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

ORG: Final = "/orgs/{org}"
SETTINGS: Final = ORG + "/settings"

PROJECTS_AT_ONCE: Final = 12
"""Of each organisation, on the page of all of them."""

SAVED: Final = {
    "name": "The organisation is renamed.",
    "factor": "What is asked of members is changed.",
    "owner": "The organisation has a new owner, and you are an admin.",
}

routes = Routes(__name__, PAGE_PROBLEMS)


class NewName(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name


class NewNames(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    slug: Slug


class Requirement(Struct, frozen=True, forbid_unknown_fields=True):
    required: str = ""


class Heir(Struct, frozen=True, forbid_unknown_fields=True):
    heir: str


@routes.page("/orgs", permission=Permission.ACCOUNT_READ)
def own_orgs(request: Request, principal: PersonPrincipal) -> Answer:
    """The organisations that somebody is in."""
    return _orgs_page(request, principal, BLANK)


def _orgs_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _orgs_page(request, principal, again(wrong), status=422)


@routes.form("/orgs", permission=Permission.ACCOUNT_WRITE, again=_orgs_again, body=NewName)
def make_org(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a further organisation."""
    given = bodies.form_body(request, NewName)
    new = NewOrg(slug_of(given.name), given.name)
    with beside(given, {NameRefused: "name", SlugTaken: "name", TooManyOrgs: WHOLE}):
        create_org(principal.user, new, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"/orgs/{new.slug}"))


def _orgs_page(request: Request, principal: PersonPrincipal, form: Form, *, status: int = 200) -> Answer:
    rows = []
    for org in orgs_by_id(orgs_of(principal.user, deadline=request.deadline), deadline=request.deadline):
        member = membership(org.org, principal.user, deadline=request.deadline)
        if member is not None:
            rows.append(_org_row(org, member.role, principal))
    return shown(request, principal, people.Orgs(orgs=tuple(rows), form=form), status=status)


def _org_row(org: Org, role: Role, principal: PersonPrincipal) -> people.OrgRow:
    """With its first projects, the way to which is short then; not where they are shown to a second factor only."""
    projects = [] if org.second_factor and not principal.session.strong else projects_of(org.org)
    names = tuple(people.ProjectName(each.slug, each.name) for each in projects[:PROJECTS_AT_ONCE])
    return people.OrgRow(org.slug, org.name, role.capitalize(), names, len(projects) - len(names))


@routes.page(ORG, permission=Permission.ORG_READ)
def org(request: Request, principal: PersonPrincipal) -> Answer:
    """The projects of an organisation."""
    return _org_page(request, principal, BLANK)


def _project_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _org_page(request, principal, again(wrong), status=422)


@routes.form(
    ORG + "/projects", permission=Permission.PROJECTS_WRITE, again=_project_again, shown_at=ORG, once=True,
    body=NewName,
)  # fmt: skip
def create_project(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a project and its ingest key, which the answer alone shows."""
    given = bodies.form_body(request, NewName)
    new = NewProject(slug_of(given.name), given.name)
    by = principal.member
    with beside(given, {NameRefused: "name", SlugTaken: "name"}):
        made = project_changes.open_project(by.org, new, by=by, now=request.now, deadline=request.deadline)
    project = project_by_id(by.org, made.project, deadline=request.deadline)
    if project is None:
        raise NotFound
    there = replace(principal, place=Place(principal.org, by, project))
    return shown(request, there, first_event.waiting(request, there, made.ingest_key.text))


@routes.page(SETTINGS, permission=Permission.ORG_READ)
def org_settings(request: Request, principal: PersonPrincipal) -> Answer:
    """What an organisation is called and asks of its members, and the way out."""
    told = SAVED.get(request.query.get("saved", ""))
    return _settings_page(request, principal, told=saved(told) if told else BLANK)


def _settings_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    form = again(wrong)
    if form.errors:
        return _settings_page(request, principal, name=form, status=422)
    return _settings_page(request, principal, told=form, status=422)


@routes.form(
    SETTINGS + "/name", permission=Permission.ORG_WRITE, fresh=True, again=_settings_again, shown_at=SETTINGS,
    body=NewNames,
)  # fmt: skip
def rename(request: Request, principal: PersonPrincipal) -> Answer:
    """Renames the organisation."""
    given = bodies.form_body(request, NewNames)
    it = principal.org
    mistakes = {NameRefused: "name", SlugRefused: "slug", SlugTaken: "slug", SettingsChanged: WHOLE}
    with beside(given, mistakes):
        renamed = edit_org(
            it, by=principal.member, slug=given.slug, name=given.name, second_factor=it.second_factor,
            now=request.now, deadline=request.deadline,
        )  # fmt: skip
    return responses.see_other(address(f"/orgs/{renamed.slug}/settings?saved=name"))


@routes.form(
    SETTINGS + "/second-factor", permission=Permission.ORG_WRITE, fresh=True, again=_settings_again,
    shown_at=SETTINGS, body=Requirement,
)  # fmt: skip
def require(request: Request, principal: PersonPrincipal) -> Answer:
    """Says whether every member needs a second factor."""
    given = bodies.form_body(request, Requirement)
    it = principal.org
    if given.required and not principal.session.strong:
        raise FormWrong({WHOLE: "Sign in with a second factor of your own first: nobody shuts themselves out."}, {})
    edit_org(
        it, by=principal.member, slug=it.slug, name=it.name, second_factor=bool(given.required), now=request.now,
        deadline=request.deadline,
    )  # fmt: skip
    return _saved(principal, "factor")


@routes.form(
    SETTINGS + "/owner", permission=Permission.OWNERSHIP_WRITE, fresh=True, again=_settings_again, shown_at=SETTINGS,
    body=Heir,
)  # fmt: skip
def hand_over(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes another member the owner."""
    given = bodies.form_body(request, Heir)
    try:
        heir = UserId(bytes.fromhex(given.heir))
    except ValueError as error:
        raise FormWrong({"heir": "This is no member."}, {}) from error
    with beside(given, {RoleRefused: WHOLE, members.MemberUnknown: "heir"}):
        members.transfer_ownership(heir, by=principal.member, now=request.now, deadline=request.deadline)
    return _saved(principal, "owner")


@routes.form(SETTINGS + "/leave", permission=Permission.ORG_LEAVE, again=_settings_again, shown_at=SETTINGS)
def leave(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends somebody's own membership."""
    with beside(Nothing(), {LastOwner: WHOLE}):
        members.remove(principal.user, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.see_other(address("/orgs"))


def _org_page(request: Request, principal: PersonPrincipal, form: Form, *, status: int = 200) -> Answer:
    view = people.Org(
        title=principal.org.name, crumbs=(("Organisations", "/orgs"),), here=org_path(principal),
        projects=tuple(_row(project) for project in projects_of(principal.org.org)),
        may_create=Permission.PROJECTS_WRITE in principal.may, form=form,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _row(project: Project) -> people.ProjectRow:
    return people.ProjectRow(project.slug, project.name, days(project.retention_days))


def days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _settings_page(
    request: Request, principal: PersonPrincipal, *, name: Form | None = None, told: Form = BLANK, status: int = 200
) -> Answer:
    found = members.people_of(principal.org.org, deadline=request.deadline)
    role = principal.member.role
    owners = sum(person.member.role is Role.OWNER for person in found)
    heirs: tuple[Option, ...] = ()
    if role is Role.OWNER:
        heirs = tuple((each.member.user.hex(), each.name) for each in found if each.member.user != principal.user)
    without = sum(not person.second_factor for person in found)
    view = people.OrgSettings(
        crumbs=at_org(principal), here=f"{org_path(principal)}/settings", role=f"{_article(role)} {role}",
        may_write=Permission.ORG_WRITE in principal.may, may_leave=role is not Role.OWNER or owners > 1,
        name=name or Form(values={"name": principal.org.name, "slug": principal.org.slug}),
        second_factor=principal.org.second_factor,
        without_factor=f"{without} of {_members(len(found))} {'has' if without == 1 else 'have'} none yet.",
        heirs=heirs, saved=told, may_delete=Permission.ORG_DELETE in principal.may,
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"


def _article(role: Role) -> str:
    return "a" if role is Role.MEMBER else "an"


def _saved(principal: PersonPrincipal, what: str) -> Answer:
    return responses.see_other(address(f"{org_path(principal)}/settings?saved={what}"))

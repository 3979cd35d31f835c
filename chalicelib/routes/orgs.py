"""Organisations and their projects over JSON: listed, made, and given other settings.

A window is shortened only by who proved who they are, and who says that they know what goes: that is told first.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.events.query.loss import Loss, loss
from chalicelib.identity import orgs, project_changes
from chalicelib.identity.membership import membership, orgs_of
from chalicelib.identity.names import LONGEST
from chalicelib.identity.orgs import NewOrg, Org, org_by_id, orgs_by_id
from chalicelib.identity.permissions import Permission, Role
from chalicelib.identity.plans import MOST_DAYS, PlanName, longest
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import Project, project_by_id, projects_of
from chalicelib.identity.sign_up import slug_of
from chalicelib.routes.scope import scope_of
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.web import bodies, responses
from chalicelib.web.conditional import check_if_match, etag
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.problems import NotFound, Problem, Problems, ReauthenticationNeeded, SecondFactorNeeded, Told
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

ORGS: Final = "/api/orgs"
ORG: Final = ORGS + "/{org}"
PROJECTS: Final = ORG + "/projects"
PROJECT: Final = PROJECTS + "/{project}"

REFUSALS: Final = (401, 403, 404, 429, 503)
CHANGE_REFUSALS: Final = (400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 503)

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Slug = Annotated[str, Meta(pattern="^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$", description="As it stands in URLs.")]


class LossUnconfirmed(Exception):
    """A shorter window would delete what somebody did not say may go."""

    def __init__(self, goes: Loss) -> None:
        super().__init__("a shorter window deletes events")
        self.goes = goes


def _goes(error: LossUnconfirmed) -> Told:
    goes = error.goes
    least = "" if goes.exact else "at least "
    return Told(
        f"This deletes what happened before the new window, {least}{goes.events} events. "
        "Send it again with `delete_older: true` if that is meant.",
        {"events": goes.events, "exact": goes.exact, "oldest": goes.oldest, "before": goes.end},
    )


ORG_PROBLEMS: Final[Problems] = {
    **TENANT_PROBLEMS,
    LossUnconfirmed: Problem(409, "shortening", "A shorter window deletes events", _goes),
}

routes = Routes(__name__, ORG_PROBLEMS)


class OrgCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A new organisation. Its slug is made from the name if left out."""

    name: Name
    slug: Slug | None = None


class OrgChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of an organisation. What is left out stays."""

    name: Name | None = None
    slug: Slug | None = None
    second_factor_required: bool | None = None


class ProjectCreation(Struct, frozen=True, forbid_unknown_fields=True):
    """A new project. Its slug is made from the name if left out."""

    name: Name
    slug: Slug | None = None


class ProjectChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of a project. What is left out stays."""

    name: Name | None = None
    slug: Slug | None = None
    retention_days: Annotated[int, Meta(ge=1, le=MOST_DAYS, description="How long events are kept.")] | None = None
    delete_older: Annotated[bool, Meta(description="That what a shorter window leaves behind may go.")] = False


class OrgView(Struct, frozen=True):
    """An organisation, and what one is in it. Its plan is `own` where the deployment's settings are all there is."""

    slug: str
    name: str
    role: Role
    second_factor_required: bool
    plan: PlanName
    created_at: int


class ProjectView(Struct, frozen=True):
    """A project. `daily_allowance` is how many events a day it may be sent: null is as many as come."""

    slug: str
    name: str
    retention_days: int
    longest_retention_days: int
    daily_allowance: int | None
    created_at: int


class OrgList(Struct, frozen=True):
    """The organisations that one is in, by name."""

    data: list[OrgView]


class ProjectList(Struct, frozen=True):
    """The projects of an organisation, by slug."""

    data: list[ProjectView]


@routes.get(ORGS, permission=Permission.ACCOUNT_READ, answers={200: OrgList}, refusals=(401, 429, 503))
def list_orgs(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists the organisations that one is in."""
    mine = orgs_of(principal.user, deadline=request.deadline)
    found = []
    for org in orgs_by_id(mine, deadline=request.deadline):
        member = membership(org.org, principal.user, deadline=request.deadline)
        if member is not None:
            found.append(_org(org, member.role))
    return responses.json(OrgList(found))


@routes.post(
    ORGS, permission=Permission.ACCOUNT_WRITE, body=OrgCreation, answers={201: OrgView},
    refusals=(400, 401, 403, 409, 413, 415, 422, 429, 503),
)  # fmt: skip
def create_org(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes an organisation, of which one is the owner."""
    given = bodies.json_body(request, OrgCreation)
    new = NewOrg(given.slug or slug_of(given.name), given.name)
    made = orgs.create_org(principal.user, new, now=request.now, deadline=request.deadline)
    org = org_by_id(made, deadline=request.deadline)
    if org is None:
        raise NotFound
    return _shown(_org(org, Role.OWNER), status=201)


@routes.get(ORG, permission=Permission.ORG_READ, answers={200: OrgView}, refusals=REFUSALS)
def get_org(_: Request, principal: PersonPrincipal) -> Answer:
    """Gives an organisation. Its `ETag` is what `If-Match` of a change may name."""
    return _shown(_org(principal.org, principal.member.role))


@routes.patch(
    ORG, permission=Permission.ORG_WRITE, fresh=True, body=OrgChange, answers={200: OrgView}, refusals=CHANGE_REFUSALS
)  # fmt: skip
def edit_org(request: Request, principal: PersonPrincipal) -> Answer:
    """Changes the settings of an organisation.

    The slugs it had go on leading to it. Only who has a second factor may require one: nobody shuts themselves out.
    """
    given = bodies.json_body(request, OrgChange)
    org, role = principal.org, principal.member.role
    check_if_match(request, _org(org, role))
    required = org.second_factor if given.second_factor_required is None else given.second_factor_required
    if required and not principal.session.strong:
        raise SecondFactorNeeded
    changed = orgs.edit_org(
        org, by=principal.member, slug=given.slug or org.slug, name=given.name or org.name, second_factor=required,
        now=request.now, deadline=request.deadline,
    )  # fmt: skip
    return _shown(_org(changed, role))


@routes.get(PROJECTS, permission=Permission.ORG_READ, answers={200: ProjectList}, refusals=REFUSALS)
def list_projects(_: Request, principal: PersonPrincipal) -> Answer:
    """Lists the projects of an organisation."""
    return responses.json(ProjectList([_project(project) for project in projects_of(principal.org.org)]))


@routes.post(
    PROJECTS, permission=Permission.PROJECTS_WRITE, body=ProjectCreation, answers={201: ProjectView},
    refusals=CHANGE_REFUSALS,
)  # fmt: skip
def create_project(request: Request, principal: PersonPrincipal) -> Answer:
    """Makes a project. Its keys are made one by one."""
    given = bodies.json_body(request, ProjectCreation)
    new = NewProject(given.slug or slug_of(given.name), given.name)
    org = principal.org.org
    made = project_changes.create_project(org, new, by=principal.member, now=request.now, deadline=request.deadline)
    project = project_by_id(org, made, deadline=request.deadline)
    if project is None:
        raise NotFound
    return _shown(_project(project), status=201)


@routes.get(PROJECT, permission=Permission.ORG_READ, answers={200: ProjectView}, refusals=REFUSALS)
def get_project(_: Request, principal: PersonPrincipal) -> Answer:
    """Gives a project. Its `ETag` is what `If-Match` of a change may name."""
    return _shown(_project(principal.project))


@routes.patch(
    PROJECT, permission=Permission.PROJECTS_WRITE, body=ProjectChange, answers={200: ProjectView},
    refusals=CHANGE_REFUSALS,
)  # fmt: skip
def edit_project(request: Request, principal: PersonPrincipal) -> Answer:
    """Changes the settings of a project.

    The slugs it had go on leading to it. A longer window holds for what is received from then on. A shorter one deletes
    what is older: it needs a password given in the last 30 minutes and `delete_older`, without which the refusal (409,
    `urn:scrywatch:problem:shortening`) tells how many events would go.
    """
    given = bodies.json_body(request, ProjectChange)
    project = principal.project
    check_if_match(request, _project(project))
    if given.retention_days is not None and given.retention_days < project.retention_days:
        _check_shortening(request, principal, given.retention_days, confirmed=given.delete_older)
    changed = project_changes.edit_project(
        project, by=principal.member, slug=given.slug or project.slug, name=given.name or project.name,
        retention_days=given.retention_days, now=request.now, deadline=request.deadline,
    )  # fmt: skip
    return _shown(_project(changed))


def _check_shortening(request: Request, principal: PersonPrincipal, days: int, *, confirmed: bool) -> None:
    """Raises `ReauthenticationNeeded`, `LossUnconfirmed` and `StoreUnavailable`."""
    if not principal.session.is_fresh(request.now):
        raise ReauthenticationNeeded
    if not confirmed:
        raise LossUnconfirmed(loss(scope_of(principal), days, now_ms=request.now_ms, deadline=request.deadline))


def _shown(view: OrgView | ProjectView, *, status: int = 200) -> Answer:
    return responses.json(view, status=status, headers={"ETag": etag(view)})


def _org(org: Org, role: Role) -> OrgView:
    return OrgView(org.slug, org.name, role, org.second_factor, org.plan.name, org.created_at * 1000)


def _project(project: Project) -> ProjectView:
    return ProjectView(
        project.slug, project.name, project.retention_days, max(longest(project.plan_days), project.retention_days),
        project.events_a_day, project.created_at * 1000,
    )  # fmt: skip

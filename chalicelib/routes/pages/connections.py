"""Connections: the assistants that may read a project, what each of them read, and their end."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final
from urllib.parse import urlsplit

from msgspec import Meta, Struct
from msgspec.structs import replace

from chalicelib.identity import activity, grants, users
from chalicelib.identity.grants import Grant
from chalicelib.identity.orgs import org_by_id
from chalicelib.identity.permissions import Permission
from chalicelib.identity.projects import project_by_id
from chalicelib.ids import UserId
from chalicelib.routes.connections import grant_named
from chalicelib.routes.pages.apps import called, proof
from chalicelib.routes.pages.assistants import mcp_address, ways
from chalicelib.routes.pages.fields import Nothing, again
from chalicelib.routes.pages.problems import PAGE_PROBLEMS
from chalicelib.routes.pages.trail import at_project, project_path
from chalicelib.routes.pages.views import assistants
from chalicelib.routes.pages.views.forms import BLANK, Form, saved
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.pages import shown
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from chalicelib.web.templates import address

CONNECTIONS: Final = "/orgs/{org}/projects/{project}/connections"
CONNECTION: Final = CONNECTIONS + "/{connection}"
OWN: Final = "/account/connections"
READ: Final = Permission.KEYS_READ
END: Final = Permission.GRANTS_WRITE
LIMIT: Final = Permission.KEYS_WRITE
CALLS: Final = 50

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

SAVED: Final = {
    "revoked": "The connection ended: the app’s next call is refused.",
    "limit": "The limit is changed, and holds from the next call on.",
}

routes = Routes(__name__, PAGE_PROBLEMS)


class NewLimit(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=1000)]


@routes.page(CONNECTIONS, permission=READ)
def list_connections(request: Request, principal: PersonPrincipal) -> Answer:
    """The apps that may read the project, and how another one is connected."""
    it = principal.project
    found = grants.grants_of_project(it.org, it.project, now=request.now, deadline=request.deadline)
    names = _names(found, request)
    url = mcp_address(principal)
    view = assistants.Connections(
        crumbs=at_project(principal), url=url, local=urlsplit(url).hostname in LOOPBACK, ways=ways(url),
        keys=f"{project_path(principal)}/keys", saved=_told(request),
        connections=tuple(_row(each, principal, names) for each in found),
    )  # fmt: skip
    return shown(request, principal, view)


@routes.page(CONNECTION, permission=READ)
def connection(request: Request, principal: PersonPrincipal) -> Answer:
    """One app that may read the project, and what it asked for lately."""
    return _connection_page(request, principal, None)


def _limit_again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return _connection_page(request, principal, again(wrong), status=422)


@routes.form(CONNECTION + "/limit", permission=LIMIT, again=_limit_again, shown_at=CONNECTION, body=NewLimit)
def set_limit(request: Request, principal: PersonPrincipal) -> Answer:
    """Says how often an app may ask."""
    given = bodies.form_body(request, NewLimit)
    it = grant_named(request, principal)
    grants.set_limit(it.id, given.limit, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"{project_path(principal)}/connections/{it.id.hex()}?saved=limit"))


def _button_again(request: Request, principal: PersonPrincipal, _: FormWrong) -> Answer:
    return _connection_page(request, principal, None, status=422)


@routes.form(CONNECTION + "/revoke", permission=END, again=_button_again, shown_at=CONNECTIONS, body=Nothing)
def revoke(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends a connection."""
    bodies.form_body(request, Nothing)
    it = grant_named(request, principal)
    grants.revoke_grant(it.id, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.see_other(address(f"{project_path(principal)}/connections?saved=revoked"))


@routes.page(OWN, permission=Permission.ACCOUNT_READ)
def list_own(request: Request, principal: PersonPrincipal) -> Answer:
    """The apps that somebody let in, in all their projects."""
    found = grants.grants_of_person(principal.user, now=request.now, deadline=request.deadline)
    rows = tuple(row for each in found if (row := _own_row(each, principal, request)))
    return shown(request, principal, assistants.OwnConnections(connections=rows))


def _connection_page(request: Request, principal: PersonPrincipal, form: Form | None, *, status: int = 200) -> Answer:
    found = grant_named(request, principal)
    calls = activity.calls_of(found.id, limit=CALLS, now=request.now, deadline=request.deadline)
    here = f"{project_path(principal)}/connections"
    row = _row(found, principal, _names([found], request))
    view = assistants.Connection(
        title=row.client, crumbs=(*at_project(principal), ("Connections", here)), here=row.path, connection=row,
        calls=tuple(assistants.CallRow(each.at_ms, each.what, each.outcome, each.rows, each.took_ms) for each in calls),
        may_limit=LIMIT in principal.may, form=form or Form(values={"limit": str(found.limit)}), saved=_told(request),
    )  # fmt: skip
    return shown(request, principal, view, status=status)


def _told(request: Request) -> Form:
    told = SAVED.get(request.query.get("saved", ""))
    return saved(told) if told else BLANK


def _row(grant: Grant, principal: PersonPrincipal, names: Mapping[UserId, str]) -> assistants.ConnectionRow:
    may_revoke = END in principal.may and (grant.user == principal.user or LIMIT in principal.may)
    path = f"{project_path(principal)}/connections/{grant.id.hex()}"
    row = _seen(grant, path, principal.project.name, names.get(grant.user, ""))
    return replace(row, may_revoke=may_revoke)


def _own_row(grant: Grant, principal: PersonPrincipal, request: Request) -> assistants.ConnectionRow | None:
    """None where the project went a moment ago."""
    org = org_by_id(grant.org, deadline=request.deadline)
    project = project_by_id(grant.org, grant.project, deadline=request.deadline)
    if org is None or project is None:
        return None
    path = f"/orgs/{org.slug}/projects/{project.slug}/connections/{grant.id.hex()}"
    return _seen(grant, path, f"{org.name} / {project.name}", principal.session.user.name)


def _seen(grant: Grant, path: str, project: str, by: str) -> assistants.ConnectionRow:
    """As its maker sees it, who may end it."""
    return assistants.ConnectionRow(
        path=path, client=called(grant.client_name, grant.client_host),
        proof=proof(grant.client_kind, grant.client_host), back_to=grant.redirect_host, project=project, by=by,
        made=grant.created_at, used=grant.last_used_at, ends=grant.expires_at, limit=grant.limit, may_revoke=True,
    )  # fmt: skip


def _names(found: Iterable[Grant], request: Request) -> dict[UserId, str]:
    known = (users.by_id(each, deadline=request.deadline) for each in {grant.user for grant in found})
    return {user.user: user.name for user in known if user}

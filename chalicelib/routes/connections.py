"""The connections of a project over JSON: the assistants that may read it, listed, limited and ended."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib.identity import grants
from chalicelib.identity.grants import Grant
from chalicelib.identity.permissions import Permission
from chalicelib.ids import GrantId
from chalicelib.routes.orgs import CHANGE_REFUSALS, PROJECT, REFUSALS
from chalicelib.routes.tenant_problems import TENANT_PROBLEMS
from chalicelib.web import bodies, responses
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

CONNECTIONS: Final = PROJECT + "/connections"
CONNECTION: Final = CONNECTIONS + "/{connection}"

routes = Routes(__name__, TENANT_PROBLEMS)


class ConnectionChange(Struct, frozen=True, forbid_unknown_fields=True):
    """How often an assistant may ask."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Calls a minute.")]


class ConnectionView(Struct, frozen=True):
    """An assistant that may read the project. `client_host` proves who it is; where it is empty, nothing does."""

    id: str
    client_id: str
    client_name: str
    client_host: str
    client_kind: str
    redirect_host: str
    scope: list[str]
    created_at: int
    created_by: str
    last_used_at: int | None
    expires_at: int
    limit: int


class ConnectionList(Struct, frozen=True):
    """The connections of a project, the newest first."""

    data: list[ConnectionView]


@routes.get(CONNECTIONS, permission=Permission.KEYS_READ, answers={200: ConnectionList}, refusals=REFUSALS)
def list_connections(request: Request, principal: PersonPrincipal) -> Answer:
    """Lists the assistants that may read a project."""
    it = principal.project
    found = grants.grants_of_project(it.org, it.project, now=request.now, deadline=request.deadline)
    return responses.json(ConnectionList([_view(each) for each in found]))


@routes.patch(
    CONNECTION, permission=Permission.KEYS_WRITE, body=ConnectionChange, answers={200: ConnectionView},
    refusals=CHANGE_REFUSALS,
)  # fmt: skip
def limit_connection(request: Request, principal: PersonPrincipal) -> Answer:
    """Says how often an assistant may ask."""
    given = bodies.json_body(request, ConnectionChange)
    it = grant_named(request, principal)
    grants.set_limit(it.id, given.limit, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.json(_view(grant_named(request, principal)))


@routes.delete(CONNECTION, permission=Permission.GRANTS_WRITE, answers={204: None}, refusals=CHANGE_REFUSALS)
def revoke_connection(request: Request, principal: PersonPrincipal) -> Answer:
    """Ends a connection: the assistant's next call is refused. Members end their own, admins and owners all."""
    it = grant_named(request, principal)
    grants.revoke_grant(it.id, by=principal.member, now=request.now, deadline=request.deadline)
    return responses.nothing()


def grant_named(request: Request, principal: PersonPrincipal) -> Grant:
    """The connection that the URL names. One of another project is not told from none. Raises `NotFound`."""
    found = grants.grant_by_id(_id(request.parameters["connection"]), now=request.now, deadline=request.deadline)
    if found is None or (found.org, found.project) != (principal.project.org, principal.project.project):
        raise NotFound
    return found


def _id(text: str) -> GrantId:
    try:
        return GrantId(bytes.fromhex(text))
    except ValueError as error:
        raise NotFound from error


def _view(grant: Grant) -> ConnectionView:
    return ConnectionView(
        id=grant.id.hex(),
        client_id=grant.client_id,
        client_name=grant.client_name,
        client_host=grant.client_host,
        client_kind=grant.client_kind,
        redirect_host=grant.redirect_host,
        scope=sorted(grant.scope),
        created_at=grant.created_at * 1000,
        created_by=grant.user.hex(),
        last_used_at=grant.last_used_at * 1000 if grant.last_used_at is not None else None,
        expires_at=grant.expires_at * 1000,
        limit=grant.limit,
    )

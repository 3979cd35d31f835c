"""What everybody may know: whether the service is well, and how it is spoken to."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity.slugs import SLUG
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from chalicelib.web import VERSION, openapi, responses
from chalicelib.web.cors import OAUTH
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes, declarations

RESOURCE: Final = "/.well-known/oauth-protected-resource"

KEPT: Final = {"Cache-Control": "public, max-age=300"}

routes = Routes(__name__)


class Health(Struct, frozen=True):
    """The answer of a service that is well. One that is not answers 503."""

    version: str
    store: str = "ok"
    status: str = "ok"


@routes.public("/healthz", head=True, answers={200: Health}, refusals=(503,))
def healthz(request: Request) -> Answer:
    """Says the version, and that the store answers."""
    item(keys.TENANTS, keys.org_slug_partition("-"), keys.ONLY, deadline=request.deadline)
    return responses.json(Health(VERSION))


@routes.public("/openapi.json", answers={200: bytes})
def openapi_json(_: Request) -> Answer:
    """This description of the API."""
    document = openapi.document(declarations(routes.current_app))
    return responses.json(document, headers=KEPT)


class AuthorizationServer(Struct, frozen=True):
    """Where everything is that OAuth needs, and what it takes (RFC 8414, section 2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    revocation_endpoint: str
    code_challenge_methods_supported: list[str]


class ProtectedResource(Struct, frozen=True):
    """Whose tokens a resource takes (RFC 9728, section 2)."""

    resource: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]


@routes.public("/.well-known/oauth-authorization-server", cors=OAUTH, answers={200: AuthorizationServer})
def authorization_server(_: Request) -> Answer:
    """The authorization server's metadata (RFC 8414)."""
    from chalicelib.oauth import metadata

    return _document(metadata.authorization_server())


@routes.public(RESOURCE, cors=OAUTH, answers={200: ProtectedResource})
def any_resource(_: Request) -> Answer:
    """The metadata of this site as one resource (RFC 9728). A token for it is one for `/mcp`."""
    from chalicelib.oauth import metadata
    from chalicelib.oauth.resources import Resource

    # Section 3.3: the resource that is named is the one whose address led here.
    return _document(metadata.protected_resource(Resource(None, None)) | {"resource": settings.current().url})


@routes.public(f"{RESOURCE}/mcp", cors=OAUTH, answers={200: ProtectedResource})
def resource(_: Request) -> Answer:
    """The metadata of `/mcp`, where the connection decides which project is meant."""
    from chalicelib.oauth import metadata
    from chalicelib.oauth.resources import Resource

    return _document(metadata.protected_resource(Resource(None, None)))


@routes.public(f"{RESOURCE}/mcp/{{org}}/{{project}}", cors=OAUTH, answers={200: ProtectedResource}, refusals=(404,))
def project_resource(request: Request) -> Answer:
    """The metadata of a project's endpoint. It is the same whether or not there is such a project."""
    from chalicelib.oauth import metadata
    from chalicelib.oauth.resources import Resource

    org, project = request.parameters["org"], request.parameters["project"]
    if not (SLUG.fullmatch(org) and SLUG.fullmatch(project)):
        raise NotFound
    return _document(metadata.protected_resource(Resource(org, project)))


def _document(content: Mapping[str, Any]) -> Answer:
    return responses.json(content, headers=KEPT)

"""What everybody may know: how the service is spoken to."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity.slugs import SLUG
from chalicelib.ids import DAY_MS
from chalicelib.web import openapi, responses
from chalicelib.web.cors import OAUTH
from chalicelib.web.problems import NotFound
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes, declarations

RESOURCE: Final = "/.well-known/oauth-protected-resource"

GOOD_FOR_DAYS: Final = 180
"""How long somebody may rely on a copy of security.txt; section 2.5.5 wants less than a year."""

KEPT: Final = {"Cache-Control": "public, max-age=300"}

routes = Routes(__name__)


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


@routes.public("/.well-known/security.txt", answers={200: bytes}, refusals=(404,), media_types=("text/plain",))
def security_txt(request: Request) -> Answer:
    """Says where to tell of a hole (RFC 9116), if the deployment names such a place."""
    deployment = settings.current()
    if not deployment.security_contact:
        raise NotFound
    today = request.now_ms // DAY_MS
    lines = (
        f"Contact: {deployment.security_contact}",
        f"Expires: {datetime.fromtimestamp((today + GOOD_FOR_DAYS) * 86_400, UTC):%Y-%m-%dT%H:%M:%SZ}",
        f"Canonical: {deployment.url}/.well-known/security.txt",
        "Preferred-Languages: en",
    )
    return responses.content("\n".join((*lines, "")).encode(), "text/plain; charset=utf-8", headers=KEPT)


def _document(content: Mapping[str, Any]) -> Answer:
    return responses.json(content, headers=KEPT)

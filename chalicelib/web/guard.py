"""Who is asking, and whether they may: before anything else of a request is read.

Authorization: Bearer KEY -> key -> its project, alive -> the route's permission -> the project that the URL names
       400, 401             401            401                  403                       404
"""

from typing import Final

from msgspec import Struct

from chalicelib.identity.api_keys import MAY, KeyRefused, authenticated
from chalicelib.identity.permissions import Permission
from chalicelib.identity.projects import Project, ids_of, project_by_id
from chalicelib.web.problems import HeaderWrong, NotAllowed, NotFound, NotSignedIn
from chalicelib.web.request import Request

ORG: Final = "org"
PROJECT: Final = "project"
"""The path parameters that name a project, on every route that has them."""


class Principal(Struct, frozen=True):
    """Somebody known, the one project that they may touch here, and what they may do there."""

    who: str
    project: Project
    may: frozenset[Permission]


def admitted(request: Request, permission: Permission) -> Principal:
    """Who is asking. Raises `NotSignedIn`, `KeyRefused`, `HeaderWrong`, `NotAllowed` or `NotFound`."""
    principal = _holder(_bearer(request), request)
    if permission not in principal.may:
        raise NotAllowed(permission, principal.who)
    if PROJECT in request.parameters and not _is_there(request, principal):
        raise NotFound
    return principal


def _bearer(request: Request) -> str:
    if "authorization" in request.repeated_headers:
        raise HeaderWrong("`Authorization` was sent more than once: which one counts is anybody's guess.")
    scheme, _, secret = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotSignedIn
    return secret.strip()


def _holder(secret: str, request: Request) -> Principal:
    key = authenticated(secret, now=request.now_ms // 1000, deadline=request.deadline)
    project = project_by_id(key.org, key.project, deadline=request.deadline)
    if project is None:
        raise KeyRefused
    return Principal(f"the {key.kind} key {key.key_id}", project, MAY[key.kind])


def _is_there(request: Request, principal: Principal) -> bool:
    """Whether the URL names the principal's own project. A stranger's is not told from one that does not exist."""
    named = ids_of(request.parameters[ORG], request.parameters[PROJECT], deadline=request.deadline)
    return named == (principal.project.org, principal.project.project)

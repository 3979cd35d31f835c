"""Programs at the door: with a key of a project, or with an access token that somebody allowed.

    `Authorization`   comes once                                   400 otherwise
                      is `Bearer` and one word                     401 otherwise; at `/mcp` 400 (RFC 6750, section 3.1)
                      a key           -> its project, alive          401
                      scry_at_…       -> its connection, as it is    401    (`oauth.tokens`)
                      the permission                                 403
                      the project that the URL names is theirs       404 for a key, 401 for a token (RFC 8707)

A token in the query or in a body is not read. What a connection asks of the API is noted for the people whose project
it is (O28); what it asks of `/mcp` is noted there, tool by tool.
"""

import re
import time
from typing import Final

from msgspec import Struct

from chalicelib.identity.activity import Call, Outcome, note_call
from chalicelib.identity.api_keys import ApiKey, KeyRefused, authenticated, note_use
from chalicelib.identity.grants import Grant
from chalicelib.identity.permissions import BY_SCOPE, MAY, Permission
from chalicelib.identity.projects import Project, ids_of, project_by_id
from chalicelib.oauth.errors import TokenRefused
from chalicelib.web import limiting
from chalicelib.web.declaration import ORG, PROJECT, Declaration
from chalicelib.web.problems import HeaderWrong, NotFound, NotSignedIn, PowerTooSmall
from chalicelib.web.request import Request

NOTING_SECONDS: Final = 0.5
"""Noting that somebody was here must not use up the time of what they came for."""

PROJECT_PATH: Final = "/api/orgs/{org}/projects/{project}"

CREDENTIALS: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What can stand after `Bearer` (RFC 6750, section 2.1)."""


class KeyPrincipal(Struct, frozen=True):
    """A program with a key: what it may do, in the one project that the key is of."""

    key: ApiKey
    project: Project
    may: frozenset[Permission]

    @property
    def who(self) -> str:
        return f"the {self.key.kind} key {self.key.key_id}"


class GrantPrincipal(Struct, frozen=True):
    """An app that somebody let in: what it may do, in the one project that they chose."""

    grant: Grant
    project: Project
    scope: frozenset[str]
    """Of the token, which may be narrower than the grant's."""
    may: frozenset[Permission]

    @property
    def who(self) -> str:
        return f"the connection {self.grant.id.hex()}"


Program = KeyPrincipal | GrantPrincipal


def program(request: Request, route: Declaration) -> Program:
    """Whose key or token the request has. Raises `HeaderWrong`, `NotSignedIn`, `KeyRefused`, `TokenRefused` and
    `StoreUnavailable`."""
    presented = _credentials(request, route)
    # Whatever is OAuth's is decided there, so that a code or a refresh token is refused as a token is (O25).
    if presented.startswith(("scry_at_", "scry_ac_", "scry_rt_")):
        return _token_holder(presented, request)
    key = authenticated(presented, now=request.now, deadline=request.deadline)
    project = project_by_id(key.org, key.project, deadline=request.deadline)
    if project is None:
        raise KeyRefused
    return KeyPrincipal(key, project, MAY[key.kind])


def count(request: Request, route: Declaration, who: Program) -> None:
    """Raises `LimitReached`."""
    if isinstance(who, KeyPrincipal):
        limiting.count_key(request, route.limit, who.key.key_id)
    else:
        limiting.count_connection(request, who.grant)


def allowed(request: Request, route: Declaration, who: Program) -> Program:
    """The program, if it may do this where the URL leads. Raises `PowerTooSmall`, `NotFound`, `TokenRefused` and
    `StoreUnavailable`."""
    if route.permission not in who.may:
        if isinstance(who, GrantPrincipal):
            note(request, route, who, "refused", begun=time.monotonic())
        raise PowerTooSmall(route.permission, who.who)
    if PROJECT in request.parameters:
        named = ids_of(request.parameters[ORG], request.parameters[PROJECT], deadline=request.deadline)
        if named != (who.project.org, who.project.project):
            raise NotFound if isinstance(who, KeyPrincipal) else TokenRefused
    if isinstance(who, KeyPrincipal):
        note_use(who.key, now=request.now, deadline=request.deadline_within(NOTING_SECONDS))
    return who


def note(request: Request, route: Declaration, who: GrantPrincipal, outcome: Outcome, *, begun: float) -> None:
    """Keeps what became of a request. `begun` is in `time.monotonic()` seconds. Rows are counted of tools alone: the
    API's answers are bytes by now."""
    what = f"{route.method} {route.path.removeprefix(PROJECT_PATH)}"
    call = Call(request.now_ms, what, outcome, rows=0, took_ms=round((time.monotonic() - begun) * 1000))
    note_call(who.grant, call, deadline=request.deadline_within(NOTING_SECONDS))


def _credentials(request: Request, route: Declaration) -> str:
    if "authorization" in request.repeated_headers:
        raise HeaderWrong("`Authorization` was sent more than once: which one counts is anybody's guess.")
    scheme, _, presented = request.headers["authorization"].strip().partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn
    if CREDENTIALS.fullmatch(presented.strip()) is None:
        if route.kind == "api":
            raise KeyRefused  # clients of the API tell a key that is none by 401 (S27)
        raise HeaderWrong("`Authorization` is `Bearer`, a space, and one key or token.")
    return presented.strip()


def _token_holder(presented: str, request: Request) -> GrantPrincipal:
    from chalicelib.oauth import tokens  # no key needs it, and no cold start of theirs waits for it

    access = tokens.authenticated(presented, now=request.now, deadline=request.deadline)
    grant = access.grant
    project = project_by_id(grant.org, grant.project, deadline=request.deadline)
    if project is None:
        raise TokenRefused
    may = frozenset({Permission.PUBLIC}).union(*(BY_SCOPE[each] for each in access.scope))
    return GrantPrincipal(grant, project, access.scope, may)

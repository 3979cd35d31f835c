"""`/mcp` at the door, as a resource server of OAuth says it: RFC 6750, RFC 9728, and who may call it from a browser.

    Host, Origin     not ours, and none of the setting's      403, before anything else is looked at
    credentials      none                                     401  Bearer resource_metadata="…", scope="events:read"
                     none that work, or of another project    401  Bearer error="invalid_token", …
                     too little                               403  Bearer error="insufficient_scope", …
                     twice, or of no form that there is       400  Bearer error="invalid_request", …

Clients find the authorization server by the first of these. Cookies mean nothing here.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from chalicelib import settings
from chalicelib.identity.api_keys import KeyRefused
from chalicelib.identity.permissions import Permission
from chalicelib.oauth.errors import TokenRefused
from chalicelib.web.csrf import own_origin
from chalicelib.web.problems import HeaderWrong, NotAllowed, NotSignedIn, OriginRefused
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer, nothing

METADATA: Final = "/.well-known/oauth-protected-resource"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
PREFLIGHT_SECONDS: Final = 7_200

ALLOWED_HEADERS: Final = (
    "authorization", "content-type", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version",
    "mcp-session-id",
)  # fmt: skip
EXPOSED_HEADERS: Final = ("mcp-protocol-version", "mcp-session-id", "retry-after", "www-authenticate", "x-request-id")

_ERRORS: Final[Mapping[type[Exception], str | None]] = {
    NotSignedIn: None,
    KeyRefused: "invalid_token",
    TokenRefused: "invalid_token",
    NotAllowed: "insufficient_scope",
    HeaderWrong: "invalid_request",
}
"""The codes of RFC 6750, section 3.1. Who showed nothing is told of no error."""


def check_caller(request: Request) -> None:
    """Raises `OriginRefused` for a page of another origin, and for a name that is not ours: a page can have its own
    name lead to this address (DNS rebinding)."""
    host, origin = request.headers.get("host"), request.headers.get("origin")
    if host is not None and (_name_in(host) != _name_of(own_origin()) or "host" in request.repeated_headers):
        raise OriginRefused(f"This is {own_origin()}: call it by that name.")
    if origin is not None and (not _may_call(origin) or "origin" in request.repeated_headers):
        raise OriginRefused("A page of another origin sent this. SCRY_MCP_ORIGINS says which ones may.")


def preflight(request: Request) -> Answer:
    """The answer to a browser that asks whether a page may call (Fetch, section 3.2). Raises `OriginRefused`."""
    check_caller(request)
    return nothing(
        headers={
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": ", ".join(ALLOWED_HEADERS),
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        }
    )


def shared(request: Request, answer: Answer) -> Answer:
    """The answer as a page may read it whose origin the setting names; never with credentials."""
    headers = {**answer.headers, "Vary": "Origin"}
    origin = request.headers.get("origin", "")
    if origin in settings.current().mcp_origins:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": ", ".join(EXPOSED_HEADERS),
        }
    return replace(answer, headers=headers)


def challenged(request: Request, error: Exception, answer: Answer) -> Answer:
    """The answer to a refusal, with the one challenge that says what would be right."""
    known = [kind for kind in type(error).__mro__ if kind in _ERRORS]
    if not known:
        return answer
    code = _ERRORS[known[0]]
    parameters = {"error": code} if code else {}
    parameters["scope"] = Permission.EVENTS_READ.value
    parameters["resource_metadata"] = f"{settings.current().url}{METADATA}{request.local_path}"
    challenge = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters.items())
    return replace(answer, headers={**answer.headers, "WWW-Authenticate": challenge})


def _may_call(origin: str) -> bool:
    return origin in settings.current().mcp_origins or _one_loopback(origin) == _one_loopback(own_origin())


def _one_loopback(origin: str) -> str:
    """The origin, with this machine under one name."""
    name = _name_of(origin)
    if name != "localhost":
        return origin
    url = urlsplit(origin)
    return f"{url.scheme}://localhost{url.netloc[url.netloc.rindex(':') :] if _has_port(url.netloc) else ''}"


def _has_port(netloc: str) -> bool:
    return ":" in netloc.rpartition("]")[2]


def _name_of(origin: str) -> str:
    return _name_in(urlsplit(origin).netloc)


def _name_in(authority: str) -> str:
    """The host of `host:port`; the names of this machine are one."""
    name = authority.rpartition(":")[0] if _has_port(authority) else authority
    name = name.strip("[]").lower()
    return "localhost" if name in LOOPBACK else name

"""What a client asks the authorization endpoint for (RFC 6749, section 4.1.1), read in the order that decides where an
answer may go.

    client_id, redirect_uri   wrong  ->  Unredirectable   told to the person, and sent nowhere
    everything else           wrong  ->  Redirected       told to the client, at the address it proved to be its own
    nothing wrong                    ->  AuthorizationRequest, for somebody to decide about

An answer to a client can be written only to a `Redirect`, and only `_redirect` makes one: from an address that is
registered. Both answers name their issuer (RFC 9207), so that a client of several servers cannot be confused.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import Struct

from chalicelib import settings
from chalicelib.oauth import clients, pkce, redirects, resources, scopes
from chalicelib.oauth.clients import Client, ClientKind, ClientUnknown
from chalicelib.oauth.errors import OAuthError, Unredirectable

READ: Final = (
    "client_id", "redirect_uri", "response_type", "response_mode", "state", "scope", "code_challenge",
    "code_challenge_method", "resource",
)  # fmt: skip
"""The parameters that mean something here. Others are ignored (RFC 6749, section 3.1), `prompt` too: everybody is asked
each time."""


class Redirect(Struct, frozen=True):
    """Where a client's answers go. Its address is registered for the client; `state` goes back as it came."""

    uri: str
    state: str | None


class Redirected(Exception):
    """A request that is answered with an error, to the client."""

    def __init__(self, redirect: Redirect, error: OAuthError) -> None:
        super().__init__(str(error))
        self.redirect = redirect
        self.error = error


class AuthorizationRequest(Struct, frozen=True, kw_only=True):
    """A request in which everything is right but that nobody said yes yet."""

    client_id: str
    client_kind: ClientKind
    client_name: str
    """What the client calls itself; empty if it does not say."""
    client_host: str
    """What proves who it is; empty where it is only said."""
    redirect: Redirect
    challenge: str
    scope: str
    resource: str
    """The canonical address of a project's resource, or of `/mcp`, which leaves open which project."""


def read(
    parameters: Mapping[str, str], repeated: frozenset[str], *, now: int, deadline: float | None = None
) -> AuthorizationRequest:
    """The request of these parameters; an empty one counts as absent. `repeated` names those that came twice.

    Raises `Unredirectable`, `Redirected` and `StoreUnavailable`.
    """
    given = {name: parameters[name] for name in READ if parameters.get(name)}
    client = _client(given, repeated, now=now, deadline=deadline)
    redirect = _redirect(client, given, repeated)
    try:
        return _asked(client, redirect, given, repeated)
    except OAuthError as error:
        raise Redirected(redirect, error) from error


def granted(redirect: Redirect, code: str) -> str:
    """The address that hands a code to the client (RFC 6749, section 4.1.2)."""
    return _answer(redirect, {"code": code})


def refused(redirect: Redirect, error: OAuthError) -> str:
    """The address that tells the client why it gets no code (RFC 6749, section 4.1.2.1)."""
    return _answer(redirect, {"error": error.code, "error_description": error.description})


def _client(given: Mapping[str, str], repeated: frozenset[str], *, now: int, deadline: float | None) -> Client:
    if "client_id" in repeated:
        raise Unredirectable("It gave `client_id` more than once.")
    if "client_id" not in given:
        raise Unredirectable("It did not say which client it is: `client_id` is missing.")
    try:
        return clients.client(given["client_id"], now=now, deadline=deadline)
    except ClientUnknown as unknown:
        raise Unredirectable(str(unknown)) from unknown


def _redirect(client: Client, given: Mapping[str, str], repeated: frozenset[str]) -> Redirect:
    if "redirect_uri" in repeated:
        raise Unredirectable("It gave `redirect_uri` more than once.")
    uri = given.get("redirect_uri") or _only_redirect(client)
    if not redirects.matches(client.redirect_uris, uri):
        raise Unredirectable("Its `redirect_uri` is none that the client registered.")
    return Redirect(uri, None if "state" in repeated else given.get("state"))


def _only_redirect(client: Client) -> str:
    """What may be left out: the one address there is, unless its port is any (RFC 6749, section 3.1.2.3)."""
    registered = client.redirect_uris
    if len(registered) != 1 or redirects.is_loopback(registered[0]):
        raise Unredirectable("It did not say where the answer goes: `redirect_uri` is missing.")
    return registered[0]


def _asked(
    client: Client, redirect: Redirect, given: Mapping[str, str], repeated: frozenset[str]
) -> AuthorizationRequest:
    if twice := [name for name in READ if name in repeated]:
        raise OAuthError("invalid_request", f"{twice[0]} was given more than once")
    if "response_type" not in given:
        raise OAuthError("invalid_request", "response_type is missing: send code")
    if given["response_type"] != "code":
        raise OAuthError("unsupported_response_type", "the only response_type is code")
    if given.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "the only response_mode is query")
    challenge = given.get("code_challenge", "")
    pkce.check_challenge(given.get("code_challenge_method", ""), challenge)
    return AuthorizationRequest(
        client_id=client.client_id, client_kind=client.kind, client_name=client.name, client_host=client.host,
        redirect=redirect, challenge=challenge,
        scope=scopes.written(scopes.parse(given.get("scope", ""))),
        resource=resources.written(resources.parse_resource(given.get("resource", ""))),
    )  # fmt: skip


def _answer(redirect: Redirect, said: Mapping[str, str]) -> str:
    """Added to whatever query the address has; its own is kept (RFC 6749, section 3.1.2)."""
    state = {} if redirect.state is None else {"state": redirect.state}
    added = urlencode({**said, **state, "iss": settings.current().url}, quote_via=quote, safe="")
    return f"{redirect.uri}{'&' if '?' in redirect.uri else '?'}{added}"

"""The endpoints that OAuth clients call themselves: registration, tokens, revocation. People meet `pages.consent`.

Browsers of any origin may call them. Cookies mean nothing here, so there is nothing that another site could do in
somebody's name.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from chalicelib.oauth.errors import OAuthError
from chalicelib.routes.oauth_problems import BasicRefused, OAuthRefused, OAuthRoutes
from chalicelib.storage import limits
from chalicelib.web import bodies, responses
from chalicelib.web.bodies import FORM, JSON
from chalicelib.web.cors import OAUTH
from chalicelib.web.declaration import Body
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer

Word = Annotated[str, Meta(max_length=2_000)]

NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}

routes = OAuthRoutes(__name__)


class ClientMetadata(Struct, frozen=True):
    """What a client says of itself (RFC 7591, section 2). All else is ignored."""

    redirect_uris: Annotated[list[Word], Meta(max_length=10)]
    client_name: Word = ""
    token_endpoint_auth_method: Word = "none"  # noqa: S105
    jwks_uri: Word = ""
    jwks: dict[str, Any] = {}


class ClientRegistered(Struct, frozen=True):
    """The client as it is known from now on (RFC 7591, section 3.2.1)."""

    client_id: str
    client_id_issued_at: int
    redirect_uris: list[str]
    token_endpoint_auth_method: str
    grant_types: list[str]
    response_types: list[str]
    scope: str


class TokenForm(Struct, frozen=True):
    """A code or a refresh token to exchange (RFC 6749, sections 4.1.3 and 6)."""

    grant_type: Word
    client_id: Word


class TokenIssued(Struct, frozen=True):
    """Tokens (RFC 6749, section 5.1). `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    scope: str


class RevocationForm(Struct, frozen=True):
    """A token to end (RFC 7009, section 2.1)."""

    token: Word
    client_id: Word


class Ended(Struct, frozen=True):
    """Whatever the token was, it does not work now."""


@routes.public_post(
    "/oauth/register", cors=OAUTH, refusals=(400, 429, 503), refusal=OAuthRefused, answers={201: ClientRegistered},
    body=Body("The client's metadata. At most 16 KB.", (JSON,), ClientMetadata),
)  # fmt: skip
def register(request: Request) -> Answer:
    """Makes a client (RFC 7591). It proves nothing by it, and gets no secret."""
    from chalicelib.oauth import registration

    _limit(request, "register-client-source")
    if request.media_type != JSON:
        raise OAuthError("invalid_client_metadata", f"send the metadata as `Content-Type: {JSON}`")
    told = registration.register(request.body, now=request.now, deadline=request.deadline)
    return responses.json(told, status=201, headers=NO_STORE)


@routes.public_post(
    "/oauth/token", cors=OAUTH, refusals=(400, 401, 429, 503), refusal=OAuthRefused, answers={200: TokenIssued},
    body=Body("A form of `authorization_code` or `refresh_token`.", (FORM,), TokenForm),
)  # fmt: skip
def token(request: Request) -> Answer:
    """Gives tokens for a code with its verifier (RFC 7636), or for the newest refresh token, which ends by it."""
    from chalicelib.oauth import client_authentication, clients

    form = _form(request)
    exchange = EXCHANGES.get(_needed(form, "grant_type"))
    if exchange is None:
        raise OAuthError("unsupported_grant_type", f"`grant_type` is one of {', '.join(EXCHANGES)}")
    client = client_authentication.authenticate(form, now=request.now, deadline=request.deadline)
    issued = exchange(form, client.client_id, request)
    clients.note_client_use(client, now=request.now, deadline=request.deadline_within(NOTING_SECONDS))
    shown = TokenIssued(issued.access_token, "Bearer", issued.expires_in, issued.refresh_token, issued.scope)
    return responses.json(shown, headers=NO_STORE)


@routes.public_post(
    "/oauth/revoke", cors=OAUTH, refusals=(400, 401, 429, 503), refusal=OAuthRefused, answers={200: Ended},
    body=Body("A form with the token.", (FORM,), RevocationForm),
)  # fmt: skip
def revoke(request: Request) -> Answer:
    """Ends a token (RFC 7009). A refresh token ends the whole connection; an unknown one is no error."""
    from chalicelib.oauth import client_authentication, revocation

    form = _form(request)
    presented = _needed(form, "token")
    client = client_authentication.authenticate(form, now=request.now, deadline=request.deadline)
    revocation.revoke(presented, client_id=client.client_id, now=request.now, deadline=request.deadline)
    return responses.json(Ended(), headers=NO_STORE)


NOTING_SECONDS: Final = 0.5
"""Noting that a client was used must not use up the time of what it is used for."""


def _redeemed(form: Mapping[str, str], client_id: str, request: Request) -> Any:
    from chalicelib.oauth import codes

    return codes.redeem(
        _needed(form, "code"), client_id=client_id, redirect_uri=form.get("redirect_uri", ""),
        verifier=form.get("code_verifier", ""), resource=form.get("resource", ""), now=request.now,
        deadline=request.deadline,
    )  # fmt: skip


def _refreshed(form: Mapping[str, str], client_id: str, request: Request) -> Any:
    from chalicelib.oauth import rotation

    return rotation.refresh(
        _needed(form, "refresh_token"), client_id=client_id, scope=form.get("scope", ""),
        resource=form.get("resource", ""), now=request.now, deadline=request.deadline,
    )  # fmt: skip


EXCHANGES: Final[Mapping[str, Callable[[Mapping[str, str], str, Request], Any]]] = {
    "authorization_code": _redeemed,
    "refresh_token": _refreshed,
}
"""All that is ever exchanged for a token: no password, and nobody's word for themselves (RFC 9700, section 2.4)."""


def _form(request: Request) -> Mapping[str, str]:
    """The form of a client, counted against where it comes from. An empty field is none (RFC 6749, section 3.2)."""
    _limit(request, "token-source")
    if request.headers.get("authorization", "").strip().lower().startswith("basic"):
        raise BasicRefused
    return {name: value for name, value in bodies.form_fields(request).items() if value != ""}


def _limit(request: Request, name: str) -> None:
    limits.allow(name, limits.source_of(request.source), now_ms=request.now_ms, deadline=request.deadline)


def _needed(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        raise OAuthError("invalid_request", f"`{name}` is missing")
    return form[name]

"""Dynamic client registration (RFC 7591): whoever asks becomes a client, and proves nothing by it.

It is limited where it is asked for, and such a client is told to people as one that nobody vouches for.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chalicelib.oauth import client_metadata, clients, scopes
from chalicelib.oauth.clients import Client
from chalicelib.oauth.errors import OAuthError

LONGEST: Final = 16 * 1024


def register(metadata: bytes | Mapping[str, Any], *, now: int, deadline: float | None = None) -> dict[str, Any]:
    """Makes a client; answers what it is told about itself (section 3.2.1).

    Raises `OAuthError` with `invalid_redirect_uri` or `invalid_client_metadata`, and `StoreUnavailable`.
    """
    given = _object(metadata) if isinstance(metadata, bytes) else metadata
    checked = client_metadata.checked({**given, "token_endpoint_auth_method": _auth_method(given)})
    made = clients.keep(checked, "self-registered", now=now, deadline=deadline)
    return _told(made, now)


def _auth_method(given: Mapping[str, Any]) -> Any:
    """Who asks for a secret, as the standard's default does, is made a client without one: it is told so."""
    asked = given.get("token_endpoint_auth_method")
    return "none" if isinstance(asked, str) and asked.startswith("client_secret_") else asked


def _object(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST:
        raise OAuthError("invalid_client_metadata", f"a registration has at most {LONGEST} bytes")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise OAuthError("invalid_client_metadata", "send the client's metadata as a JSON object") from wrong


def _told(made: Client, now: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "client_id": made.client_id,
        "client_id_issued_at": now,
        "redirect_uris": made.redirect_uris,
        "token_endpoint_auth_method": made.auth_method,
        "grant_types": made.grant_types,
        "response_types": ["code"],
        "scope": scopes.written(scopes.DEFAULT),
    }
    if made.name:
        told["client_name"] = made.name
    if made.jwks_uri:
        told["jwks_uri"] = made.jwks_uri
    if made.jwks:
        told["jwks"] = msgspec.json.decode(made.jwks)
    return told

"""Who asks at the token endpoint: a client that only says so (`none`), or one that signs it (`private_key_jwt`).

No client has a secret here. What a public client gets is bound to it by PKCE and by rotation instead.
"""

from collections.abc import Mapping
from typing import Final

from chalicelib.oauth import client_assertions, clients
from chalicelib.oauth.clients import Client, ClientUnknown
from chalicelib.oauth.errors import ClientRefused

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticate(form: Mapping[str, str], *, now: int, deadline: float | None = None) -> Client:
    """The client that sent the form, whose empty fields count as absent (RFC 6749, section 3.2).

    Raises `ClientRefused`, `LimitReached` (of documents) and `StoreUnavailable`.
    """
    if form.get("client_secret"):
        raise ClientRefused("no client has a secret here: send `client_id` alone, or a signed `client_assertion`")
    assertion = _assertion(form)
    client_id = form.get("client_id") or (client_assertions.claimed_client(assertion) if assertion else "")
    if not client_id:
        raise ClientRefused("`client_id` is missing")
    try:
        client = clients.client(client_id, now=now, deadline=deadline)
    except ClientUnknown as unknown:
        raise ClientRefused(str(unknown)) from unknown
    if client.auth_method == "none":
        if assertion:
            raise ClientRefused("the client is registered as one that signs nothing")
        return client
    if not assertion:
        raise ClientRefused("the client proves itself with a signed `client_assertion`, which is missing")
    client_assertions.accept(assertion, client, now=now, deadline=deadline)
    return client


def _assertion(form: Mapping[str, str]) -> str:
    assertion = form.get("client_assertion", "")
    if bool(assertion) != bool(form.get("client_assertion_type")):
        raise ClientRefused("`client_assertion` and `client_assertion_type` come together")
    if assertion and form["client_assertion_type"] != ASSERTION_TYPE:
        raise ClientRefused(f"`client_assertion_type` is `{ASSERTION_TYPE}`")
    return assertion

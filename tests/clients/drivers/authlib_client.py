"""Authlib's HTTP client, which knows OAuth; the few lines of MCP and of discovery are this program's own."""

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from story import REDIRECT, RESOURCE, TOOL, consent, play

ACCEPTED = {"Accept": "application/json, text/event-stream"}
REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": TOOL, "arguments": {}}}

known: dict[str, Any] = {}


async def connect() -> None:
    async with httpx.AsyncClient() as http:
        refused = await http.post(RESOURCE, json=REQUEST, headers=ACCEPTED)
        assert refused.status_code == 401
        challenge = dict(re.findall(r'(\w+)="([^"]*)"', refused.headers.get("WWW-Authenticate", "")))
        # Beside the resource where a gateway renames the challenge's header (RFC 9728, sections 5.1 and 3.1).
        resource = urlsplit(RESOURCE)
        beside = resource._replace(path=f"/.well-known/oauth-protected-resource{resource.path}").geturl()
        described = (await http.get(challenge.get("resource_metadata", beside))).raise_for_status().json()
        issuer = described["authorization_servers"][0]
        server = (await http.get(get_well_known_url(issuer, external=True))).raise_for_status().json()
        wanted = {"client_name": "Authlib", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"}
        client = (await http.post(server["registration_endpoint"], json=wanted)).raise_for_status().json()
    checked = AuthorizationServerMetadata(server)
    # Every rule of RFC 8414 but that of the scheme: the product under test is on this machine.
    checked.validate_response_types_supported()
    checked.validate_grant_types_supported()
    checked.validate_token_endpoint_auth_methods_supported()
    checked.validate_code_challenge_methods_supported()
    known.update(server=server, client_id=client["client_id"])
    session = AsyncOAuth2Client(
        client["client_id"],
        scope=described["scopes_supported"],
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint=server["token_endpoint"],
        token_endpoint_auth_method="none",
        revocation_endpoint_auth_method="none",
    )
    verifier = generate_token(64)
    url, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, resource=RESOURCE
    )
    answer = await consent(url)
    assert answer["iss"] == issuer
    back = f"{REDIRECT}?{httpx.QueryParams(answer)}"
    await session.fetch_token(
        server["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier, resource=RESOURCE
    )
    known["session"] = session


async def call() -> str:
    session: AsyncOAuth2Client = known["session"]
    # It refreshes by itself whatever is past `expires_in`.
    answer = await session.post(RESOURCE, json=REQUEST, headers=ACCEPTED)
    return "ok" if answer.is_success and not answer.json()["result"].get("isError") else answer.text


async def tokens() -> dict[str, Any]:
    return {**known["session"].token, "client_id": known["client_id"]}


async def revoke() -> None:
    session: AsyncOAuth2Client = known["session"]
    revoked = await session.revoke_token(known["server"]["revocation_endpoint"], token=session.token["refresh_token"])
    revoked.raise_for_status()


asyncio.run(play(connect=connect, call=call, tokens=tokens, revoke=revoke))

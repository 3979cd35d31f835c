"""An app that was let in: codes, tokens and refreshes as a client does them, at times that a test says."""

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import grants
from chalicelib.identity.grants import Grant
from chalicelib.identity.users import User
from chalicelib.ids import GrantId
from chalicelib.oauth import codes, rotation, tokens
from chalicelib.oauth.codes import Approval
from chalicelib.oauth.errors import OAuthError, TokenRefused
from chalicelib.oauth.refresh_tokens import refresh_token
from chalicelib.oauth.tokens import Issued
from tests.tenancy.world import NOW, Tenant

CLIENT = "https://client.example/oauth.json"
REDIRECT = "https://client.example/callback"
RESOURCE = "http://127.0.0.1:8000/mcp/acme/shop"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def approval(tenant: Tenant, user: User | None = None, **changed: Any) -> Approval:
    """What Alice, or somebody else, said yes to."""
    who = user or tenant.owner
    right = {
        "client_id": CLIENT, "client_name": "Client", "client_host": "client.example", "client_kind": "document",
        "redirect_uri": REDIRECT, "challenge": CHALLENGE, "scope": "events:read", "resource": RESOURCE,
        "org": tenant.id, "project": tenant.project_id, "user": who.user,
        "membership": tenant.member(who).membership,
    }  # fmt: skip
    return Approval(**(right | changed))


def code(tenant: Tenant, user: User | None = None, *, now: int = NOW, **changed: Any) -> str:
    return codes.issue_code(approval(tenant, user, **changed), now=now)


def redeemed(text: str, *, now: int = NOW, **changed: Any) -> Issued:
    """As the client does that asked for it."""
    right = {"client_id": CLIENT, "redirect_uri": REDIRECT, "verifier": VERIFIER, "resource": RESOURCE}
    return codes.redeem(text, now=now, **(right | changed))


def connected(tenant: Tenant, user: User | None = None, *, now: int = NOW, **changed: Any) -> Issued:
    return redeemed(code(tenant, user, now=now, **changed), now=now)


def refreshed(held: Issued, *, now: int = NOW, **changed: Any) -> Issued:
    right = {"client_id": CLIENT, "scope": "", "resource": ""}
    return rotation.refresh(held.refresh_token, now=now, **(right | changed))


def works(held: Issued, *, now: int = NOW) -> bool:
    """Whether the access token gives anything."""
    try:
        tokens.authenticated(held.access_token, now=now)
    except TokenRefused:
        return False
    return True


def id_of(held: Issued) -> GrantId:
    found = refresh_token(held.refresh_token)
    assert found is not None
    return found.grant


def grant_of(held: Issued, *, now: int = NOW) -> Grant | None:
    """None where it ended."""
    return grants.grant_by_id(id_of(held), now=now)


def refused(code: str) -> pytest.RaisesExc[OAuthError]:
    """That what happens inside ends in this code."""
    return pytest.raises(OAuthError, check=lambda error: error.code == code)


def allow_replays(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    monkeypatch.setenv("SCRY_REFRESH_REPLAY_SECONDS", str(seconds))
    settings.current.cache_clear()

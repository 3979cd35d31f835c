"""Browsers ask before they send: the preflight of `/api/ingest`."""

import pytest

from app import app
from chalicelib.web.headers import SECURITY_HEADERS
from tests.api.client import Client, Tenant

PREFLIGHT = app.routes["/api/ingest"]["POST"].cors.get_access_control_headers()


@pytest.mark.requirement("W2")
def test_any_origin_may_send_what_the_sdks_send() -> None:
    assert PREFLIGHT["Access-Control-Allow-Origin"] == "*"
    allowed = PREFLIGHT["Access-Control-Allow-Headers"].split(", ")
    assert allowed == ["authorization", "content-type", "content-encoding", "idempotency-key"]


def test_no_origin_may_send_cookies() -> None:
    assert "Access-Control-Allow-Credentials" not in PREFLIGHT


@pytest.mark.requirement("S35")
def test_a_preflight_has_the_headers_of_every_answer() -> None:
    assert SECURITY_HEADERS.items() <= PREFLIGHT.items()


@pytest.mark.requirement("W2")
def test_answers_and_refusals_can_be_read_by_the_page_that_sent(client: Client, alice: Tenant) -> None:
    for key in (alice.ingest_key, alice.query_key, None):
        answer = client.post("/api/ingest", {"events": []}, key=key)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "retry-after" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.requirement("O20")
def test_only_ingest_and_what_oauth_clients_call_are_open_to_other_origins() -> None:
    opened = {path for path, methods in app.routes.items() if any(entry.cors for entry in methods.values())}
    resource = "/.well-known/oauth-protected-resource"
    documents = {"/.well-known/oauth-authorization-server", resource, f"{resource}/mcp"}
    documents.add(f"{resource}/mcp/{{org}}/{{project}}")
    assert opened == {"/api/ingest", "/oauth/register", "/oauth/token", "/oauth/revoke"} | documents

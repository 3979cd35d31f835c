"""The address itself: who may speak there, what is decided before a message is read, and what is kept of each call."""

import time
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from chalice import Chalice

from app import app
from chalicelib import settings
from chalicelib.identity.activity import calls_of
from chalicelib.identity.grants import grants_of_project
from chalicelib.oauth.codes import Approval, issue_code, redeem
from chalicelib.routes import mcp
from chalicelib.web.application import Application
from tests.api.client import Client
from tests.mcp.world import modern
from tests.tenancy.world import Tenant, new_tenant, new_user, rows

VERIFIER = "v" * 43


def _served() -> Chalice:
    """The app; before it serves these routes, one that serves nothing else. Chalice registers routes only once."""
    if "/mcp" in app.routes:
        return app
    served = Application("served")
    served.register_blueprint(mcp.routes)
    return served


SERVED = _served()
PLACE = "/mcp/acme/shop"


@pytest.fixture
def client(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("SCRY_URL", "https://scry.example")
    settings.current.cache_clear()
    return Client(SERVED)


@pytest.fixture
def acme(client: Client) -> Tenant:
    return new_tenant("acme", new_user("alice"))


@pytest.fixture
def evil(client: Client) -> Tenant:
    return new_tenant("evil", new_user("mallory"))


def connected(tenant: Tenant) -> str:
    """An access token, by an approval of the tenant's owner."""
    now = int(time.time())
    challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    approval = Approval(
        client_id="https://app.example/client", client_name="App", client_host="app.example", client_kind="document",
        redirect_uri="https://app.example/back", challenge=challenge, scope="events:read", resource="", org=tenant.id,
        project=tenant.project_id, user=tenant.owner.user, membership=tenant.member(tenant.owner).membership,
    )  # fmt: skip
    code = issue_code(approval, now=now)
    asked = {"client_id": approval.client_id, "redirect_uri": approval.redirect_uri, "resource": ""}
    return redeem(code, verifier=VERIFIER, now=now, **asked).access_token


def ask(client: Client, key: str | None, message=None, path: str = PLACE, **headers: str):
    content, named = message or modern("tools/call", {"name": "project_overview", "arguments": {}})
    return client.post(path, content, key=key, headers={**named, **headers})


def noted(tenant: Tenant) -> list[tuple[str, str, int]]:
    (grant,) = grants_of_project(tenant.id, tenant.project_id, now=int(time.time()))
    return [(call.what, call.outcome, call.rows) for call in calls_of(grant.id)]


@pytest.mark.requirement("S6")
@pytest.mark.parametrize("path", [PLACE, "/mcp"])
def test_a_connection_and_a_query_key_are_answered_about_their_project(client, acme, path):
    for secret in (connected(acme), acme.key("query").text):
        answer = ask(client, secret, path=path)
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        facts = answer.json["result"]["structuredContent"]
        assert facts["project"] == "Shop"
        assert facts["link"].startswith("https://scry.example/orgs/acme/projects/shop/explore?from=20")


@pytest.mark.requirement("O27")
@pytest.mark.parametrize("content", [b"not json", b"[" * 300_000, b"", b'{"jsonrpc":"2.0","id":1,"method":"ping"}'])
def test_who_may_not_speak_is_refused_before_the_message_is_read(client, acme, evil, content):
    nobody = ask(client, None, (content, {}))
    assert nobody.status == 401
    assert "error=" not in nobody.headers["WWW-Authenticate"]
    assert ask(client, acme.key("ingest").text, (content, {})).status == 403
    assert ask(client, connected(evil), (content, {})).status == 401
    assert ask(client, "scry_at_" + "A" * 59, (content, {})).status == 401
    told = ask(client, acme.key("query").text, (content, {}))
    assert told.status in (200, 400, 413)
    assert told.json["jsonrpc"] == "2.0"


@pytest.mark.requirement("S6", "I4")
def test_the_project_of_an_address_must_be_the_connections_own(client, acme, evil):
    token = connected(evil)
    assert ask(client, token, path="/mcp/evil/shop").status == 200
    assert ask(client, token, path=PLACE).status == 401
    assert ask(client, evil.key("query").text, path=PLACE).status == 404
    assert "acme" not in ask(client, token, path="/mcp").body.decode()


@pytest.mark.requirement("O28", "S11")
def test_every_call_of_a_connection_is_noted_without_its_token(client, acme):
    token = connected(acme)
    calls = [
        modern("tools/list"),
        modern("tools/call", {"name": "project_overview", "arguments": {}}),
        modern("tools/call", {"name": "search_events", "arguments": {"q": "sevice:x"}}),
        modern("tools/call", {"name": "delete_events"}),
        (b"nonsense", {}),
    ]
    for call in calls:
        ask(client, token, call)
    assert noted(acme)[::-1] == [
        ("tools/list", "ok", 0), ("project_overview", "ok", 0), ("search_events", "error", 0),
        ("delete_events", "refused", 0), ("unreadable", "refused", 0),
    ]  # fmt: skip
    assert not [row for row in rows("grants") if token in row or token.encode().hex() in row]


@pytest.mark.requirement("M3")
def test_a_notification_has_an_empty_answer(client, acme):
    answer = ask(client, acme.key("query").text, (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', {}))
    assert (answer.status, answer.body) == (202, b"")


@pytest.mark.requirement("M3")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("path", [PLACE, "/mcp"])
def test_there_is_no_stream_and_no_session_to_end(client, acme, method, path):
    answer = client.send(method, path, key=acme.key("query").text)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.requirement("M2")
def test_a_header_that_comes_twice_equals_nothing(client, acme):
    content, headers = modern("tools/list")
    pairs = [*headers.items(), ("Mcp-Method", "tools/list")]
    answer = client.post(PLACE, content, key=acme.key("query").text, headers=pairs)
    assert (answer.status, answer.json["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize("accept", [None, "text/html", "application/json, text/event-stream"])
@pytest.mark.parametrize("media_type", [None, "text/plain", "application/json; charset=utf-8"])
def test_what_a_client_accepts_and_how_it_names_its_body_changes_nothing(client, acme, accept, media_type):
    headers = {name: value for name, value in (("Accept", accept), ("Content-Type", media_type)) if value}
    assert ask(client, acme.key("query").text, **headers).status == 200

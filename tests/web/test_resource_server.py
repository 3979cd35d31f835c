"""`/mcp` at the door: who may call it from where, and how those are told who may not."""

import pytest

from chalicelib import settings
from chalicelib.identity.permissions import Permission
from chalicelib.web import responses
from chalicelib.web.application import Application
from chalicelib.web.guard import GrantPrincipal, KeyPrincipal, Principal
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes, declarations
from tests.api.client import Client, Response
from tests.permissions.cast import NOBODY, ORIGIN, Tenant, connect, holder, new_tenant, now, signed_in

SHOP = "/mcp/acme/shop"
METADATA = f"{ORIGIN}/.well-known/oauth-protected-resource"
REST = 'scope="events:read", resource_metadata="' + METADATA


class Seen:
    """The handler puts here who it was given, and what was sent."""

    principal: Principal | None
    body: bytes


routes = Routes(__name__)


@routes.mcp("/mcp")
@routes.mcp("/mcp/{org}/{project}")
def keep(request: Request, principal: Principal) -> Answer:
    """Keeps who asks."""
    Seen.principal, Seen.body = principal, request.body
    return responses.json({})


application = Application("resource")
application.register_blueprint(routes)


@pytest.fixture
def acme(moto_store: None) -> Tenant:
    Seen.principal = None
    return new_tenant("acme", "shop")


def post(where: str, token: str | None, **headers: str) -> Response:
    return Client(application).post(where, b"{", key=token, headers=headers)


def challenge(answer: Response) -> str:
    return str(answer.headers["WWW-Authenticate"])


# --- who gets in ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("O26")
@pytest.mark.parametrize("where", ["/mcp", SHOP])
def test_connections_and_query_keys_get_in_and_bring_their_project(acme: Tenant, where: str):
    assert post(where, acme.connection.access_token).status == 200
    assert isinstance(Seen.principal, GrantPrincipal)
    assert Seen.principal.project.project == acme.project
    assert post(where, acme.query_key).status == 200
    assert isinstance(Seen.principal, KeyPrincipal)
    assert Seen.principal.project.project == acme.project


@pytest.mark.requirement("O23", "O27")
@pytest.mark.parametrize("where", ["/mcp", SHOP])
def test_who_shows_nothing_is_told_where_to_get_something_and_of_no_error(acme: Tenant, where: str):
    answers = [post(where, None), post(where, None, Authorization="Basic c2NyeTo=")]
    for answer in answers:
        assert (answer.status, challenge(answer)) == (401, f'Bearer {REST}{where}"')
    assert Seen.principal is None


@pytest.mark.requirement("O23", "O25")
def test_what_does_not_work_is_an_invalid_token(acme: Tenant):
    evil = new_tenant("evil", "lab")
    expired = connect(acme, acme.owner, at=now() - 3_600)
    held = acme.connection
    for token in (
        expired.access_token,
        held.refresh_token,
        "scry_at_x",
        "x",
        "scry_qry_x",
        evil.connection.access_token,
    ):
        answer = post(SHOP, token)
        assert (answer.status, challenge(answer)) == (401, f'Bearer error="invalid_token", {REST}{SHOP}"')
    assert Seen.principal is None


@pytest.mark.requirement("O23")
@pytest.mark.parametrize("where", ["/mcp", SHOP])
def test_an_ingest_key_is_too_little_and_is_told_what_would_be_enough(acme: Tenant, where: str):
    answer = post(where, acme.ingest_key)
    assert (answer.status, challenge(answer)) == (403, f'Bearer error="insufficient_scope", {REST}{where}"')
    assert Seen.principal is None


@pytest.mark.requirement("O23", "O24")
@pytest.mark.parametrize("value", ["Bearer", "Bearer a b", 'Bearer "a"'])
def test_a_header_of_no_form_is_an_invalid_request(acme: Tenant, value: str):
    answer = post(SHOP, None, Authorization=value)
    assert (answer.status, challenge(answer)) == (400, f'Bearer error="invalid_request", {REST}{SHOP}"')
    pairs = [("Authorization", f"Bearer {acme.query_key}")] * 2
    twice = Client(application).post(SHOP, b"{}", headers=pairs)
    assert (twice.status, challenge(twice)) == (400, f'Bearer error="invalid_request", {REST}{SHOP}"')


@pytest.mark.requirement("O27")
def test_nobody_is_told_of_the_body_before_they_are_let_in(acme: Tenant):
    assert post(SHOP, None).status == 401
    assert post(SHOP, acme.query_key).status == 200
    assert Seen.body == b"{"


@pytest.mark.requirement("O24", "S22")
def test_a_session_opens_nothing_here(acme: Tenant):
    owner = signed_in("owner", acme.owner)
    answer = Client(application).post(SHOP, b"{}", headers={**owner.headers, "Origin": ORIGIN})
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers


@pytest.mark.requirement("O23", "S10")
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_other_methods_are_405_to_who_may_post_and_401_to_others(acme: Tenant, method: str):
    with_token = Client(application).send(method, SHOP, key=acme.connection.access_token)
    assert (with_token.status, with_token.headers["Allow"]) == (405, "POST")
    assert Client(application).send(method, SHOP).status == 401


def test_it_declares_what_it_wants():
    found = {(each.method, each.path): each for each in declarations(application)}
    assert {method for method, _ in found} == {"POST", "GET", "DELETE", "OPTIONS"}
    assert all(each.kind == "mcp" and each.summary for each in found.values())
    assert found["POST", "/mcp"].permission is Permission.EVENTS_READ


# --- from where (O29) -------------------------------------------------------------------------------------------------

FOREIGN = ["https://evil.example", "null", "", "http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://127.0.0.1.evil.example:8000", "http://localhost", "file://", "http://localhost:8000.evil.example"]  # fmt: skip  # noqa: E501
OURS = ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"]


@pytest.mark.requirement("O29")
@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_refused_before_anything_else(acme: Tenant, origin: str):
    for token in (None, acme.connection.access_token, "x"):
        answer = post(SHOP, token, Origin=origin)
        assert answer.status == 403
        assert answer.json["type"] == "urn:scrywatch:problem:origin"
        assert "WWW-Authenticate" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert Seen.principal is None


@pytest.mark.requirement("O29")
@pytest.mark.parametrize("origin", OURS)
def test_our_own_origin_may_call_under_each_name_of_this_machine(acme: Tenant, origin: str):
    answer = post(SHOP, acme.query_key, Origin=origin)
    assert answer.status == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.requirement("O29")
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("[::1]:8000", 200),
        ("LOCALHOST", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_it_answers_by_its_own_name_only(acme: Tenant, host: str, status: int):
    assert post(SHOP, acme.query_key, Host=host).status == status


@pytest.mark.requirement("O29")
def test_two_hosts_or_two_origins_are_one_too_many(acme: Tenant):
    for name, value in (("Host", "127.0.0.1:8000"), ("Origin", ORIGIN)):
        pairs = [("Authorization", f"Bearer {acme.query_key}"), (name, "https://evil.example"), (name, value)]
        assert Client(application).post(SHOP, b"{}", headers=pairs).status == 403


@pytest.mark.requirement("O29")
def test_a_deployment_has_the_one_name_of_its_address(acme: Tenant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCRY_URL", "https://logs.example")
    settings.current.cache_clear()
    assert post(SHOP, acme.query_key, Host="logs.example", Origin="https://logs.example").status == 200
    assert post(SHOP, acme.query_key, Host="localhost").status == 403
    assert post(SHOP, acme.query_key, Origin="http://logs.example").status == 403
    assert 'resource_metadata="https://logs.example/.well-known/' in challenge(post(SHOP, None))


# --- pages of other origins (O20) -------------------------------------------------------------------------------------

APP = "https://app.example"


@pytest.fixture
def _app_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_MCP_ORIGINS", f"{APP}, https://other.example:8443")
    settings.current.cache_clear()


def preflight(origin: str) -> Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return Client(application).send("OPTIONS", SHOP, headers=asked)


@pytest.mark.requirement("O20")
@pytest.mark.usefixtures("_app_may")
def test_pages_of_the_settings_origins_may_call_and_read_refusals_too(acme: Tenant):
    for answer, status in (
        (preflight(APP), 204),
        (post(SHOP, acme.query_key, Origin=APP), 200),
        (post(SHOP, None, Origin=APP), 401),
    ):
        assert answer.status == status
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "www-authenticate" in answer.headers["Access-Control-Expose-Headers"]
    assert "mcp-protocol-version" in preflight(APP).headers["Access-Control-Allow-Headers"]
    assert preflight(APP).headers["Access-Control-Allow-Methods"] == "POST"


@pytest.mark.requirement("O20", "O29")
@pytest.mark.usefixtures("_app_may")
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://app.example.evil.example", "http://app.example", "null"]
)
def test_pages_of_others_may_not(acme: Tenant, origin: str):
    for answer in (preflight(origin), post(SHOP, acme.query_key, Origin=origin)):
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.requirement("O20")
def test_without_the_setting_no_page_may(acme: Tenant):
    assert preflight(APP).status == 403
    assert "Access-Control-Allow-Origin" not in NOBODY.send("GET", "/healthz", Origin=APP).headers
    assert holder("key", acme.query_key).send("GET", acme.logs).status == 200

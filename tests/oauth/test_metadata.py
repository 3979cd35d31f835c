"""What clients read first says what is true, and anybody may read it."""

from typing import Any

import pytest
from chalice import Chalice

from app import app
from chalicelib import settings
from chalicelib.oauth import metadata
from chalicelib.oauth.resources import Resource
from chalicelib.web.headers import SECURITY_HEADERS
from tests.api.client import ROUTES, Client, new_tenant

pytestmark = pytest.mark.requirement("O20")

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"
URL = "https://logs.example"


@pytest.fixture(autouse=True)
def _url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_URL", URL + "/")
    settings.current.cache_clear()


@pytest.fixture
def client(moto_store: None) -> Client:
    return Client()


def test_it_says_where_everything_is_and_what_it_takes() -> None:
    assert metadata.authorization_server() == {
        "issuer": URL,
        "authorization_endpoint": f"{URL}/oauth/authorize",
        "token_endpoint": f"{URL}/oauth/token",
        "registration_endpoint": f"{URL}/oauth/register",
        "revocation_endpoint": f"{URL}/oauth/revoke",
        "scopes_supported": ["events:read"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ("authorization_code", "refresh_token"),
        "code_challenge_methods_supported": ["S256"],
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
        "revocation_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
        "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "RS256", "PS256", "EdDSA"],
    }


@pytest.mark.requirement("O5")
def test_that_answers_name_the_issuer_can_be_left_unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_ADVERTISE_ISS", "no")
    settings.current.cache_clear()
    assert metadata.authorization_server()["authorization_response_iss_parameter_supported"] is False


def test_every_endpoint_that_is_named_is_served(client: Client) -> None:
    told = client.get(SERVER).json
    named = {value.removeprefix(URL) for name, value in told.items() if name.endswith("_endpoint")}
    assert named <= set(app.routes)


@pytest.mark.parametrize(
    ("where", "resource"),
    [("", ""), ("/mcp", "/mcp"), ("/mcp/acme/shop", "/mcp/acme/shop"), ("/mcp/no-such/thing", "/mcp/no-such/thing")],
)
def test_a_resource_is_the_one_whose_address_led_there(where: str, resource: str, client: Client) -> None:
    answer = client.get(RESOURCE + where)
    assert (answer.status, answer.json) == (200, {
        "resource": URL + resource,
        "authorization_servers": [URL],
        "scopes_supported": ["events:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Scrywatch",
    })  # fmt: skip


@pytest.mark.requirement("S29")
def test_a_project_that_is_not_there_is_not_told_from_one_that_is(client: Client) -> None:
    new_tenant("acme", "shop")
    there, not_there = (client.get(f"{RESOURCE}/mcp/{place}") for place in ("acme/shop", "acme/ship"))
    assert there.body.replace(b"shop", b"ship") == not_there.body
    assert there.headers == not_there.headers


@pytest.mark.parametrize("place", ["A/b", "a/b%20c", "a/-b", f"a/{'b' * 41}", "a/%22", "a/%0d%0aX:1"])
def test_what_is_no_project_is_not_repeated(place: str, client: Client) -> None:
    assert client.get(f"{RESOURCE}/mcp/{place}").status == 404


@pytest.mark.parametrize("path", [SERVER, RESOURCE, f"{RESOURCE}/mcp", f"{RESOURCE}/mcp/acme/shop"])
def test_pages_of_any_origin_may_read_it_without_credentials(path: str, client: Client) -> None:
    answer = client.get(path, headers={"Origin": "https://evil.example", "Cookie": "__Host-session=x"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Type"] == "application/json"
    preflight = _cors(app, path)
    assert preflight["Access-Control-Allow-Origin"] == "*"
    assert preflight["Access-Control-Allow-Headers"] == "authorization, content-type, mcp-protocol-version"
    assert "Access-Control-Allow-Credentials" not in preflight
    assert SECURITY_HEADERS.items() <= preflight.items()


def test_a_resource_of_any_project_is_written_like_one() -> None:
    assert metadata.protected_resource(Resource(None, None))["resource"] == f"{URL}/mcp"
    assert metadata.protected_resource(Resource("acme", "shop"))["resource"] == f"{URL}/mcp/acme/shop"


def _cors(served: Chalice, path: str) -> dict[str, Any]:
    match = ROUTES.match(path)
    assert match is not None
    [entry] = served.routes[match.resource].values()
    found: dict[str, Any] = entry.cors.get_access_control_headers()
    return found

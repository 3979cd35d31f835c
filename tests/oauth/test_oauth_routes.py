"""The endpoints that clients call: what they take, what they refuse, and in which words."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from app import app
from chalicelib.oauth import clients
from chalicelib.oauth.client_authentication import ASSERTION_TYPE
from chalicelib.oauth.client_metadata import Metadata
from chalicelib.storage import dynamodb, limits
from chalicelib.storage.tables.models import ClientItem
from chalicelib.web.headers import SECURITY_HEADERS
from tests.api.client import Client, Response
from tests.oauth.parties import ADDRESS, REDIRECT, document, published, reached, registration

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
FORMS = ["/oauth/token", "/oauth/revoke"]
ALL = ["/oauth/register", *FORMS]


@pytest.fixture
def client(moto_store: None) -> Client:
    return Client()


@pytest.fixture
def client_id(client: Client) -> str:
    answer = client.post("/oauth/register", registration(), headers=JSON)
    return str(answer.json["client_id"])


def sent(client: Client, path: str, fields: Mapping[str, str] | str, **headers: str) -> Response:
    body = fields if isinstance(fields, str) else urlencode(fields)
    return client.post(path, body.encode(), headers=FORM | headers)


def refusal(answer: Response) -> tuple[int, str]:
    """Status and code; everything else about a refusal is the same for all."""
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.json["error_description"].isascii()
    return answer.status, answer.json["error"]


# --- registration -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("O22")
def test_a_client_registers(client: Client) -> None:
    answer = client.post("/oauth/register", registration(), headers=JSON)
    assert answer.status == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["redirect_uris"] == [REDIRECT]
    assert clients.client(answer.json["client_id"], now=answer.json["client_id_issued_at"]).name == "App"


@pytest.mark.requirement("O22")
@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (registration(redirect_uris=["http://app.example/cb"]), JSON, "invalid_redirect_uri"),
        (registration(redirect_uris=["javascript:alert(1)"]), JSON, "invalid_redirect_uri"),
        (registration(client_name=1), JSON, "invalid_client_metadata"),
        ([], JSON, "invalid_client_metadata"),
        (registration(x="x" * 17_000), JSON, "invalid_client_metadata"),
        (registration(), {}, "invalid_client_metadata"),
        (registration(), {"Content-Type": "text/plain"}, "invalid_client_metadata"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_the_standards_words(
    body: Any, headers: Mapping[str, str], code: str, client: Client
) -> None:
    assert refusal(client.post("/oauth/register", body, headers=headers)) == (400, code)
    assert list(ClientItem.scan()) == []


@pytest.mark.requirement("O22", "S36")
def test_registrations_are_limited_by_where_they_come_from(client: Client) -> None:
    burst = limits.LIMITS["register-client-source"].burst
    statuses = [client.post("/oauth/register", registration(), headers=JSON).status for _ in range(burst)]
    assert set(statuses) == {201}
    answer = client.post("/oauth/register", registration(), headers=JSON)
    assert refusal(answer) == (429, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert len(list(ClientItem.scan())) == burst


# --- the token endpoint's own rules -----------------------------------------------------------------------------------


@pytest.mark.requirement("O11", "S1", "V10.4.4")
@pytest.mark.parametrize(
    "grant_type",
    ["password", "client_credentials", "implicit", "Authorization_Code", "authorization_code ", "urn:ietf:params:x"],
)
def test_only_codes_and_refresh_tokens_are_exchanged(grant_type: str, client: Client, client_id: str) -> None:
    fields = {"grant_type": grant_type, "client_id": client_id, "username": "ann@example.com", "password": "secret"}
    assert refusal(sent(client, "/oauth/token", fields)) == (400, "unsupported_grant_type")


@pytest.mark.requirement("O11")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("grant_type=refresh_token&grant_type=refresh_token&client_id=scry&token=x", FORM),
        ("grant_type=refresh_token&client_id=scry&client_id=scry&token=x", FORM),
        ("grant_type=refresh_token&client_id=scry&token=x&x=1&x=2", FORM),
        ("", FORM),
        ("grant_type=&token=", FORM),
        ("client_id=scry", FORM),
        ("grant_type=refresh_token&client_id=scry", FORM),
        ("%FF=1", FORM),
        (json.dumps({"grant_type": "refresh_token", "client_id": "scry", "refresh_token": "x", "token": "x"}), JSON),
        ("grant_type=refresh_token&client_id=scry&refresh_token=x&token=x", {}),
        ("grant_type=refresh_token&client_id=scry&token=" + "x" * 70_000, FORM),
    ],
)
def test_only_a_whole_form_that_says_nothing_twice_is_read(
    path: str, body: str, headers: Mapping[str, str], client: Client
) -> None:
    answer = client.post(path, body.encode(), headers=headers)
    assert refusal(answer) == (400, "invalid_request")


@pytest.mark.requirement("O24")
def test_what_stands_in_the_query_is_not_read(client: Client) -> None:
    query = urlencode({"grant_type": "refresh_token", "client_id": "scry", "refresh_token": "x", "token": "x"})
    for path in FORMS:
        assert refusal(sent(client, f"{path}?{query}", "")) == (400, "invalid_request")


@pytest.mark.requirement("O11")
def test_a_code_that_is_missing_is_asked_for(client: Client, client_id: str) -> None:
    answer = sent(client, "/oauth/token", {"grant_type": "authorization_code", "client_id": client_id})
    assert refusal(answer) == (400, "invalid_request")
    assert "`code` is missing" in answer.json["error_description"]


# --- who asks ---------------------------------------------------------------------------------------------------------

REFRESH = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}


@pytest.mark.requirement("O18")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "named",
    [
        {},
        {"client_id": ""},
        {"client_id": "nobody"},
        {"client_id": "scry-client-" + "A" * 22},
        {"client_id": "https://client.example/"},
        {"client_id": "scry", "client_secret": "x"},
        {"client_id": "scry", "client_assertion": "x"},
        {"client_id": "scry", "client_assertion": "x", "client_assertion_type": ASSERTION_TYPE},
    ],
)
def test_a_client_that_is_not_known_is_told_so_with_401(path: str, named: dict[str, str], client: Client) -> None:
    answer = sent(client, path, REFRESH | named)
    assert refusal(answer) == (401, "invalid_client")
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.requirement("O18")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("header", ["Basic c2NyeTo=", "basic x", "BASIC"])
def test_http_basic_is_not_offered(path: str, header: str, client: Client) -> None:
    answer = sent(client, path, REFRESH | {"client_id": "scry"}, Authorization=header)
    assert refusal(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="scrywatch"'


@pytest.mark.requirement("O18", "O22")
def test_a_client_that_was_forgotten_registers_anew(client: Client, client_id: str) -> None:
    for row in ClientItem.scan():
        row.delete()
    answer = sent(client, "/oauth/token", REFRESH | {"client_id": client_id})
    assert refusal(answer) == (401, "invalid_client")
    assert "register again" in answer.json["error_description"]


@pytest.mark.requirement("O18")
def test_everything_else_is_400(client: Client, client_id: str) -> None:
    assert refusal(sent(client, "/oauth/token", REFRESH | {"client_id": client_id})) == (400, "invalid_grant")


@pytest.mark.requirement("O21")
def test_a_client_may_be_the_address_of_its_document(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with reached(monkeypatch, published(document())):
        answer = sent(client, "/oauth/token", REFRESH | {"client_id": ADDRESS})
    assert refusal(answer) == (400, "invalid_grant")
    with reached(monkeypatch, published({}, status="404 x")):
        answer = sent(client, "/oauth/token", REFRESH | {"client_id": ADDRESS + "2"})
    assert refusal(answer) == (401, "invalid_client")


# --- every endpoint ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("O20")
@pytest.mark.parametrize("path", ALL)
def test_pages_of_any_origin_may_call_it_without_credentials(path: str, client: Client) -> None:
    answer = client.post(path, b"", headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert answer.status == 400
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    preflight = app.routes[path]["POST"].cors.get_access_control_headers()
    assert preflight["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in preflight
    assert SECURITY_HEADERS.items() <= preflight.items()


@pytest.mark.requirement("S22")
@pytest.mark.parametrize("path", ALL)
def test_cookies_mean_nothing(path: str, client: Client) -> None:
    plain, with_cookies = (
        client.post(path, b"x", headers={**FORM, **more})
        for more in ({}, {"Cookie": "__Host-session=x; __Host-pre=y", "Origin": "https://evil.example"})
    )
    assert (plain.status, plain.body) == (with_cookies.status, with_cookies.body)
    assert "Set-Cookie" not in with_cookies.headers


@pytest.fixture
def _store_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OSError

    monkeypatch.setattr(dynamodb, "transport", away)
    monkeypatch.setattr(dynamodb, "pause", lambda _: None)


@pytest.mark.requirement("S36")
@pytest.mark.usefixtures("_store_away")
@pytest.mark.parametrize("path", ALL)
def test_while_the_store_is_away_it_says_when_to_come_back(path: str, client: Client) -> None:
    answer = sent(client, path, REFRESH | {"client_id": "scry"})
    assert refusal(answer) == (503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.requirement("S36", "O11")
def test_token_and_revocation_share_an_allowance_that_is_exact(client: Client) -> None:
    burst = limits.LIMITS["token-source"].burst
    for number in range(burst):
        assert sent(client, FORMS[number % 2], "").status == 400
    for path in FORMS:
        answer = sent(client, path, "")
        assert refusal(answer) == (429, "temporarily_unavailable")
        assert int(answer.headers["Retry-After"]) > 0


def test_a_fault_is_told_as_one_and_says_nothing_of_itself(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("a secret of the inside")

    monkeypatch.setattr(limits, "allow", broken)
    for path in ALL:
        answer = sent(client, path, REFRESH)
        assert refusal(answer) == (500, "server_error")
        assert b"inside" not in answer.body


@pytest.mark.requirement("O22")
def test_who_gets_no_token_is_not_noted_as_used(client: Client, client_id: str) -> None:
    sent(client, "/oauth/token", REFRESH | {"client_id": client_id})
    [row] = ClientItem.scan()
    assert row.used_at is None


def test_an_operators_client_needs_no_registration(client: Client) -> None:
    made = clients.keep(Metadata(name="Own", redirect_uris=(REDIRECT,)), "registered", now=0)
    assert refusal(sent(client, "/oauth/token", REFRESH | {"client_id": made.client_id})) == (400, "invalid_grant")

"""Whoever asks becomes a client, as far as what they say can be used, and is told what became of it."""

import json
from typing import Any

import pytest

from chalicelib.oauth import clients
from chalicelib.oauth.client_metadata import LONGEST_KEYS, LONGEST_NAME, MOST_KEYS, MOST_REDIRECTS
from chalicelib.oauth.clients import REGISTERED_ID
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.registration import LONGEST, register
from tests.oauth.parties import NOW, REDIRECT, public_jwk, registration
from tests.oauth.test_redirects import BAD, GOOD

pytestmark = pytest.mark.requirement("O22")


def refused(code: str, match: str = "", **more: Any) -> None:
    with pytest.raises(OAuthError, match=match or None) as told:
        register(registration(**more), now=NOW)
    assert told.value.code == code


def test_a_client_is_made_and_told_about_itself(store: None) -> None:
    told = register(registration(), now=NOW)
    assert REGISTERED_ID.fullmatch(told["client_id"])
    assert told == {
        "client_id": told["client_id"],
        "client_id_issued_at": NOW,
        "client_name": "App",
        "redirect_uris": (REDIRECT,),
        "token_endpoint_auth_method": "none",
        "grant_types": ("authorization_code", "refresh_token"),
        "response_types": ["code"],
        "scope": "events:read",
    }
    made = clients.client(told["client_id"], now=NOW)
    assert (made.kind, made.name, made.redirect_uris, made.host) == ("self-registered", "App", (REDIRECT,), "")
    assert made.asks_each_time


def test_each_registration_makes_another_client(moto_store: None) -> None:
    ids = {register(registration(), now=NOW)["client_id"] for _ in range(3)}
    assert len(ids) == 3


def test_unknown_metadata_is_ignored(moto_store: None) -> None:
    told = register(
        registration(
            logo_uri="https://evil.example/logo.svg", contacts=["a@b.example"], scope="admin", software_statement="x",
            client_uri="javascript:alert(1)", application_type="native", client_secret="mine", client_id="scry", x={},
        ),
        now=NOW,
    )  # fmt: skip
    assert told.keys() & {"logo_uri", "contacts", "client_uri", "client_secret", "x"} == set()
    assert told["client_id"] != "scry"
    assert told["scope"] == "events:read"


@pytest.mark.parametrize("asked", [None, "none", "client_secret_basic", "client_secret_post", "client_secret_jwt"])
def test_nobody_is_given_a_secret_whatever_they_ask_for(asked: str | None, moto_store: None) -> None:
    told = register(registration(token_endpoint_auth_method=asked), now=NOW)
    assert told["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in told


@pytest.mark.parametrize("asked", ["tls_client_auth", "x", 1, ["none"]])
def test_a_way_to_authenticate_that_is_not_there_is_refused(asked: Any, moto_store: None) -> None:
    refused("invalid_client_metadata", "token_endpoint_auth_method", token_endpoint_auth_method=asked)


@pytest.mark.parametrize("uri", GOOD)
def test_redirects_are_kept_as_they_were_written(uri: str, moto_store: None) -> None:
    told = register(registration(redirect_uris=[uri]), now=NOW)
    assert clients.client(told["client_id"], now=NOW).redirect_uris == (uri,)


@pytest.mark.requirement("O2", "V10.4.7")
@pytest.mark.parametrize("uri", BAD, ids=lambda uri: uri[:40] or "empty")
def test_one_bad_redirect_refuses_all_and_says_why(uri: str, moto_store: None) -> None:
    refused("invalid_redirect_uri", BAD[uri], redirect_uris=[REDIRECT, uri])


@pytest.mark.parametrize("uris", [None, [], "https://app.example/", [1], [None], {"a": 1}])
def test_redirects_that_are_no_list_of_addresses_are_refused(uris: Any, moto_store: None) -> None:
    refused("invalid_redirect_uri", "redirect_uris", redirect_uris=uris)


def test_redirects_are_few(moto_store: None) -> None:
    many = [f"https://app.example/{number}" for number in range(MOST_REDIRECTS + 1)]
    register(registration(redirect_uris=many[:-1]), now=NOW)
    refused("invalid_redirect_uri", "1 to 10", redirect_uris=many)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("  My \n\t App  ", "My App"),
        ("A\u202epp\u2066\u200b\u00ad", "App"),
        ("A\x00p\x1bp\x7f", "App"),
        ("\ufeffu\u0308ber", "über"),
        ("\U000e0041\ue000", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_is_shown_on_one_line_without_what_cannot_be_seen(
    written: str | None, shown: str | None, moto_store: None
) -> None:
    told = register(registration(client_name=written), now=NOW)
    assert told.get("client_name") == shown
    assert clients.client(told["client_id"], now=NOW).name == (shown or "")


def test_a_name_is_short_and_text(moto_store: None) -> None:
    register(registration(client_name="\u200b" * 500 + "n" * LONGEST_NAME), now=NOW)
    refused("invalid_client_metadata", "at most 100", client_name="n" * (LONGEST_NAME + 1))
    refused("invalid_client_metadata", "is text", client_name=["x"])


@pytest.mark.parametrize(
    "wanted",
    [
        {"grant_types": ["client_credentials"]}, {"grant_types": ["implicit", "password"]}, {"grant_types": "x"},
        {"grant_types": []}, {"response_types": ["token"]}, {"response_types": [["code"]]},
    ],
)  # fmt: skip
@pytest.mark.requirement("S1")
def test_who_wants_nothing_that_is_offered_is_told_so(wanted: dict[str, Any], moto_store: None) -> None:
    refused("invalid_client_metadata", next(iter(wanted)), **wanted)


@pytest.mark.requirement("S1")
def test_what_else_was_asked_for_is_left_out_of_what_it_gets(moto_store: None) -> None:
    told = register(
        registration(grant_types=["implicit", "authorization_code", "password"], response_types=["token", "code"]),
        now=NOW,
    )
    assert told["grant_types"] == ("authorization_code", "refresh_token")
    assert told["response_types"] == ["code"]


def test_a_client_that_signs_brings_its_public_keys(store: None) -> None:
    own = {"keys": [public_jwk()]}
    told = register(registration(token_endpoint_auth_method="private_key_jwt", jwks=own), now=NOW)
    assert (told["token_endpoint_auth_method"], told["jwks"]) == ("private_key_jwt", own)
    elsewhere = "https://client.example/keys"
    told = register(registration(token_endpoint_auth_method="private_key_jwt", jwks_uri=elsewhere), now=NOW)
    assert told["jwks_uri"] == elsewhere
    assert clients.client(told["client_id"], now=NOW).jwks_uri == elsewhere


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        ({}, "either `jwks_uri` or `jwks`"),
        ({"jwks": {"keys": [public_jwk()]}, "jwks_uri": "https://client.example/k"}, "either `jwks_uri` or `jwks`"),
        ({"jwks_uri": "http://client.example/k"}, "only the https URL"),
        ({"jwks_uri": "https://127.0.0.1/k"}, "only the https URL"),
        ({"jwks_uri": 5}, "is text"),
        ({"jwks": {"keys": []}}, "no key"),
        ({"jwks": {}}, "no JWK set"),
        ({"jwks": [1]}, "no JWK set"),
        ({"jwks": {"keys": [public_jwk() | {"d": "AA"}]}}, "private key"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}, "private key"),
        ({"jwks": {"keys": [public_jwk()] * (MOST_KEYS + 1)}}, "more than 10 keys"),
        ({"jwks": {"keys": [public_jwk(x5c="x" * LONGEST_KEYS)]}}, "more than 16384"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(keys: dict[str, Any], match: str, moto_store: None) -> None:
    refused("invalid_client_metadata", match, token_endpoint_auth_method="private_key_jwt", **keys)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{", b"\xff", b"[" * 16_000, b'{"redirect_uris"'])
def test_a_body_that_is_no_object_is_refused(body: bytes, moto_store: None) -> None:
    with pytest.raises(OAuthError, match="JSON object") as told:
        register(body, now=NOW)
    assert told.value.code == "invalid_client_metadata"


def test_a_body_may_be_so_long_and_no_longer(moto_store: None) -> None:
    room = LONGEST - len(json.dumps(registration(x="")))
    assert register(json.dumps(registration(x="x" * room)).encode(), now=NOW)["client_name"] == "App"
    with pytest.raises(OAuthError, match="at most 16384 bytes"):
        register(json.dumps(registration(x="x" * (room + 1))).encode(), now=NOW)

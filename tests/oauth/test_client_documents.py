"""Clients whose id is the address of their own document: what it must be, and how long it is believed."""

import json
from email.utils import formatdate
from typing import Any

import pytest

from chalicelib.oauth import client_documents
from chalicelib.oauth.client_documents import LONGEST, kept_seconds
from chalicelib.oauth.clients import ClientUnknown, client
from chalicelib.outside import fetch
from chalicelib.storage.limits import LIMITS, LimitReached
from chalicelib.storage.tables.models import ClientItem
from tests.oauth.parties import ADDRESS, NOW, REDIRECT, document, public_jwk, published, reached
from tests.oauth.test_redirects import BAD
from tests.outside.tls_server import HOST, Speak, saying

pytestmark = pytest.mark.requirement("O21")


def refused(monkeypatch: pytest.MonkeyPatch, speak: Speak, match: str, address: str = ADDRESS) -> None:
    with reached(monkeypatch, speak), pytest.raises(ClientUnknown, match=match or None):
        client(address, now=NOW)


def test_the_document_says_who_the_client_is_and_its_host_proves_it(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reached(monkeypatch, published(document())):
        found = client(ADDRESS, now=NOW)
    assert (found.client_id, found.kind, found.name, found.host) == (ADDRESS, "document", "App", HOST)
    assert (found.redirect_uris, found.auth_method) == ((REDIRECT,), "none")


def test_a_name_may_be_missing_and_a_logo_is_never_fetched(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    logo = f"https://{HOST}/logo.png"
    with reached(monkeypatch, published(document(client_name=None, logo_uri=logo, jwks_uri=logo))) as server:
        assert client(ADDRESS, now=NOW).name == ""
    assert len(server.requests) == 1


def test_a_client_that_signs_says_where_its_keys_are(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"keys": [public_jwk()]}
    with reached(monkeypatch, published(document(token_endpoint_auth_method="private_key_jwt", jwks=keys))):
        found = client(ADDRESS, now=NOW)
    assert found.auth_method == "private_key_jwt"
    assert json.loads(found.jwks or "") == keys


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"client_id": None}, "`client_id` is not the address"),
        ({"client_id": ADDRESS + "/"}, "`client_id` is not the address"),
        ({"client_id": ADDRESS.replace(HOST, HOST.upper())}, "`client_id` is not the address"),
        ({"client_id": [ADDRESS]}, "`client_id` is not the address"),
        ({"redirect_uris": None}, "redirect_uris"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"client_name": "n" * 101}, "at most 100"),
        ({"client_secret": "x"}, "secret"),
        ({"client_secret_expires_at": 0}, "secret"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "either `jwks_uri` or `jwks`"),
        ({"grant_types": ["client_credentials"]}, "grant_types"),
    ],
)
def test_a_document_that_is_not_the_clients_or_cannot_be_used_is_refused(
    more: dict[str, Any], match: str, moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(monkeypatch, published(document(**more)), match)


@pytest.mark.requirement("O2")
@pytest.mark.parametrize("uri", BAD, ids=lambda uri: uri[:40] or "empty")
def test_redirects_are_held_to_the_same_rules(uri: str, moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, published(document(redirect_uris=[uri])), BAD[uri])


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"<html>", b"[" * 5000])
def test_what_is_no_object_is_refused(body: bytes, moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, saying(body), "no JSON object")


def test_what_is_not_said_to_be_json_is_refused(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps(document()).encode()

    def speak(connection: Any, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body)

    refused(monkeypatch, speak, "Content-Type: application/json")


def test_five_kilobytes_are_read_and_no_more(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    room = LONGEST - len(json.dumps(document(x="")))
    with reached(monkeypatch, published(document(x="x" * room))):
        assert client(ADDRESS, now=NOW).name == "App"
    other = ADDRESS + "2"
    refused(monkeypatch, published(document(client_id=other, x="x" * room)), "more than 5120 bytes", other)


@pytest.mark.parametrize("status", ["301 Moved", "404 Not Found", "500 Broken", "201 Created"])
def test_only_200_is_an_answer_and_redirects_are_not_followed(
    status: str, moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(monkeypatch, published(document(), f"Location: {ADDRESS}", status=status), "only 200 counts")


@pytest.mark.parametrize(
    "address",
    [
        f"https://{HOST}",
        f"https://{HOST}/",
        f"https://{HOST}?a=b",
        f"https://{HOST}/a/../client.json",
        f"https://{HOST}/./client.json",
        f"https://{HOST}/a/..",
        f"https://{HOST}/a/%2e%2E/client.json",
        f"https://{HOST}/a/.%2e?x",
        f"https://{HOST}/client.json#",
        f"https://u@{HOST}/client.json",
        f"https://{HOST}:8443/client.json",
        "https://127.0.0.1/client.json",
        "https://localhost/client.json",
    ],
)
def test_an_address_that_cannot_be_a_clients_is_refused_without_a_fetch(
    address: str, moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reached(monkeypatch, published(document(client_id=address))) as server:
        with pytest.raises(ClientUnknown):
            client(address, now=NOW)
        assert server.connected == []


def test_an_address_inside_a_network_is_not_asked(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with reached(monkeypatch, published(document())) as server:
        monkeypatch.setitem(fetch.TRUSTED, HOST, server.way(["10.0.0.5"]))
        with pytest.raises(ClientUnknown, match="open internet"):
            client(ADDRESS, now=NOW)
        assert server.connected == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 300),
        ({"cache-control": "max-age=0"}, 0),
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": 'public, Max-Age="60"'}, 60),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "1000"}, 0),
        ({"cache-control": "max-age=600", "age": "x"}, 600),
        ({"cache-control": "max-age=99999999999999"}, 86_400),
        ({"cache-control": "s-maxage=9"}, 300),
        ({"cache-control": "max-age=600, no-store"}, 0),
        ({"cache-control": "no-cache"}, 0),
        ({"cache-control": "private"}, 300),
        ({"expires": formatdate(NOW + 50, usegmt=True)}, 50),
        ({"expires": formatdate(NOW - 50, usegmt=True)}, 0),
        ({"expires": "0"}, 0),
        ({"expires": formatdate(NOW + 50, usegmt=True), "cache-control": "max-age=9"}, 9),
    ],
)
def test_it_lasts_as_long_as_its_headers_say_and_a_day_at_most(headers: dict[str, str], seconds: int) -> None:
    assert kept_seconds(headers, now=NOW) == seconds


def test_it_is_fetched_again_when_it_has_become_old(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with reached(monkeypatch, published(document(client_name="Old"), "Cache-Control: max-age=60")) as server:
        assert [client(ADDRESS, now=NOW + after).name for after in (0, 1, 59)] == ["Old"] * 3
        assert len(server.requests) == 1
    with reached(monkeypatch, published(document(client_name="New"))) as server:
        assert client(ADDRESS, now=NOW + 59).name == "Old"
        assert client(ADDRESS, now=NOW + 60).name == "New"
        assert len(server.requests) == 1


def test_what_may_not_be_kept_is_fetched_each_time(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with reached(monkeypatch, published(document(), "Cache-Control: no-store")) as server:
        for _ in range(3):
            client(ADDRESS, now=NOW)
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    "speak",
    [published(document(), status="500 x"), published({}), saying(b"{")],
    ids=["status", "not its own", "no JSON"],
)
def test_an_error_is_not_kept(speak: Speak, moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(monkeypatch, speak, "")
    assert list(ClientItem.scan()) == []
    with reached(monkeypatch, published(document())):
        assert client(ADDRESS, now=NOW).name == "App"


def test_a_document_that_was_good_is_not_believed_any_more_when_it_is_gone(
    moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reached(monkeypatch, published(document())):
        client(ADDRESS, now=NOW)
    with reached(monkeypatch, published({}, status="404 Not Found")), pytest.raises(ClientUnknown, match="404"):
        client(ADDRESS, now=NOW + client_documents.KEPT_SECONDS)


def test_nobody_makes_us_ask_a_host_more_often_than_so_and_one_that_is_known_goes_on(
    moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reached(monkeypatch, published(document(), "Cache-Control: max-age=0")) as server:
        client(ADDRESS, now=NOW)
        for number in range(LIMITS["client-document"].burst - 1):
            with pytest.raises(ClientUnknown):
                client(f"https://{HOST}/made-up/{number}", now=NOW)
        with pytest.raises(LimitReached):
            client(f"https://{HOST}/one-more", now=NOW)
        asked = len(server.requests)
        assert asked == LIMITS["client-document"].burst
        assert client(ADDRESS, now=NOW).name == "App"
        assert len(server.requests) == asked + 1

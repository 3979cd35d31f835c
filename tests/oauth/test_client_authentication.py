"""Who asks at the token endpoint: it says so, or signs it, once."""

import base64
import hmac
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest

from chalicelib import settings
from chalicelib.oauth import client_assertions, clients
from chalicelib.oauth.client_authentication import ASSERTION_TYPE, authenticate
from chalicelib.oauth.client_metadata import Metadata
from chalicelib.oauth.errors import ClientRefused
from chalicelib.oauth.registration import register
from chalicelib.outside import fetch
from chalicelib.storage.limits import LimitReached
from chalicelib.storage.tables.models import ClientItem
from tests.faults import LOST_ANSWER, injected
from tests.oauth.parties import (
    ADDRESS,
    KEYS_ADDRESS,
    NOW,
    REDIRECT,
    assertion,
    document,
    private_key,
    public_jwk,
    published,
    reached,
    registration,
)
from tests.outside.tls_server import HOST

pytestmark = pytest.mark.requirement("O18", "O21")


@pytest.fixture
def public(moto_store: None) -> str:
    made = clients.keep(Metadata(name="App", redirect_uris=(REDIRECT,)), "self-registered", now=NOW)
    return made.client_id


def signer(*keys: Mapping[str, Any]) -> str:
    """The id of a client that signs with these keys."""
    jwks = {"keys": list(keys) or [public_jwk()]}
    told = register(registration(token_endpoint_auth_method="private_key_jwt", jwks=jwks), now=NOW)
    return str(told["client_id"])


def form(signed: str, **more: str) -> dict[str, str]:
    return {"client_assertion": signed, "client_assertion_type": ASSERTION_TYPE, **more}


def refused(sent: Mapping[str, str], match: str = "", now: int = NOW) -> None:
    with pytest.raises(ClientRefused, match=match or None) as told:
        authenticate(sent, now=now)
    assert told.value.code == "invalid_client"


def test_a_public_client_says_who_it_is(public: str) -> None:
    assert authenticate({"client_id": public, "client_secret": ""}, now=NOW).client_id == public


@pytest.mark.parametrize("sent", [{}, {"client_id": ""}, {"client_id": "x"}, {"client_id": "scry-client-" + "A" * 22}])
def test_who_says_nothing_or_is_not_known_is_no_client(sent: dict[str, str], moto_store: None) -> None:
    refused(sent)


def test_a_client_that_was_forgotten_is_told_to_register_again(public: str) -> None:
    refused({"client_id": public}, "register again", now=NOW + clients.UNUSED_SECONDS)


def test_no_secret_proves_anything(public: str) -> None:
    refused({"client_id": public, "client_secret": "x"}, "no client has a secret")


def test_a_client_that_signs_nothing_cannot_begin_to(public: str) -> None:
    refused(form(assertion(public), client_id=public), "signs nothing")


@pytest.mark.parametrize("algorithm", client_assertions.ALGORITHMS)
def test_a_client_that_signs_is_believed(algorithm: str, moto_store: None) -> None:
    client_id = signer(public_jwk(algorithm))
    assert authenticate(form(assertion(client_id, algorithm=algorithm)), now=NOW).client_id == client_id


@pytest.mark.requirement("V10.4.10")
def test_a_client_that_signs_must(moto_store: None) -> None:
    client_id = signer()
    refused({"client_id": client_id}, "which is missing")
    refused({"client_id": client_id, "client_assertion": assertion(client_id)}, "come together")
    refused({"client_id": client_id, "client_assertion_type": ASSERTION_TYPE}, "come together")
    refused(form(assertion(client_id), client_assertion_type="urn:x"), "`client_assertion_type` is")


def test_an_assertion_is_good_once_and_is_remembered_for_longer_than_it_lasts(store: None) -> None:
    client_id = signer()
    sent = form(assertion(client_id, exp=NOW + 300))
    authenticate(sent, now=NOW)
    refused(sent, "used before")
    refused(sent, "used before", now=NOW + 299)
    refused(form(assertion(client_id, exp=NOW + 200)), "used before")
    spent = [row for row in ClientItem.scan() if row.p.startswith(b"j")]
    assert [row.t for row in spent] == [NOW + 300 + client_assertions.SPENT_SECONDS]
    authenticate(form(assertion(client_id, jti="2")), now=NOW)


@pytest.mark.parametrize("at", [1, 2])
def test_an_honest_assertion_whose_answer_was_lost_inside_does_not_count_as_used(at: int, store: None) -> None:
    """The read of the client and the write that spends: whichever answer gets lost, the client is believed."""
    client_id = signer()
    with injected(LOST_ANSWER, at=at):
        assert authenticate(form(assertion(client_id)), now=NOW).client_id == client_id
    refused(form(assertion(client_id)), "used before")


def test_of_many_at_once_with_one_assertion_exactly_one_is_believed(engine_store: None) -> None:
    client_id = signer()
    sent = form(assertion(client_id))

    def attempt(_: int) -> bool:
        try:
            authenticate(sent, now=NOW)
        except ClientRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_two_clients_may_use_the_same_jti(moto_store: None) -> None:
    for client_id in (signer(), signer()):
        authenticate(form(assertion(client_id)), now=NOW)


def test_what_is_refused_spends_nothing(moto_store: None) -> None:
    client_id = signer()
    refused(form(assertion(client_id, aud="https://other.example")), "aud")
    authenticate(form(assertion(client_id)), now=NOW)


BAD_CLAIMS = {
    "another issuer": {"iss": "x"},
    "another subject": {"sub": "x"},
    "no issuer": {"iss": None},
    "no audience": {"aud": None},
    "empty audience": {"aud": []},
    "another audience": {"aud": "https://other.example"},
    "the resource": {"aud": "http://127.0.0.1:8000/mcp"},
    "a slash too many": {"aud": "http://127.0.0.1:8000/"},
    "another audience too": {"aud": ["http://127.0.0.1:8000", "https://other.example"]},
    "expired": {"exp": NOW},
    "expired long ago": {"exp": NOW - 1000},
    "too long": {"exp": NOW + client_assertions.LONGEST_LIFE_SECONDS + client_assertions.LEEWAY_SECONDS + 1},
    "no end": {"exp": None},
    "an end that is text": {"exp": str(NOW + 60)},
    "an end that is true": {"exp": True},
    "an end beyond time": {"exp": 1 << 60},
    "issued in the future": {"iat": NOW + client_assertions.LEEWAY_SECONDS + 1},
    "not yet": {"nbf": NOW + client_assertions.LEEWAY_SECONDS + 1},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "long jti": {"jti": "j" * 513},
}


@pytest.mark.requirement("V9.2.1", "V9.2.3")
@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_an_assertion_that_is_not_for_us_and_now_is_refused(name: str, moto_store: None) -> None:
    client_id = signer()
    refused(form(assertion(client_id, **BAD_CLAIMS[name]), client_id=client_id))
    assert [row for row in ClientItem.scan() if row.p.startswith(b"j")] == []


@pytest.mark.requirement("V9.2.3")
@pytest.mark.parametrize("path", ["", "/oauth/token"])
def test_it_is_for_the_issuer_or_the_token_endpoint(path: str, moto_store: None) -> None:
    client_id = signer()
    where = settings.current().url + path
    authenticate(form(assertion(client_id, aud=where)), now=NOW)
    authenticate(form(assertion(client_id, aud=[where], jti="2")), now=NOW)


def test_a_clock_may_be_a_little_ahead(moto_store: None) -> None:
    client_id = signer()
    ahead = NOW + client_assertions.LEEWAY_SECONDS
    authenticate(form(assertion(client_id, iat=ahead, nbf=ahead, exp=ahead + 300)), now=NOW)


@pytest.mark.requirement("V9.1.3")
def test_one_client_cannot_sign_for_another(moto_store: None) -> None:
    victim, thief = signer(), signer(public_jwk(name="thief"))
    stolen = assertion(victim, name="thief", headers={"kid": "ES256-one"})
    refused(form(stolen), "not signed with the client's key")
    refused(form(assertion(thief, name="thief"), client_id=victim), "exactly one")
    refused(form(assertion(thief, name="thief", headers={"kid": None}), client_id=victim), "not signed")


@pytest.mark.requirement("V11.6.1", "V9.1.2")
@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "ES384"])
def test_only_listed_algorithms_count(algorithm: str, moto_store: None) -> None:
    client_id = signer()
    secrets: dict[str, Any] = {"none": None, "HS256": "k" * 64, "RS512": private_key("RS256")}
    secret = secrets.get(algorithm, private_key("ES384"))
    claims = {"iss": client_id, "sub": client_id, "aud": settings.current().url, "exp": NOW + 60, "jti": "1"}
    signed = jwt.encode(claims, secret, algorithm=algorithm)
    refused(form(signed, client_id=client_id), "signed with one of ES256, RS256, PS256, EdDSA")


@pytest.mark.requirement("V9.1.2")
def test_a_public_key_is_no_shared_secret(moto_store: None) -> None:
    """Algorithm confusion: what everybody can read does not sign."""
    client_id = signer(public_jwk("RS256"))
    head = {"alg": "HS256", "kid": "RS256-one"}
    claims = {"iss": client_id, "sub": client_id, "aud": settings.current().url, "exp": NOW + 60, "jti": "1"}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (head, claims)]
    mac = hmac.digest(json.dumps(public_jwk("RS256")).encode(), b".".join(parts), "sha256")
    signed = b".".join((*parts, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()
    refused(form(signed, client_id=client_id), "signed with one of")


@pytest.mark.parametrize(
    "key",
    [
        public_jwk("RS1024", kid="k"),
        public_jwk("RS256", kid="k", use="enc"),
        public_jwk("RS256", kid="k", alg="PS256"),
        public_jwk("ES256", kid="k"),
        public_jwk("RS256", kid="another"),
    ],
    ids=["too short", "for encryption", "of another algorithm", "of another kind", "of another name"],
)
def test_a_key_that_does_not_fit_is_not_used(key: dict[str, Any], moto_store: None) -> None:
    client_id = signer(key)
    algorithm = "RS1024" if key.get("n") and len(key["n"]) < 200 else "RS256"
    refused(form(assertion(client_id, algorithm=algorithm, headers={"kid": "k"})))


@pytest.mark.requirement("V9.1.3")
@pytest.mark.parametrize("headers", [{"crit": ["x"], "x": 1}, {"crit": []}, {"kid": "other"}])
def test_a_header_that_is_not_understood_refuses_all(headers: dict[str, Any], moto_store: None) -> None:
    client_id = signer()
    refused(form(assertion(client_id, headers=headers)))


@pytest.mark.requirement("V9.1.3")
@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_an_assertion_brings_along_is_not_used(header: str, moto_store: None) -> None:
    victim, there = signer(), "https://evil.example/keys"
    brought = {"jwk": public_jwk(name="thief"), "jku": there, "x5u": there, "x5c": ["MIIB"]}
    headers = {"kid": "ES256-one", header: brought[header]}
    refused(form(assertion(victim, name="thief", headers=headers)), "not signed with the client's key")
    authenticate(form(assertion(victim, headers={header: brought[header]})), now=NOW)


def test_without_a_name_the_only_key_that_fits_is_used(moto_store: None) -> None:
    authenticate(form(assertion(signer(public_jwk(), public_jwk("RS256")), headers={"kid": None})), now=NOW)
    refused(form(assertion(signer(public_jwk(), public_jwk(name="two")), headers={"kid": None})), "exactly one")


@pytest.mark.parametrize("text", ["x", "a.b.c", "e30.e30.e30", "....", "x" * 9000])
def test_what_is_no_jwt_is_refused(text: str, moto_store: None) -> None:
    refused(form(text))
    refused(form(text, client_id=signer()))


@pytest.mark.requirement("V9.1.1")
def test_a_changed_letter_breaks_the_signature(moto_store: None) -> None:
    client_id = signer()
    signed = assertion(client_id)
    for place in (len(signed) // 2, len(signed) - 40):
        other = "A" if signed[place] != "A" else "B"
        refused(form(signed[:place] + other + signed[place + 1 :], client_id=client_id))


# --- keys that are somewhere else -------------------------------------------------------------------------------------


def elsewhere() -> str:
    told = register(registration(token_endpoint_auth_method="private_key_jwt", jwks_uri=KEYS_ADDRESS), now=NOW)
    return str(told["client_id"])


def test_keys_are_fetched_once_in_five_minutes(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    client_id = elsewhere()
    with reached(monkeypatch, published({"keys": [public_jwk()]}, "Cache-Control: max-age=86400")) as server:
        for after in (0, 10, 299):
            signed = assertion(client_id, now=NOW + after, jti=str(after))
            authenticate(form(signed), now=NOW + after)
        assert len(server.requests) == 1
        authenticate(form(assertion(client_id, now=NOW + 300, jti="300")), now=NOW + 300)
        assert len(server.requests) == 2


def test_a_key_that_is_not_known_yet_is_looked_for_once_more(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    client_id = elsewhere()
    with reached(monkeypatch, published({"keys": [public_jwk()]})):
        authenticate(form(assertion(client_id)), now=NOW)
    with reached(monkeypatch, published({"keys": [public_jwk(name="two")]})) as server:
        authenticate(form(assertion(client_id, name="two", jti="2")), now=NOW)
        authenticate(form(assertion(client_id, name="two", jti="3")), now=NOW)
        assert len(server.requests) == 1
        refused(form(assertion(client_id, jti="4")), "exactly one")


def test_made_up_keys_are_looked_for_a_few_times_and_stop_nobody_whose_key_is_known(
    moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = elsewhere()
    with reached(monkeypatch, published({"keys": [public_jwk()]})) as server:
        authenticate(form(assertion(client_id)), now=NOW)
        made_up = form(assertion(client_id, headers={"kid": "made up"}))
        for _ in range(3):
            refused(made_up, "exactly one")
        with pytest.raises(LimitReached):
            authenticate(made_up, now=NOW)
        assert len(server.requests) == 4
        authenticate(form(assertion(client_id, jti="2")), now=NOW)


@pytest.mark.parametrize("published_keys", [{}, {"keys": [public_jwk() | {"d": "AA"}]}, {"keys": [{"kty": "EC"}]}, []])
def test_keys_that_cannot_be_used_prove_nothing(
    published_keys: Any, moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = elsewhere()
    with reached(monkeypatch, published(published_keys)):
        refused(form(assertion(client_id)))


@pytest.mark.requirement("V9.1.3")
def test_keys_inside_a_network_are_not_asked_for(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    client_id = elsewhere()
    with reached(monkeypatch, published({"keys": [public_jwk()]})) as server:
        monkeypatch.setitem(fetch.TRUSTED, HOST, server.way(["169.254.169.254"]))
        refused(form(assertion(client_id)), "open internet")
        assert server.connected == []


def test_a_client_that_is_a_document_signs_with_the_keys_that_it_names(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = document(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public_jwk()]})
    with reached(monkeypatch, published(told)):
        assert authenticate(form(assertion(ADDRESS)), now=NOW).host == HOST
        refused({"client_id": ADDRESS}, "missing")

"""Links do what they are for, once, in time, and for nobody who could not read the letter."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from chalicelib import settings
from chalicelib.identity import links
from chalicelib.identity.links import LIFETIMES, LinkRefused, opened, signed, spend
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from tests.accounts.people import NOW


def test_a_link_says_what_was_signed() -> None:
    link = opened(signed("reset", {"user": "ab"}, now=NOW), "reset", now=NOW + 60)
    assert (link.purpose, link.claims, link.expires_at) == ("reset", {"user": "ab"}, NOW + 1800)


@pytest.mark.requirement("V6.4.1", "V9.2.1")
@pytest.mark.parametrize("purpose", LIFETIMES)
def test_a_link_ends(purpose: Any) -> None:
    token = signed(purpose, {}, now=NOW)
    assert opened(token, purpose, now=NOW + LIFETIMES[purpose] - 1).purpose == purpose
    for now in (NOW + LIFETIMES[purpose], NOW + 10**9, NOW - 61):
        with pytest.raises(LinkRefused):
            opened(token, purpose, now=now)


@pytest.mark.requirement("V2.3.1", "V9.2.2", "V9.2.4")
def test_a_link_is_for_one_purpose() -> None:
    with pytest.raises(LinkRefused):
        opened(signed("sign-up", {}, now=NOW), "reset", now=NOW)


@pytest.mark.requirement("V11.2.2", "V11.1.1")
def test_a_link_of_an_older_secret_works_while_the_secret_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    token = signed("reset", {}, now=NOW)
    monkeypatch.setenv("SCRY_SECRETS", "aa" * 32 + "," + "5c" * 32)
    settings.current.cache_clear()
    assert opened(token, "reset", now=NOW).purpose == "reset"
    monkeypatch.setenv("SCRY_SECRETS", "aa" * 32)
    settings.current.cache_clear()
    with pytest.raises(LinkRefused):
        opened(token, "reset", now=NOW)


def _claims(**changed: Any) -> dict[str, Any]:
    return {"aud": "reset", "jti": "00" * 16, "iat": NOW, "exp": NOW + 60, "claims": {}} | changed


def _unsigned(claims: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


@pytest.mark.requirement("V9.1.1", "V9.1.2")
@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "x" * 100_000,
        jwt.encode(_claims(), "k" * 32, algorithm="HS256"),
        jwt.encode(_claims(), bytes.fromhex("5c" * 32), algorithm="HS256"),
        _unsigned(_claims()),
    ],
    ids=["empty", "letter", "dots", "letters beyond ASCII", "long", "other key", "key of other things", "no algorithm"],
)
def test_a_forged_link_is_refused(forged: str) -> None:
    with pytest.raises(LinkRefused):
        opened(forged, "reset", now=NOW)


@pytest.mark.requirement("V9.1.2", "V9.2.2")
def test_a_link_with_another_algorithm_or_other_claims_is_refused() -> None:
    key = links._keys()[0]
    for token in (
        jwt.encode(_claims(), key * 2, algorithm="HS512"),
        jwt.encode(_claims(jti="not hex"), key, algorithm="HS256"),
        jwt.encode(_claims(exp="soon"), key, algorithm="HS256"),
        jwt.encode({"aud": "reset"}, key, algorithm="HS256"),
    ):
        with pytest.raises(LinkRefused):
            opened(token, "reset", now=NOW)


@pytest.mark.requirement("I7", "V6.4.1")
def test_a_link_is_spent_once(store: None) -> None:
    link = opened(signed("reset", {}, now=NOW), "reset", now=NOW)
    _spend(link)
    with pytest.raises(LinkRefused):
        _spend(link)


@pytest.mark.requirement("I7")
@pytest.mark.engine
def test_of_fifty_who_spend_a_link_at_once_one_does(at_once: Callable[..., list[Any]]) -> None:
    link = opened(signed("reset", {}, now=NOW), "reset", now=NOW)
    found = at_once(lambda: _spend(link), 50)
    assert found.count("spent") == 1
    assert sum(isinstance(each, LinkRefused) for each in found) == 49


@pytest.mark.requirement("I7")
def test_the_record_of_a_spent_link_outlives_it(moto_store: None) -> None:
    link = opened(signed("invitation", {}, now=NOW), "invitation", now=NOW)
    _spend(link)
    stored = item(keys.SESSIONS, keys.spent_link_partition(link.id), keys.ONLY)
    assert stored is not None
    assert stored["t"].number >= link.expires_at + 3600


@pytest.mark.requirement("I7")
def test_a_link_whose_answer_was_lost_was_spent_by_who_spent_it(moto_store: None, lost_answers: None) -> None:
    link = opened(signed("reset", {}, now=NOW), "reset", now=NOW)
    assert _spend(link) == "spent"


def _spend(link: links.Link) -> str:
    change = Change()
    spend(change, link)
    commit(change)
    return "spent"

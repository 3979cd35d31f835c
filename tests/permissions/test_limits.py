"""Limits on every request: whose allowance it uses up, and what happens when that is gone or cannot be counted."""

from typing import Any

import pytest

from chalicelib.identity import grants
from chalicelib.oauth import rotation
from chalicelib.storage import dynamodb, limits
from chalicelib.storage.limits import Fails, Rate
from chalicelib.web import limiting
from tests.api.client import Client
from tests.permissions.cast import NOBODY, Tenant, connect, forget_limits, grant_of, holder, now, signed_in, undone
from tests.permissions.routes import ROUTES, title
from tests.permissions.test_matrix import asked


@pytest.fixture
def small(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allowances of three of which nobody used one yet, and a container that remembers none from other tests."""
    forget_limits()
    few = {name: Rate(3, 3600, rate.fails, lease=2) for name, rate in limits.LIMITS.items()}
    monkeypatch.setattr(limits, "LIMITS", few)
    monkeypatch.setattr(limiting, "leases", limits.Leases())
    monkeypatch.setattr(limiting, "SECONDS", 20.0)  # however busy the machine is


@pytest.mark.requirement("S36", "V2.4.1")
def test_every_request_counts_whatever_becomes_of_it(
    acme: Tenant, evil: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    monkeypatch.setattr(limiting, "_count", lambda _, name, *__: counted.append(name))
    kinds = [
        (NOBODY, "requests-source"),
        (holder("a bad key", "scry_qry_bad"), "requests-source"),
        (signed_in("owner", acme.owner), "requests-person"),
        (signed_in("stranger", evil.owner), "requests-person"),
        (holder("query key", acme.query_key), "requests-key"),
        (holder("ingest key", acme.ingest_key), "requests-key"),
        (holder("connection", acme.connection.access_token), "requests-connection"),
        (holder("a bad token", "scry_at_bad"), "requests-source"),
    ]
    for who, name in kinds:
        for route in ROUTES:
            counted.clear()
            with undone(route.method):
                asked(who, route, acme)
            # A key means nothing on public routes, and to send events is counted apart.
            expected = (
                {name, "requests-source", "ingest-key"} if "Authorization" in who.headers else {name, "requests-source"}
            )
            assert len(counted) == 1, title(route)
            assert counted[0] in expected, title(route)


@pytest.mark.requirement("S36", "V2.4.1")
def test_an_allowance_is_used_up_and_another_is_not(acme: Tenant, small: None) -> None:
    query, ingest = holder("query", acme.query_key), holder("ingest", acme.ingest_key)
    assert [query.send("GET", acme.logs).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert ingest.send("POST", "/api/ingest", {"events": []}).status == 202
    owner, member = signed_in("owner", acme.owner), signed_in("member", acme.member)
    assert [owner.send("GET", "/api/auth/me").status for _ in range(4)] == [200, 200, 200, 429]
    assert member.send("GET", "/api/auth/me").status == 200


@pytest.mark.requirement("S36")
def test_a_connection_has_the_allowance_that_people_gave_it_and_its_tokens_share_it(acme: Tenant, small: None) -> None:
    held = connect(acme, acme.owner)
    grants.set_limit(grant_of(held), 4, by=acme.membership(acme.owner), now=now())
    after = rotation.refresh(held.refresh_token, client_id="scry", scope="", resource="", now=now())
    both = [holder("before", held.access_token), holder("after", after.access_token)] * 3
    answers = [who.send("GET", acme.logs) for who in both]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 429, 429]
    assert answers[-1].headers["RateLimit"].startswith('"requests";r=0;t=')
    other = holder("another", acme.connection.access_token)
    assert other.send("GET", acme.logs).status == 200


@pytest.mark.requirement("S36")
def test_two_sessions_of_one_person_share_an_allowance(acme: Tenant, small: None) -> None:
    both = [signed_in("one", acme.owner), signed_in("two", acme.owner)] * 3
    assert [who.send("GET", "/api/auth/me").status for who in both] == [200, 200, 200, 429, 429, 429]


@pytest.mark.requirement("S36")
def test_who_guesses_keys_is_limited_by_where_they_are_and_stops_nobody_with_a_key(acme: Tenant, small: None) -> None:
    guess = holder("guesser", "scry_qry_" + "A" * 44)
    assert [guess.send("GET", acme.logs).status for _ in range(4)] == [401, 401, 401, 429]
    assert NOBODY.send("GET", "/api/auth/me").status == 429
    assert holder("query", acme.query_key).send("GET", acme.logs).status == 200


@pytest.mark.requirement("S36", "V4.1.3", "V15.3.4")
def test_headers_that_claim_another_address_change_nothing(acme: Tenant, small: None) -> None:
    claims = [{"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": "for=1.1.1.1"} for number in range(4)]
    statuses = [NOBODY.send("GET", "/api/auth/me", **claim).status for claim in claims]
    assert statuses == [401, 401, 401, 429]


@pytest.mark.requirement("S36")
def test_requests_go_on_where_they_cannot_be_counted(
    acme: Tenant, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry = dynamodb.transport

    def no_limits(endpoint: str, headers: dict[str, str], body: bytes) -> Any:
        if b"-limits" in body:
            raise OSError
        return carry(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", no_limits)
    monkeypatch.setattr(dynamodb, "pause", lambda _: None)
    sent = [Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=acme.ingest_key) for _ in range(5)]
    assert [answer.status for answer in sent] == [202] * 5
    assert holder("query", acme.query_key).send("GET", acme.logs).status == 200


@pytest.mark.requirement("S36")
def test_what_is_hot_fails_open_and_what_is_guessed_at_fails_closed() -> None:
    fails = {name: rate.fails for name, rate in limits.LIMITS.items()}
    assert {name for name, how in fails.items() if how is Fails.OPEN} == {
        "requests-source", "requests-person", "requests-key", "requests-connection", "ingest-key"
    }  # fmt: skip

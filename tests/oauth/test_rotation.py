"""Refreshing: each refresh token gives its successor once, to its own client, while its connection lasts."""

from contextlib import suppress

import pytest

from chalicelib import settings
from chalicelib.identity import grants
from chalicelib.oauth import tokens
from chalicelib.oauth.tokens import Issued
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests.faults import (
    CRASH_AFTER,
    CRASH_BEFORE,
    LOST_ANSWER,
    PASSING,
    Crash,
    Injected,
    each_step,
    injected,
    meanwhile,
)
from tests.oauth.granting import RESOURCE, allow_replays, connected, grant_of, refreshed, refused, works
from tests.tenancy.world import NOW, Tenant, everything, new_user, on_engine

DAY = 86_400


@pytest.mark.requirement("S8", "I7")
def test_every_refresh_gives_another_token_and_the_one_before_is_none_any_more(shop: Tenant):
    first = connected(shop)
    second = refreshed(first, now=NOW + 3_540)
    third = refreshed(second, now=NOW + 7_000)
    held = [first, second, third]
    assert len({each.refresh_token for each in held}) == len({each.access_token for each in held}) == 3
    assert [works(each, now=NOW + 7_000) for each in held] == [False, True, True]
    assert (second.expires_in, second.scope) == (3_540, "events:read")
    with refused("invalid_grant"):
        refreshed(second, now=NOW + 7_000)


@pytest.mark.requirement("O14")
def test_a_refresh_may_name_what_was_granted_and_nothing_else(shop: Tenant):
    held = connected(shop)
    for changed, error in (
        ({"scope": "events:write"}, "invalid_scope"),
        ({"scope": "events:read events:write"}, "invalid_scope"),
        ({"resource": "http://127.0.0.1:8000/mcp/acme/other"}, "invalid_target"),
        ({"resource": "http://127.0.0.1:8000/mcp"}, "invalid_target"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"),
    ):
        before = everything()
        with refused(error):
            refreshed(held, **changed)
        assert everything() == before
    held = refreshed(held, scope="events:read", resource=RESOURCE + "/")
    assert works(refreshed(held))


@pytest.mark.requirement("O14", "S13")
def test_a_connection_ends_thirty_days_after_its_last_refresh(shop: Tenant):
    held, idle = connected(shop), connected(shop)
    held = refreshed(held, now=NOW + 30 * DAY - 1)
    with refused("invalid_grant"):
        refreshed(idle, now=NOW + 30 * DAY)
    assert works(refreshed(held, now=NOW + 60 * DAY - 2), now=NOW + 60 * DAY - 2)


@pytest.mark.requirement("O14", "S13", "V10.4.8")
def test_a_connection_ends_after_ninety_days_and_no_token_outlasts_it(shop: Tenant):
    held = connected(shop)
    for day in (29, 58, 87):
        held = refreshed(held, now=NOW + day * DAY)
    end = NOW + 90 * DAY
    held = refreshed(held, now=end - 100)
    assert held.expires_in == 100
    assert works(held, now=end - 1)
    assert not works(held, now=end)
    with refused("invalid_grant"):
        refreshed(held, now=end)
    assert grant_of(held, now=end) is None


@pytest.mark.requirement("I5", "S13")
def test_a_refresh_of_somebody_who_left_gives_nothing_also_if_they_come_back(shop: Tenant):
    bob = new_user("bob")
    shop.join(bob)
    held = connected(shop, bob)
    row = TenantItem.get(keys.org_partition(shop.id), keys.member_sort(bob.user))
    row.delete()  # as after a removal that was cut short before its sweep
    with refused("invalid_grant"):
        refreshed(held)
    assert not works(held)
    shop.join(bob)
    with refused("invalid_grant"):
        refreshed(held)
    assert not works(held)


@pytest.mark.requirement("I5", "S13")
def test_a_refresh_for_a_project_that_is_gone_gives_nothing(shop: Tenant):
    held = connected(shop)
    row = TenantItem.get(keys.org_partition(shop.id), keys.project_sort(shop.project_id))
    row.state = "deleting"
    row.save()
    with refused("invalid_grant"):
        refreshed(held)


@pytest.mark.requirement("I5", "S10")
def test_a_refresh_that_meets_the_end_of_its_connection_gives_nothing(shop: Tenant):
    held = connected(shop)
    grant = grant_of(held)
    assert grant is not None
    with (
        meanwhile(lambda: grants.revoke_grant(grant.id, by=shop.member(shop.owner), now=NOW), at=2),
        refused("invalid_grant"),
    ):
        refreshed(held)
    assert grant_of(held) is None


@pytest.mark.requirement("S8")
def test_a_token_outlives_the_secret_that_signed_it(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    held = connected(shop)
    for secrets in ("aa" * 32 + "," + "5c" * 32, "aa" * 32):
        monkeypatch.setenv("SCRY_SECRETS", secrets)
        settings.current.cache_clear()
        held = refreshed(held)
        assert works(held)


# --- a lost answer is no theft ----------------------------------------------------------------------------------------


@on_engine
@pytest.mark.requirement("O15", "S9")
@pytest.mark.parametrize("name", PASSING)
def test_one_fault_on_the_way_to_the_store_costs_nobody_their_connection(shop: Tenant, name: str):
    def attempt(step: int) -> Injected:
        held = connected(shop)
        with injected(PASSING[name], at=step) as transport:
            after = refreshed(held)
        assert works(after)
        assert works(refreshed(after))
        return transport

    assert each_step(attempt) == 2


@pytest.mark.requirement("O15", "S9")
def test_a_lost_answer_is_no_theft_where_the_store_knows_no_request_again(shop: Tenant):
    """Moto runs a repeated transaction once more, as DynamoDB does after ten minutes: the nonce decides."""
    held = connected(shop)
    with injected(LOST_ANSWER, at=2) as transport:
        after = refreshed(held)
    assert transport.calls.count("TransactWriteItems") == 2
    assert works(after)
    assert works(refreshed(after))
    assert shop.log(action="grant.revoke") == []


@on_engine
@pytest.mark.requirement("I6")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_a_refresh_that_crashes_anywhere_is_done_or_not_done(shop: Tenant, crash):
    def attempt(step: int) -> Injected:
        held = connected(shop)
        with injected(crash, at=step) as transport, suppress(Crash):
            refreshed(held)
        grant = grant_of(held)
        assert grant is not None
        if grant.generation == 1:
            assert works(refreshed(held))
        else:
            with refused("invalid_grant"):
                refreshed(held)
        return transport

    assert each_step(attempt) == 2


# --- the replay window ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("O17")
def test_without_the_setting_there_is_no_window(shop: Tenant):
    held = connected(shop)
    refreshed(held)
    with refused("invalid_grant"):
        refreshed(held)
    assert grant_of(held) is None


@pytest.mark.requirement("O17")
def test_within_the_window_the_token_of_just_before_gives_the_same_successor(
    shop: Tenant, monkeypatch: pytest.MonkeyPatch
):
    allow_replays(monkeypatch, 10)
    held = connected(shop)
    after = refreshed(held)
    again = refreshed(held, now=NOW + 9)
    assert again.refresh_token == after.refresh_token
    assert again.access_token != after.access_token
    assert [works(each, now=NOW + 9) for each in (held, after, again)] == [True] * 3
    assert works(refreshed(again, now=NOW + 9), now=NOW + 9)


@pytest.mark.requirement("O17", "S9")
def test_when_the_window_is_over_a_second_use_is_theft(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    allow_replays(monkeypatch, 10)
    held = connected(shop)
    after = refreshed(held)
    with refused("invalid_grant"):
        refreshed(held, now=NOW + 10)
    assert not works(after, now=NOW + 10)


@pytest.mark.requirement("O17", "S9")
def test_the_window_closes_when_the_successor_is_used(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    allow_replays(monkeypatch, 60)
    held = connected(shop)
    newest = refreshed(refreshed(held))
    with refused("invalid_grant"):
        refreshed(held)
    assert not works(newest)


@pytest.mark.requirement("O17", "S9")
def test_the_successor_that_is_used_between_the_look_and_the_write_closes_it_too(
    shop: Tenant, monkeypatch: pytest.MonkeyPatch
):
    allow_replays(monkeypatch, 60)
    held = connected(shop)
    after = refreshed(held)
    with meanwhile(lambda: refreshed(after), at=2), refused("invalid_grant"):
        refreshed(held)
    assert grant_of(held) is None


@pytest.mark.requirement("O17")
def test_in_the_window_all_else_must_be_right_too(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    allow_replays(monkeypatch, 60)
    held = connected(shop)
    after = refreshed(held)
    for changed, error in (
        ({"client_id": "https://other.example/oauth.json"}, "invalid_grant"),
        ({"scope": "events:write"}, "invalid_scope"),
        ({"resource": RESOURCE + "2"}, "invalid_target"),
    ):
        with refused(error):
            refreshed(held, **changed)
    assert works(after)
    assert works(refreshed(held))


@pytest.mark.requirement("O17")
def test_the_window_survives_a_new_secret_for_signing(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    allow_replays(monkeypatch, 60)
    held = connected(shop)
    after = refreshed(held)
    monkeypatch.setenv("SCRY_SECRETS", "aa" * 32 + "," + "5c" * 32)
    settings.current.cache_clear()
    assert refreshed(held).refresh_token == after.refresh_token


@pytest.mark.requirement("S11", "I10")
def test_what_is_issued_says_nothing_of_itself(shop: Tenant):
    held = connected(shop)
    for text in (repr(held), str(held), repr(tokens.authenticated(held.access_token, now=NOW))):
        assert held.access_token not in text
        assert held.refresh_token not in text
    assert isinstance(held, Issued)

"""Many at once: of one code and of one refresh token at most one lineage lives, whatever the order (I7)."""

import pytest

from chalicelib.identity import grants
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.tokens import Issued
from chalicelib.storage.errors import StoreUnavailable
from tests.oauth.granting import allow_replays, code, connected, grant_of, redeemed, refreshed, refused, works
from tests.tenancy.world import NOW, Tenant, at_once, on_engine

MANY = 20


def check_losers(outcomes: list[Issued | Exception]) -> None:
    """Whoever got no tokens was told why: too late, or that the store was too busy to say."""
    lost = [each for each in outcomes if not isinstance(each, Issued)]
    assert all(isinstance(each, OAuthError | StoreUnavailable) for each in lost), lost
    assert {each.code for each in lost if isinstance(each, OAuthError)} <= {"invalid_grant"}


@on_engine
@pytest.mark.requirement("S2", "O13", "I7")
@pytest.mark.parametrize("round_", range(3))
def test_of_twenty_redemptions_of_one_code_one_succeeds_and_its_tokens_are_dead_after(shop: Tenant, round_: int):
    """The others have the code and its verifier too: they are replays, and what the winner got ends by them."""
    text = code(shop)
    outcomes = at_once([lambda: redeemed(text)] * MANY)
    check_losers(outcomes)
    [won] = [each for each in outcomes if isinstance(each, Issued)]
    assert not works(won)
    assert grant_of(won) is None
    with refused("invalid_grant"):
        refreshed(won)
    assert grants.grants_of_project(shop.id, shop.project_id, now=NOW) == []
    assert len(shop.log(action="grant.create")) == 1
    assert len(shop.log(action="grant.revoke")) == 1


@pytest.mark.requirement("S2", "O13", "I7")
@pytest.mark.parametrize("store", ["moto"], indirect=True)
def test_of_twenty_redemptions_one_after_the_other_one_succeeds(shop: Tenant):
    """Moto is not meant for threads."""
    text = code(shop)
    held = redeemed(text)
    for _ in range(MANY - 1):
        with refused("invalid_grant"):
            redeemed(text)
    assert not works(held)


@on_engine
@pytest.mark.requirement("O13", "S2")
def test_redemptions_without_the_verifier_cannot_spoil_the_one_that_has_it(shop: Tenant):
    text = code(shop)
    wrong = [lambda: redeemed(text, verifier="w" * 43)] * (MANY - 1)
    outcomes = at_once([*wrong, lambda: redeemed(text)])
    [won] = [each for each in outcomes if isinstance(each, Issued)]
    assert works(won)
    assert works(refreshed(won))


@on_engine
@pytest.mark.requirement("S9", "O15", "I7")
@pytest.mark.parametrize("round_", range(3))
def test_of_twenty_refreshes_at_once_at_most_one_lineage_lives(shop: Tenant, round_: int):
    held = connected(shop)
    outcomes = at_once([lambda: refreshed(held)] * MANY)
    check_losers(outcomes)
    won = [each for each in outcomes if isinstance(each, Issued)]
    assert len(won) <= 1
    assert not any(works(each) for each in (held, *won)), "somebody used it twice"
    assert grant_of(held) is None
    assert len(shop.log(action="grant.revoke")) == 1


@on_engine
@pytest.mark.requirement("S9", "I7")
def test_a_thief_and_an_owner_at_once_both_lose(shop: Tenant):
    for _ in range(5):
        held = connected(shop)
        outcomes = at_once([lambda held=held: refreshed(held)] * 2)
        check_losers(outcomes)
        assert len([each for each in outcomes if isinstance(each, Issued)]) <= 1
        assert grant_of(held) is None


@on_engine
@pytest.mark.requirement("O17", "I7")
def test_within_the_replay_window_all_of_twenty_get_one_successor(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    allow_replays(monkeypatch, 10)
    held = connected(shop)
    outcomes = at_once([lambda: refreshed(held)] * MANY)
    won = [each for each in outcomes if isinstance(each, Issued)]
    assert all(isinstance(each, Issued | StoreUnavailable) for each in outcomes)
    assert len({each.refresh_token for each in won}) == 1
    assert len({each.access_token for each in won}) == len(won)
    assert all(works(each) for each in won)
    assert works(refreshed(won[0]))


@on_engine
@pytest.mark.requirement("I5", "I7", "S10", "V15.4.2")
def test_a_refresh_that_races_the_end_of_its_connection_never_outlives_it(shop: Tenant):
    by = shop.member(shop.owner)
    for _ in range(5):
        held = connected(shop)
        grant = grant_of(held)
        assert grant is not None
        outcomes = at_once(
            [
                lambda grant=grant: grants.revoke_grant(grant.id, by=by, now=NOW),
                *[lambda held=held: refreshed(held)] * 3,
            ]
        )
        assert grant_of(held) is None
        assert not any(works(each) for each in outcomes if isinstance(each, Issued))

"""Revocation by the client itself: an access token alone, or the whole connection with a refresh token."""

import pytest

from chalicelib.oauth import revocation
from tests.oauth.granting import CLIENT, code, connected, grant_of, redeemed, refreshed, refused, works
from tests.tenancy.world import NOW, Tenant, everything

OTHER = "https://other.example/oauth.json"


def revoke(token: str, client_id: str = CLIENT) -> None:
    revocation.revoke(token, client_id=client_id, now=NOW)


@pytest.mark.requirement("O19", "I5")
def test_a_refresh_token_that_is_given_back_ends_the_connection(shop: Tenant):
    held, other = connected(shop), connected(shop)
    revoke(held.refresh_token)
    assert not works(held)
    with refused("invalid_grant"):
        refreshed(held)
    assert works(refreshed(other))
    [entry] = shop.log(action="grant.revoke")
    assert entry.after == {"why": "the app gave it back"}


@pytest.mark.requirement("O19")
def test_an_old_refresh_token_ends_it_too(shop: Tenant):
    held = connected(shop)
    newest = refreshed(held)
    revoke(held.refresh_token)
    assert not works(newest)


@pytest.mark.requirement("O19", "I5")
def test_an_access_token_that_is_given_back_ends_alone(shop: Tenant):
    held = connected(shop)
    after = refreshed(held)
    revoke(held.access_token)
    assert (works(held), works(after)) == (False, True)
    assert works(refreshed(after))


@pytest.mark.requirement("O19")
def test_what_is_no_token_or_none_any_more_is_no_error(shop: Tenant):
    held = connected(shop)
    revoke(held.refresh_token)
    before = everything()
    for text in (held.refresh_token, held.access_token, "", "x", "scry_at_" + "A" * 59, "scry_rt_" + "A" * 86):
        revoke(text)
        revoke(text, client_id=OTHER)
    assert everything() == before


@pytest.mark.requirement("O19")
def test_another_client_ends_nothing(shop: Tenant):
    held = connected(shop)
    before = everything()
    for text in (held.refresh_token, held.access_token):
        with refused("invalid_grant"):
            revoke(text, client_id=OTHER)
    assert everything() == before
    assert works(held)


@pytest.mark.requirement("O19")
def test_a_code_is_no_token_and_goes_on(shop: Tenant):
    text = code(shop)
    revoke(text)
    held = redeemed(text)
    assert grant_of(held) is not None

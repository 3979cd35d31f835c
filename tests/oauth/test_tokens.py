"""Access tokens: what they give, for an hour, and the last minute in which one request in ten seconds is refused."""

from collections.abc import Callable

import pytest

from chalicelib.identity import grants, members
from chalicelib.identity.permissions import Role
from chalicelib.oauth import tokens
from chalicelib.oauth.bearers import ACCESS_TOKEN, CODE, bearer, new_bearer
from chalicelib.oauth.errors import TokenRefused
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests.faults import LOST_ANSWER, NO_ANSWER, THROTTLED, counted, injected
from tests.oauth.granting import code, connected, grant_of, refreshed, works
from tests.tenancy.world import NOW, Tenant, at_once, everything, new_user, on_engine

LEASE = range(3_540, 3_600)


@pytest.mark.requirement("S13", "O16")
def test_a_token_works_for_an_hour_and_says_a_minute_less(shop: Tenant):
    held = connected(shop)
    assert held.expires_in == 3_540
    assert works(held, now=NOW)
    assert works(held, now=NOW + 3_539)
    for age in (3_600, 3_601, 86_400):
        assert not works(held, now=NOW + age)


@pytest.mark.requirement("O16")
def test_before_its_last_minute_a_token_is_never_refused_and_nothing_is_written(shop: Tenant):
    held = connected(shop)
    with counted() as transport:
        assert all(works(held, now=NOW + 3_539) for _ in range(5))
    assert set(transport.calls) == {"GetItem"}


@pytest.mark.requirement("O16")
def test_in_its_last_minute_one_request_in_ten_seconds_is_refused(shop: Tenant):
    held = connected(shop)
    served = {age: [works(held, now=NOW + age) for _ in range(4)] for age in LEASE}
    refused = [age for age, answers in served.items() if not all(answers)]
    assert refused == [3_540, 3_550, 3_560, 3_570, 3_580, 3_590]
    assert all(answers.count(False) <= 1 for answers in served.values())


@on_engine
@pytest.mark.requirement("O16")
def test_of_many_requests_at_once_in_its_last_minute_exactly_one_is_refused(shop: Tenant):
    held = connected(shop)
    for age in (3_540, 3_555, 3_599):
        at = NOW + age
        served = at_once([lambda at=at: works(held, now=at)] * 20)
        assert served.count(False) == 1, age
        assert served.count(True) == 19, age
    assert at_once([lambda: works(held, now=NOW + 3_600)] * 20) == [False] * 20


@on_engine
@pytest.mark.requirement("O16", "S9")
def test_eight_calls_that_meet_the_last_minute_together_all_get_their_answer(shop: Tenant):
    """The one that is refused refreshes alone; strict rotation would end the connection of eight that do so at once."""
    held, at = connected(shop), NOW + 3_545

    def call() -> bool:
        if works(held, now=at):
            return True
        return works(refreshed(held, now=at), now=at)

    assert at_once([call] * 8) == [True] * 8
    assert grant_of(held, now=at) is not None


@pytest.mark.requirement("O16")
@pytest.mark.parametrize("fault", [THROTTLED, NO_ANSWER])
def test_where_the_turn_cannot_be_taken_the_request_is_served(shop: Tenant, fault):
    held = connected(shop)
    with injected(fault, at=4, lasting=True) as transport:
        assert works(held, now=NOW + 3_550)
    assert transport.met


@on_engine
@pytest.mark.requirement("O16")
def test_a_lost_answer_refuses_no_second_request(shop: Tenant):
    held = connected(shop)
    with injected(LOST_ANSWER, at=4):
        first = works(held, now=NOW + 3_550)
    assert [first, works(held, now=NOW + 3_550), works(held, now=NOW + 3_559)] == [False, True, True]


CHANGES: dict[str, Callable[[str], str]] = {
    "its last character": lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
    "its secret": lambda text: text[:40] + ("A" if text[40] != "A" else "B") + text[41:],
    "its id": lambda text: text[:9] + ("A" if text[9] != "A" else "B") + text[10:],
    "padding": lambda text: text + "=",
    "space": lambda text: text + " ",
    "a line": lambda text: text + "\n",
    "its prefix": lambda text: text.removeprefix("scry_at_"),
    "the case": str.upper,
    "nothing left": lambda text: "",
    "what is no ASCII": lambda text: text[:-1] + "é",
}


@pytest.mark.requirement("S12", "O23")
@pytest.mark.parametrize("what", CHANGES)
def test_a_text_that_differs_in_anything_is_no_token(shop: Tenant, what: str):
    held = connected(shop)
    with pytest.raises(TokenRefused):
        tokens.authenticated(CHANGES[what](held.access_token), now=NOW)
    assert works(held)


@pytest.mark.requirement("O25")
def test_neither_a_code_nor_a_refresh_token_is_an_access_token(shop: Tenant):
    held, unspent = connected(shop), code(shop)
    for text in (held.refresh_token, unspent, unspent.replace("scry_ac_", "scry_at_")):
        with pytest.raises(TokenRefused):
            tokens.authenticated(text, now=NOW)


@pytest.mark.requirement("I5", "S10")
def test_a_token_ends_with_its_connection_at_once(shop: Tenant):
    held, other = connected(shop), connected(shop)
    grant = grant_of(held)
    assert grant is not None
    grants.revoke_grant(grant.id, by=shop.member(shop.owner), now=NOW)
    assert (works(held), works(other)) == (False, True)


@pytest.mark.requirement("I5", "S13")
def test_a_token_ends_with_the_membership_and_not_with_a_role(shop: Tenant):
    bob = new_user("bob")
    shop.join(bob)
    held = connected(shop, bob)
    shop.change_role(bob, Role.ADMIN, by=shop.owner)
    assert works(held)
    shop.remove(bob, by=shop.owner)
    assert not works(held)


@pytest.mark.requirement("I5", "S13")
def test_a_token_ends_with_the_membership_even_where_the_clean_up_was_cut_short(shop: Tenant):
    bob = new_user("bob")
    shop.join(bob)
    held = connected(shop, bob)
    TenantItem.get(keys.org_partition(shop.id), keys.member_sort(bob.user)).delete()
    assert not works(held)
    shop.join(bob)
    assert not works(held)
    assert members.membership(shop.id, bob.user) is not None


@pytest.mark.requirement("S6")
def test_a_token_says_nothing_of_the_project_and_cannot_be_moved(shop: Tenant):
    first, second = new_bearer(ACCESS_TOKEN), new_bearer(CODE)
    assert bearer(ACCESS_TOKEN, first.text) == first
    assert bearer(ACCESS_TOKEN, second.text) is None
    assert first.text not in repr(first)
    before = everything()
    with pytest.raises(TokenRefused):
        tokens.authenticated(first.text, now=NOW)
    assert everything() == before

"""Codes: redeemed once, by who asked for them, within a minute, for exactly what was approved."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from chalicelib.identity import grants, members
from chalicelib.identity.permissions import Role
from chalicelib.oauth import tokens
from chalicelib.oauth.bearers import CODE, bearer
from chalicelib.oauth.errors import OAuthError
from chalicelib.storage.items import item
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
from tests.oauth.granting import (
    CLIENT,
    REDIRECT,
    RESOURCE,
    approval,
    code,
    connected,
    grant_of,
    redeemed,
    refreshed,
    refused,
    works,
)
from tests.tenancy.world import NOW, Tenant, everything, new_user, on_engine, rows

DAY = 86_400

WRONG = {
    "another client": ({"client_id": "https://other.example/oauth.json"}, "invalid_grant"),
    "no client": ({"client_id": ""}, "invalid_grant"),
    "another redirect": ({"redirect_uri": REDIRECT + "/2"}, "invalid_grant"),
    "a redirect that differs in its case": ({"redirect_uri": REDIRECT.upper()}, "invalid_grant"),
    "no verifier": ({"verifier": ""}, "invalid_grant"),
    "a wrong verifier": ({"verifier": "w" * 43}, "invalid_grant"),
    "a short verifier": ({"verifier": "v" * 42}, "invalid_grant"),
    "a long verifier": ({"verifier": "v" * 129}, "invalid_grant"),
    "the resource of another project": ({"resource": RESOURCE + "2"}, "invalid_target"),
    "a wider resource": ({"resource": "http://127.0.0.1:8000/mcp"}, "invalid_target"),
    "a foreign resource": ({"resource": "https://evil.example/mcp"}, "invalid_target"),
}


@pytest.mark.requirement("S1", "S6", "S32")
def test_a_code_and_its_verifier_give_tokens_for_what_was_approved(shop: Tenant):
    held = connected(shop)
    access = tokens.authenticated(held.access_token, now=NOW)
    grant = access.grant
    assert access.scope == grant.scope == {"events:read"}
    assert (grant.org, grant.project, grant.user) == (shop.id, shop.project_id, shop.owner.user)
    assert (grant.client_id, grant.client_name, grant.client_host, grant.client_kind, grant.redirect_host) == (
        CLIENT, "Client", "client.example", "document", "client.example",
    )  # fmt: skip
    assert (grant.created_at, grant.expires_at, grant.idle_at) == (NOW, NOW + 90 * DAY, NOW + 30 * DAY)
    assert (held.expires_in, held.scope) == (3_540, "events:read")
    assert (len(held.access_token), len(held.refresh_token)) == (8 + 59, 8 + 86)


@pytest.mark.requirement("S2", "S4", "O12", "V10.4.6")
@pytest.mark.parametrize("what", WRONG)
def test_a_redemption_that_is_wrong_in_anything_is_refused_and_burns_nothing(shop: Tenant, what: str):
    changed, error = WRONG[what]
    text = code(shop)
    before = everything()
    with refused(error):
        redeemed(text, **changed)
    assert everything() == before
    assert works(redeemed(text))


@pytest.mark.requirement("S2")
@pytest.mark.parametrize("left_out", ["redirect_uri", "resource"])
def test_what_may_be_left_out_may_be_left_out(shop: Tenant, left_out: str):
    assert works(redeemed(code(shop), **{left_out: ""}))


@pytest.mark.requirement("O6")
def test_a_resource_may_be_written_in_other_ways(shop: Tenant):
    assert works(redeemed(code(shop), resource="HTTP://localhost:8000/mcp/acme/shop/"))
    assert works(redeemed(code(shop, resource="http://127.0.0.1:8000/mcp"), resource="http://127.0.0.1:8000/"))


@pytest.mark.requirement("S2", "V10.4.3")
def test_a_code_lives_for_a_minute(shop: Tenant):
    text = code(shop)
    with refused("invalid_grant"):
        redeemed(text, now=NOW + 60)
    assert works(redeemed(text, now=NOW + 59), now=NOW + 59)


@pytest.mark.requirement("S2", "I7", "V10.4.2")
@pytest.mark.parametrize("later", [0, 59, 61, 3_600, 40 * DAY, 90 * DAY - 1])
def test_a_second_redemption_fails_and_kills_what_the_first_gave_however_late_it_comes(shop: Tenant, later: int):
    text = code(shop)
    held = redeemed(text)
    other = connected(shop)
    for age in range(DAY, later, 20 * DAY):  # else it would have ended by itself
        held, other = refreshed(held, now=NOW + age), refreshed(other, now=NOW + age)
    at = NOW + later
    with refused("invalid_grant"):
        redeemed(text, now=at)
    assert grant_of(held, now=at) is None
    assert not works(held, now=at)
    with refused("invalid_grant"):
        refreshed(held, now=at)
    assert grant_of(other, now=at) is not None


@pytest.mark.requirement("S2")
@pytest.mark.parametrize("what", WRONG)
def test_a_second_redemption_that_is_wrong_in_anything_kills_nothing(shop: Tenant, what: str):
    changed, error = WRONG[what]
    text = code(shop)
    held = redeemed(text)
    with refused(error):
        redeemed(text, **changed)
    assert works(held)
    assert works(refreshed(held))


@pytest.mark.requirement("S2")
def test_a_spent_code_is_remembered_longer_than_anything_that_came_of_it_lives(shop: Tenant):
    text = code(shop)
    redeemed(text)
    known = bearer(CODE, text)
    assert known is not None
    stored = item(keys.TOKENS, keys.code_partition(known.id), keys.ONLY)
    assert stored is not None
    assert stored["t"].number == NOW + 90 * DAY + DAY


@pytest.mark.requirement("I7")
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text[:30] + ("A" if text[30] != "A" else "B") + text[31:],
        lambda text: text.replace("scry_ac_", "scry_at_"),
        lambda text: text + "=",
        lambda text: text[:-1],
        lambda text: "",
        lambda text: text + "\n",
        lambda text: "scry_ac_" + "\ud800" * 59,
    ],
)
def test_a_text_that_is_not_the_code_is_none(shop: Tenant, change: Callable[[str], str]):
    text = code(shop)
    before = everything()
    with refused("invalid_grant"):
        redeemed(change(text))
    assert everything() == before


@pytest.mark.requirement("I5", "S13")
def test_a_code_of_somebody_who_left_meanwhile_gives_nothing(shop: Tenant):
    bob = new_user("bob")
    shop.join(bob)
    text = code(shop, bob)
    shop.remove(bob, by=shop.owner)
    before = everything()
    with refused("invalid_grant"):
        redeemed(text)
    shop.join(bob)
    with refused("invalid_grant"):
        redeemed(text)  # they are a member again, by another joining
    assert not any("grant.create" in row for row in before)
    assert grants.grants_of_person(bob.user, now=NOW) == []


@pytest.mark.requirement("I5", "S13")
def test_who_leaves_between_the_check_and_the_write_leaves_no_connection(shop: Tenant):
    bob = new_user("bob")
    shop.join(bob)
    text = code(shop, bob)
    with (
        meanwhile(lambda: members.remove(bob.user, by=shop.member(shop.owner), now=NOW), at=2),
        refused("invalid_grant"),
    ):
        redeemed(text)
    assert rows(keys.GRANTS) == []


@pytest.mark.requirement("I5")
def test_a_new_role_changes_nothing_about_a_code(shop: Tenant):
    bob = new_user("bob")
    shop.join(bob)
    text = code(shop, bob)
    shop.change_role(bob, Role.ADMIN, by=shop.owner)
    assert works(redeemed(text))


@pytest.mark.requirement("S13")
def test_a_code_for_a_project_that_is_gone_gives_nothing(shop: Tenant):
    text = code(shop)
    row = TenantItem.get(keys.org_partition(shop.id), keys.project_sort(shop.project_id))
    row.state = "deleting"
    row.save()
    with refused("invalid_grant"):
        redeemed(text)
    assert rows(keys.GRANTS) == []


def test_the_audit_log_says_who_let_in_whom(shop: Tenant):
    held = connected(shop)
    [entry] = shop.log(action="grant.create")
    grant = grant_of(held)
    assert grant is not None
    assert (entry.actor.id, entry.target) == (shop.owner.user.hex(), grant.id.hex())
    assert entry.after == {
        "client": CLIENT, "name": "Client", "project": shop.project_id.hex(), "user": shop.owner.user.hex(),
        "scope": "events:read",
    }  # fmt: skip
    with suppress(OAuthError):
        refreshed(held, now=NOW + 1)
        refreshed(held, now=NOW + 1)
    [ended] = shop.log(action="grant.revoke")
    assert (ended.actor.kind, ended.target, ended.after) == (
        "system", grant.id.hex(), {"why": "a refresh token was used twice"},
    )  # fmt: skip


# --- faults -----------------------------------------------------------------------------------------------------------


@on_engine
@pytest.mark.requirement("S2", "I7")
@pytest.mark.parametrize("name", PASSING)
def test_one_fault_on_the_way_to_the_store_costs_nobody_their_code(shop: Tenant, name: str):
    """Not even a lost answer, after which our own second attempt meets a code that is spent: by us."""

    def attempt(step: int) -> Injected:
        text = code(shop)
        with injected(PASSING[name], at=step) as transport:
            held = redeemed(text)
        assert works(held)
        assert works(refreshed(held))
        return transport

    assert each_step(attempt) == 2


@pytest.mark.requirement("S2", "I7")
def test_a_lost_answer_is_no_second_use_where_the_store_knows_no_request_again(shop: Tenant):
    """Moto runs a repeated transaction once more, as DynamoDB does after ten minutes."""
    text = code(shop)
    with injected(LOST_ANSWER, at=2):
        held = redeemed(text)
    assert works(held)
    assert len(shop.log(action="grant.create")) == 1
    assert shop.log(action="grant.revoke") == []


@on_engine
@pytest.mark.requirement("I6", "S2")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_a_redemption_that_crashes_anywhere_is_not_half_done(shop: Tenant, crash):
    def attempt(step: int) -> Injected:
        text = code(shop)
        before = len(grants.grants_of_project(shop.id, shop.project_id, now=NOW))
        with injected(crash, at=step) as transport, suppress(Crash):
            redeemed(text)
        listed = grants.grants_of_project(shop.id, shop.project_id, now=NOW)
        assert {each.id for each in listed} == {
            each.id for each in grants.grants_of_person(shop.owner.user, now=NOW)
        }  # fmt: skip
        if len(listed) == before:
            assert works(redeemed(text))
        else:
            with refused("invalid_grant"):  # the answer is lost for good, so this is a second use
                redeemed(text)
            assert len(grants.grants_of_project(shop.id, shop.project_id, now=NOW)) == before
        return transport

    assert each_step(attempt) == 2


def test_what_was_approved_is_what_is_stored(shop: Tenant):
    wanted = approval(shop, client_name="", client_host="", client_kind="self-registered")
    held = connected(shop, client_name="", client_host="", client_kind="self-registered")
    grant = grant_of(held)
    assert grant is not None
    assert (grant.client_name, grant.client_host, grant.client_kind) == ("", "", wanted.client_kind)

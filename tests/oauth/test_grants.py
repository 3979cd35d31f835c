"""Connections: listed to who may see them, ended by who may end them, and with the membership that allowed them."""

import json
from contextlib import suppress

import pytest

from chalicelib.identity import activity, grants, members
from chalicelib.identity.activity import Call, calls_of, note_call
from chalicelib.identity.grants import Grant, GrantUnknown
from chalicelib.identity.membership import AuthorityLost, Operator
from chalicelib.identity.permissions import Role
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.users import User
from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage import audit
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests.faults import CRASH_AFTER, CRASH_BEFORE, NO_ANSWER, THROTTLED, Crash, Injected, each_step, injected
from tests.oauth.granting import connected, grant_of, works
from tests.tenancy.world import NOW, Tenant, at_once, everything, new_tenant, new_user, on_engine, rows

DAY = 86_400


def made(shop: Tenant, user: User | None = None, *, now: int = NOW) -> Grant:
    grant = grant_of(connected(shop, user, now=now), now=now)
    assert grant is not None
    return grant


def listed(shop: Tenant, *, now: int = NOW) -> list[Grant]:
    return grants.grants_of_project(shop.id, shop.project_id, now=now)


def left() -> list[str]:
    """What there is of connections besides their trails, which outlive them."""
    trails = tuple(partition[:1].hex() for partition in keys_of_trails())
    return [row for row in rows(keys.GRANTS) if not json.loads(row)["p"]["B"].startswith(trails)]


def keys_of_trails() -> tuple[bytes, bytes]:
    return keys.project_trail_partition(OrgId(b""), ProjectId(b"")), keys.person_trail_partition(UserId(b""))


@pytest.fixture
def bob(shop: Tenant) -> User:
    user = new_user("bob")
    shop.join(user)
    return user


@pytest.mark.requirement("S10")
def test_the_newest_stands_first_in_every_list(shop: Tenant, bob: User):
    old, new = made(shop, bob, now=NOW), made(shop, now=NOW + 1)
    assert listed(shop) == [new, old]
    assert grants.grants_of_person(bob.user, now=NOW) == [old]
    assert grants.grants_made_by(shop.id, shop.owner.user, now=NOW) == [new]


@pytest.mark.requirement("S10", "S13")
def test_what_ended_is_in_no_list(shop: Tenant, bob: User):
    made(shop, bob)
    assert listed(shop, now=NOW + 30 * DAY) == []
    grants.revoke_grant(made(shop).id, by=shop.member(shop.owner), now=NOW)
    TenantItem.get(keys.org_partition(shop.id), keys.member_sort(bob.user)).delete()
    assert listed(shop) == []
    assert grants.grants_of_person(bob.user, now=NOW) == []
    assert len(grants.grants_made_by(shop.id, bob.user, now=NOW)) == 1, "there is something left to sweep"


@pytest.mark.requirement("S10", "I5")
def test_everybody_ends_their_own_and_admins_end_all(shop: Tenant, bob: User):
    carol = new_user("carol")
    shop.join(carol, Role.ADMIN)
    theirs, mine, other = made(shop), made(shop, bob), made(shop, bob)
    with pytest.raises(RoleRefused):
        grants.revoke_grant(theirs.id, by=shop.member(bob), now=NOW)
    grants.revoke_grant(mine.id, by=shop.member(bob), now=NOW)
    assert listed(shop) == sorted([theirs, other], key=lambda each: each.id)
    grants.revoke_grant(theirs.id, by=shop.member(carol), now=NOW)
    grants.revoke_grant(other.id, by=Operator(), now=NOW)
    assert listed(shop) == []
    assert [entry.actor.kind for entry in shop.log(action="grant.revoke")] == ["operator", "person", "person"]


@pytest.mark.requirement("S10")
def test_what_has_ended_cannot_be_ended_again(shop: Tenant):
    grant, by = made(shop), shop.member(shop.owner)
    grants.revoke_grant(grant.id, by=by, now=NOW)
    before = everything()
    with pytest.raises(GrantUnknown):
        grants.revoke_grant(grant.id, by=by, now=NOW)
    with pytest.raises(GrantUnknown):
        grants.set_limit(grant.id, 5, by=by, now=NOW)
    grants.end_grant(grant, by=audit.SYSTEM, why="x", now=NOW)
    assert everything() == before


@pytest.mark.requirement("S29", "I4")
def test_nobody_ends_or_limits_connections_of_another_organisation(shop: Tenant):
    elsewhere = new_tenant("elsewhere", new_user("charlie"))
    grant, stranger = made(shop), elsewhere.member(elsewhere.owner)
    before = everything()
    with pytest.raises(GrantUnknown):
        grants.revoke_grant(grant.id, by=stranger, now=NOW)
    with pytest.raises(GrantUnknown):
        grants.set_limit(grant.id, 5, by=stranger, now=NOW)
    assert everything() == before


@pytest.mark.requirement("I5")
def test_who_was_removed_meanwhile_ends_nothing(shop: Tenant, bob: User):
    carol = new_user("carol")
    shop.join(carol, Role.ADMIN)
    grant, admin = made(shop, bob), shop.member(carol)
    shop.remove(carol, by=shop.owner)
    with pytest.raises(AuthorityLost):
        grants.revoke_grant(grant.id, by=admin, now=NOW)
    with pytest.raises(AuthorityLost):
        grants.set_limit(grant.id, 5, by=admin, now=NOW)
    assert listed(shop) == [grant]


@on_engine
@pytest.mark.requirement("I6")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_an_end_that_crashes_anywhere_is_not_half_done(shop: Tenant, crash):
    def attempt(step: int) -> Injected:
        held = connected(shop)
        grant = grant_of(held)
        assert grant is not None
        with injected(crash, at=step) as transport, suppress(Crash):
            grants.revoke_grant(grant.id, by=shop.member(shop.owner), now=NOW)
        assert works(held) == (grant in listed(shop)) == (grant in grants.grants_of_person(shop.owner.user, now=NOW))
        if works(held):
            grants.revoke_grant(grant.id, by=shop.member(shop.owner), now=NOW)
        assert left() == []
        return transport

    assert each_step(attempt) == 3


def test_a_limit_is_kept_and_told(shop: Tenant):
    grant = made(shop)
    assert grant.limit == 120
    grants.set_limit(grant.id, 7, by=shop.member(shop.owner), now=NOW)
    assert [each.limit for each in listed(shop)] == [7]
    [entry] = shop.log(action="grant.limit")
    assert (entry.target, entry.before, entry.after) == (grant.id.hex(), {"limit": 120}, {"limit": 7})
    for wrong in (0, -1, 1_001):
        with pytest.raises(AssertionError):
            grants.set_limit(grant.id, wrong, by=shop.member(shop.owner), now=NOW)


# --- with the membership ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("S13", "I5")
def test_a_removal_ends_the_connections_of_who_is_removed_and_shows_them_before(shop: Tenant, bob: User):
    theirs, other = connected(shop, bob), connected(shop)
    shown = members.belongings(shop.id, bob.user, now=NOW)
    assert shown.grants == [grant_of(theirs)]
    assert len(shown) == 1
    shop.remove(bob, by=shop.owner)
    assert (grant_of(theirs), works(theirs), works(other)) == (None, False, True)
    [entry] = shop.log(action="grant.revoke")
    assert entry.actor.id == shop.owner.user.hex()


@pytest.mark.requirement("S13", "I5")
def test_leaving_ends_ones_own(shop: Tenant, bob: User):
    held = connected(shop, bob)
    shop.remove(bob, by=bob)
    assert grant_of(held) is None


@on_engine
@pytest.mark.requirement("S13", "I6")
def test_a_removal_ends_more_connections_than_fit_into_one_change(shop: Tenant, bob: User):
    for _ in range(45):
        connected(shop, bob)
    other = made(shop)
    shop.remove(bob, by=shop.owner)
    assert len(left()) == 3, "what is left is the other's, and its twins"
    assert listed(shop) == [other]


@on_engine
@pytest.mark.requirement("S13", "I6")
def test_a_connection_that_is_made_while_its_maker_is_removed_is_not_left_behind(shop: Tenant):
    for number in range(6):
        user = new_user(f"user{number}")
        shop.join(user)
        at_once([lambda user=user: connected(shop, user), lambda user=user: shop.remove(user, by=shop.owner)])
        with suppress(members.MemberUnknown):
            shop.remove(user, by=shop.owner)  # sweeps what the first one could not see
        assert grants.grants_made_by(shop.id, user.user, now=NOW) == []


# --- activity ---------------------------------------------------------------------------------------------------------


def call(at: int, what: str = "search_events") -> Call:
    return Call(at * 1000, what, "ok", rows=3, took_ms=12)


@pytest.mark.requirement("O28")
def test_calls_are_listed_the_newest_first_and_only_so_many(shop: Tenant):
    grant, other = made(shop), made(shop)
    calls = [call(NOW + number, f"tool {number}") for number in range(5)]
    for each in calls:
        note_call(grant, each)
    assert calls_of(grant.id) == calls[::-1]
    assert calls_of(grant.id, limit=2) == calls[:2:-1]
    assert calls_of(other.id) == []


@pytest.mark.requirement("O28")
def test_calls_are_kept_for_thirty_days(shop: Tenant):
    grant = made(shop)
    note_call(grant, call(NOW))
    assert len(calls_of(grant.id, now=NOW + 30 * DAY - 1)) == 1
    assert calls_of(grant.id, now=NOW + 30 * DAY) == []


@pytest.mark.requirement("O28")
def test_a_long_name_is_cut(shop: Tenant):
    grant = made(shop)
    note_call(grant, call(NOW, "x" * 500))
    assert calls_of(grant.id)[0].what == "x" * 80


@pytest.mark.requirement("S10", "O28")
def test_the_last_use_is_noted_once_an_hour(shop: Tenant):
    grant = made(shop)
    for age, noted in ((0, 0), (3_599, 0), (3_600, 3_600), (3_700, 3_600)):
        note_call(grant, call(NOW + age))
        [grant] = listed(shop)
        assert grant.last_used_at == NOW + noted


@pytest.mark.requirement("I5")
def test_a_late_note_does_not_bring_a_connection_back(shop: Tenant):
    grant = made(shop)
    grants.revoke_grant(grant.id, by=shop.member(shop.owner), now=NOW)
    note_call(grant, call(NOW))
    assert grants.grant_by_id(grant.id, now=NOW) is None
    assert left() == [], "the call is not kept: whoever erases the connection has been there, perhaps"


@pytest.mark.requirement("O28", "I10")
@pytest.mark.parametrize("fault", [THROTTLED, NO_ANSWER])
def test_a_call_that_cannot_be_noted_costs_nothing_but_the_note(shop: Tenant, fault, caplog: pytest.LogCaptureFixture):
    held = connected(shop)
    grant = grant_of(held)
    assert grant is not None
    with injected(fault, lasting=True):
        activity.note_call(grant, call(NOW))
    assert grant.id.hex() in caplog.text
    assert held.access_token not in caplog.text
    assert calls_of(grant.id) == []


@pytest.mark.requirement("S11")
def test_what_is_known_of_a_refresh_token_is_not_shown(shop: Tenant):
    family = grants.family_by_id(made(shop).id, now=NOW)
    assert family is not None
    assert repr(family.digest) not in repr(family)
    assert repr(family.salt) not in repr(family)

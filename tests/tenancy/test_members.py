"""Members join, change, hand on, leave and are removed; what was theirs goes with them, and an owner always stays."""

from contextlib import suppress

import pytest

from chalicelib.identity import invitations, members
from chalicelib.identity.key_ring import keys_of
from chalicelib.identity.members import MemberUnknown, people_of
from chalicelib.identity.membership import AuthorityLost, membership, orgs_of
from chalicelib.identity.orgs import LastOwner
from chalicelib.identity.permissions import Role
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.users import User
from chalicelib.storage.tables import keys
from tests.faults import CRASH_AFTER, CRASH_BEFORE, Crash, Injected, each_step, injected, meanwhile
from tests.tenancy.world import NOW, Tenant, at_once, everything, new_tenant, new_user, on_engine, rows, works


def test_people_are_listed_as_they_joined_with_their_roles(acme: Tenant, charlie: User):
    acme.join(charlie, Role.ADMIN)
    found = people_of(acme.id)
    assert {(person.name, person.email, person.member.role) for person in found} == {
        ("Alice", "alice@example.com", Role.OWNER),
        ("Bob", "bob@example.com", Role.MEMBER),
        ("Charlie", "charlie@example.com", Role.ADMIN),
    }
    assert not any(person.second_factor for person in found)


def test_an_organisation_is_listed_for_its_members_and_nobody_else(acme: Tenant, bob: User, charlie: User):
    assert orgs_of(bob.user) == [acme.id]
    assert orgs_of(charlie.user) == []
    assert membership(acme.id, charlie.user) is None


@pytest.mark.requirement("I5")
def test_who_was_removed_is_no_member_any_more(acme: Tenant, alice: User, bob: User):
    acme.remove(bob, by=alice)
    assert membership(acme.id, bob.user) is None
    assert orgs_of(bob.user) == []
    with pytest.raises(MemberUnknown):
        acme.remove(bob, by=alice)


@pytest.mark.requirement("I5", "V8.3.3", "V15.4.2")
def test_who_lost_a_role_between_the_door_and_the_change_changes_nothing(
    acme: Tenant, alice: User, bob: User, charlie: User
):
    acme.join(charlie, Role.ADMIN)
    admin = acme.member(charlie)
    acme.change_role(charlie, Role.MEMBER, by=alice)
    before = everything()
    for act in (
        lambda: members.change_role(bob.user, Role.ADMIN, by=admin, now=NOW),
        lambda: members.remove(bob.user, by=admin, now=NOW),
        lambda: invitations.invite("dora@example.com", Role.ADMIN, by=admin, now=NOW),
    ):
        with pytest.raises(AuthorityLost):
            act()
    assert everything() == before


@pytest.mark.requirement("I5")
def test_who_was_removed_and_joined_again_has_no_power_from_before(acme: Tenant, alice: User, bob: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    before = acme.member(charlie)
    query, ingest = acme.key("query", by=charlie), acme.key("ingest", by=charlie)
    invited = invitations.invite("dora@example.com", Role.MEMBER, by=before, now=NOW)
    acme.remove(charlie, by=alice)
    acme.join(charlie, Role.ADMIN)
    assert not works(query)
    assert works(ingest)
    with pytest.raises(invitations.InvitationGone):
        invitations.opened(invited.token, now=NOW)
    with pytest.raises(AuthorityLost):
        members.remove(bob.user, by=before, now=NOW)


def test_a_removal_ends_query_keys_and_invitations_and_flags_ingest_keys(
    acme: Tenant, alice: User, bob: User, charlie: User
):
    acme.join(charlie, Role.ADMIN)
    query, ingest, kept = acme.key("query", by=charlie), acme.key("ingest", by=charlie), acme.key("query", by=alice)
    invitations.invite("dora@example.com", Role.MEMBER, by=acme.member(charlie), now=NOW)
    shown = members.belongings(acme.id, charlie.user, now=NOW)
    assert [key.key_id for key in shown.query_keys] == [query.key_id]
    assert [key.key_id for key in shown.ingest_keys] == [ingest.key_id]
    assert [invitation.email for invitation in shown.invitations] == ["dora@example.com"]

    acme.remove(charlie, by=alice)
    listed = {key.key_id: key for key in keys_of(acme.id, acme.project_id)}
    assert set(listed) == {ingest.key_id, kept.key_id}
    assert (listed[ingest.key_id].created_by, listed[ingest.key_id].flagged) == (alice.user, True)
    assert not listed[kept.key_id].flagged
    assert invitations.invitations_of(acme.id, now=NOW) == []
    assert works(ingest)
    assert works(kept)
    assert {"key.revoke", "key.flag", "invitation.revoke", "member.remove"} <= set(acme.actions())


@pytest.mark.requirement("V8.3.2")
@pytest.mark.parametrize("by_themselves", [False, True])
def test_after_a_removal_no_row_of_the_organisation_names_the_person(
    acme: Tenant, alice: User, charlie: User, by_themselves: bool
):
    acme.join(charlie, Role.ADMIN)
    acme.key("query", by=charlie)
    acme.key("ingest", by=charlie)
    invitations.invite("dora@example.com", Role.MEMBER, by=acme.member(charlie), now=NOW)

    def naming() -> list[str]:
        user, org = charlie.user.hex(), acme.id.hex()
        return [
            row for table in (keys.TENANTS, keys.KEYS, keys.USERS) for row in rows(table) if user in row and org in row
        ]

    assert len(naming()) == 6
    acme.remove(charlie, by=charlie if by_themselves else alice)
    assert naming() == []


@pytest.mark.requirement("S31")
def test_the_last_owner_cannot_leave_be_removed_or_be_demoted(acme: Tenant, alice: User, bob: User):
    for act in (
        lambda: acme.remove(alice, by=alice),
        lambda: acme.change_role(alice, Role.MEMBER, by=alice),
    ):
        with pytest.raises(LastOwner):
            act()
    acme.change_role(bob, Role.ADMIN, by=alice)
    for act in (lambda: acme.remove(alice, by=bob), lambda: acme.change_role(alice, Role.MEMBER, by=bob)):
        with pytest.raises(RoleRefused):
            act()
    assert acme.role(alice) is Role.OWNER


@pytest.mark.requirement("S31", "V2.3.4", "V15.4.2")
@pytest.mark.engine
def test_of_fifty_owners_that_go_at_once_one_stays(engine_store: None):
    owners = [new_user(f"owner{number}") for number in range(50)]
    tenant = new_tenant("many", owners[0])
    for owner in owners[1:]:
        tenant.join(owner, Role.OWNER)
    acts = [
        (lambda owner=owner: tenant.remove(owner, by=owner))
        if number % 2
        else (lambda owner=owner: tenant.change_role(owner, Role.MEMBER, by=owner))
        for number, owner in enumerate(owners)
    ]
    outcomes = at_once(acts)
    left = [person for person in people_of(tenant.id) if person.member.role is Role.OWNER]
    assert len(left) == 1
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [LastOwner]


@on_engine
@pytest.mark.requirement("S31")
def test_two_owners_that_unmake_each_other_at_once_leave_one(acme: Tenant, alice: User, charlie: User):
    acme.join(charlie, Role.OWNER)
    both = acme.member(alice), acme.member(charlie)
    at_once(
        [
            lambda: members.change_role(charlie.user, Role.MEMBER, by=both[0], now=NOW),
            lambda: members.change_role(alice.user, Role.MEMBER, by=both[1], now=NOW),
        ]
    )
    assert sorted([acme.role(alice), acme.role(charlie)]) == [Role.MEMBER, Role.OWNER]


def test_ownership_is_handed_on_in_one_step(acme: Tenant, alice: User, bob: User):
    members.transfer_ownership(bob.user, by=acme.member(alice), now=NOW)
    assert (acme.role(alice), acme.role(bob)) == (Role.ADMIN, Role.OWNER)
    with pytest.raises(LastOwner):
        acme.remove(bob, by=bob)
    with pytest.raises(RoleRefused):
        members.transfer_ownership(alice.user, by=acme.member(alice), now=NOW)


def test_ownership_handed_to_another_owner_leaves_one(acme: Tenant, alice: User, charlie: User):
    acme.join(charlie, Role.OWNER)
    members.transfer_ownership(charlie.user, by=acme.member(alice), now=NOW)
    assert (acme.role(alice), acme.role(charlie)) == (Role.ADMIN, Role.OWNER)
    with pytest.raises(LastOwner):
        acme.change_role(charlie, Role.ADMIN, by=charlie)


def test_nobody_hands_the_organisation_to_a_stranger_or_to_themselves(acme: Tenant, alice: User, charlie: User):
    with pytest.raises(MemberUnknown):
        members.transfer_ownership(charlie.user, by=acme.member(alice), now=NOW)
    with pytest.raises(RoleRefused):
        members.transfer_ownership(alice.user, by=acme.member(alice), now=NOW)


@on_engine
@pytest.mark.requirement("I7")
def test_of_many_transfers_at_once_one_happens(acme: Tenant, alice: User, bob: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    owner = acme.member(alice)
    at_once([lambda to=to: members.transfer_ownership(to.user, by=owner, now=NOW) for to in (bob, charlie) * 4])
    roles = [acme.role(user) for user in (alice, bob, charlie)]
    assert roles.count(Role.OWNER) == 1
    assert acme.role(alice) is Role.ADMIN


def test_a_key_made_while_its_maker_is_removed_does_not_outlive_them(acme: Tenant, alice: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    made = []
    with meanwhile(lambda: made.append(acme.key("query", by=charlie)), at=5):
        acme.remove(charlie, by=alice)
    assert len(made) == 1
    assert not works(made[0])
    assert keys_of(acme.id, acme.project_id) == []


@on_engine
def test_more_than_fits_into_one_change_is_ended_all_the_same(acme: Tenant, alice: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    made = [acme.key("query", by=charlie) for _ in range(40)]
    acme.remove(charlie, by=alice)
    assert keys_of(acme.id, acme.project_id) == []
    assert not any(works(key) for key in made)


@on_engine
@pytest.mark.requirement("I6", "V2.3.3")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_a_removal_that_crashes_anywhere_is_not_half_done(acme: Tenant, alice: User, crash):
    number = 0

    def attempt(step: int) -> Injected:
        nonlocal number
        number += 1
        user = new_user(f"user{number}")
        acme.join(user, Role.ADMIN)
        query, ingest = acme.key("query", by=user), acme.key("ingest", by=user)
        by = acme.member(alice)
        with injected(crash, at=step) as transport, suppress(Crash):
            members.remove(user.user, by=by, now=NOW)
        removed = membership(acme.id, user.user) is None
        assert (orgs_of(user.user) == []) == removed
        assert works(query) == (not removed)
        assert works(ingest)
        assert acme.listed(ingest).flagged == removed
        return transport

    assert each_step(attempt) >= 4

"""Invitations: for one address, once, for a week, and as good as whoever made them."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from hashlib import sha256

import pytest

from chalicelib.identity.invitations import (
    ID_BYTES,
    LIFETIME,
    InvitationGone,
    InvitedSomebodyElse,
    accept,
    invitations_of,
    invite,
    opened,
    revoke_invitation,
)
from chalicelib.identity.membership import AlreadyMember, membership
from chalicelib.identity.permissions import Role
from chalicelib.identity.roles import OVER, RoleRefused
from chalicelib.identity.users import EmailRefused, User
from tests.faults import CRASH_AFTER, CRASH_BEFORE, LOST_ANSWER, Crash, Injected, each_step, injected
from tests.tenancy.world import NOW, Tenant, at_once, everything, new_user, on_engine


def test_who_accepts_is_a_member_in_the_role_that_was_offered(acme: Tenant, alice: User, charlie: User):
    invited = invite("Charlie@Example.COM", Role.ADMIN, by=acme.member(alice), now=NOW)
    assert opened(invited.token, now=NOW).invitation.role is Role.ADMIN
    member = accept(invited.token, charlie, now=NOW)
    assert member == acme.member(charlie)
    assert member.role is Role.ADMIN
    assert invitations_of(acme.id, now=NOW) == []


@on_engine
@pytest.mark.requirement("I7", "V2.3.4")
@pytest.mark.parametrize("role", [Role.MEMBER, Role.OWNER])
def test_an_invitation_is_accepted_once_under_any_race(acme: Tenant, alice: User, charlie: User, role: Role):
    invited = invite(charlie.email, role, by=acme.member(alice), now=NOW)
    outcomes = at_once([lambda: accept(invited.token, charlie, now=NOW)] * 8)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert {type(each) for each in outcomes if isinstance(each, Exception)} <= {InvitationGone, AlreadyMember}
    with pytest.raises(InvitationGone):
        accept(invited.token, charlie, now=NOW)
    assert [entry.target for entry in acme.log(action="member.join", actor=charlie.user.hex())] == [charlie.user.hex()]


def test_an_invitation_is_for_its_address_alone(acme: Tenant, alice: User, charlie: User):
    invited = invite("dora@example.com", Role.MEMBER, by=acme.member(alice), now=NOW)
    with pytest.raises(InvitedSomebodyElse):
        accept(invited.token, charlie, now=NOW)
    assert membership(acme.id, charlie.user) is None
    accept(invited.token, new_user("dora"), now=NOW)


def test_an_invitation_ends_by_the_readers_clock(acme: Tenant, alice: User, charlie: User):
    invited = invite(charlie.email, Role.MEMBER, by=acme.member(alice), now=NOW)
    opened(invited.token, now=NOW + LIFETIME - 1)
    with pytest.raises(InvitationGone):
        accept(invited.token, charlie, now=NOW + LIFETIME)
    assert invitations_of(acme.id, now=NOW + LIFETIME) == []


@pytest.mark.requirement("I5")
def test_a_revoked_invitation_is_gone_at_once(acme: Tenant, alice: User, charlie: User):
    invited = invite(charlie.email, Role.MEMBER, by=acme.member(alice), now=NOW)
    revoke_invitation(invited.invitation, by=acme.member(alice), now=NOW)
    with pytest.raises(InvitationGone):
        accept(invited.token, charlie, now=NOW)
    with pytest.raises(InvitationGone):
        revoke_invitation(invited.invitation, by=acme.member(alice), now=NOW)


def test_a_second_invitation_to_an_address_replaces_the_first(acme: Tenant, alice: User, charlie: User):
    first, second = (invite(charlie.email, Role.MEMBER, by=acme.member(alice), now=NOW) for _ in range(2))
    with pytest.raises(InvitationGone):
        opened(first.token, now=NOW)
    assert [each.id for each in invitations_of(acme.id, now=NOW)] == [second.invitation.id]


def test_members_and_what_is_no_address_are_not_invited(acme: Tenant, alice: User, bob: User):
    for address, refusal in (
        (bob.email, AlreadyMember),
        ("no address", EmailRefused),
        ("a@b.c\r\nBcc: x@y.z", EmailRefused),
    ):
        with pytest.raises(refusal):
            invite(address, Role.MEMBER, by=acme.member(alice), now=NOW)


@pytest.mark.requirement("S31")
@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("by", list(Role))
def test_nobody_invites_into_a_role_that_they_are_not_over(acme: Tenant, charlie: User, by: Role, role: Role):
    acme.join(charlie, by)
    if role in OVER[by]:
        invite("dora@example.com", role, by=acme.member(charlie), now=NOW)
    else:
        with pytest.raises(RoleRefused):
            invite("dora@example.com", role, by=acme.member(charlie), now=NOW)


@pytest.mark.requirement("S31", "I5")
def test_an_invitation_is_no_better_than_its_makers_role_is_now(acme: Tenant, alice: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    dora = new_user("dora")
    invited = invite(dora.email, Role.ADMIN, by=acme.member(charlie), now=NOW)
    acme.change_role(charlie, Role.MEMBER, by=alice)
    with pytest.raises(InvitationGone):
        accept(invited.token, dora, now=NOW)


@pytest.mark.requirement("S11")
def test_the_store_has_no_token(acme: Tenant, alice: User):
    invited = invite("dora@example.com", Role.MEMBER, by=acme.member(alice), now=NOW)
    stored = "".join(everything())
    secret = urlsafe_b64decode(invited.token)[ID_BYTES:]
    assert invited.token not in stored
    assert secret.hex() not in stored
    assert sha256(secret).hexdigest() in stored
    assert invited.token not in repr(invited)


def test_a_token_that_nobody_was_given_opens_nothing(acme: Tenant, alice: User):
    token = invite("dora@example.com", Role.MEMBER, by=acme.member(alice), now=NOW).token
    forged = urlsafe_b64encode(urlsafe_b64decode(token)[:ID_BYTES] + secrets.token_bytes(32)).decode()
    for presented in ("", "x", "é", token[:-4], token + "AAAA", forged, urlsafe_b64encode(bytes(45)).decode()):
        with pytest.raises(InvitationGone):
            opened(presented, now=NOW)


@on_engine
@pytest.mark.requirement("I6", "V2.3.3")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_an_acceptance_that_crashes_anywhere_is_not_half_done(acme: Tenant, alice: User, crash):
    number = 0

    def attempt(step: int) -> Injected:
        nonlocal number
        number += 1
        user = new_user(f"user{number}")
        token = invite(user.email, Role.MEMBER, by=acme.member(alice), now=NOW).token
        with injected(crash, at=step) as transport, suppress(Crash):
            accept(token, user, now=NOW)
        joined = membership(acme.id, user.user) is not None
        if joined:
            with pytest.raises(InvitationGone):
                opened(token, now=NOW)
        else:
            accept(token, user, now=NOW)
        return transport

    assert each_step(attempt) == 3


@pytest.mark.requirement("I7")
def test_an_acceptance_whose_answer_was_lost_is_known_for_ones_own(acme: Tenant, alice: User, charlie: User):
    token = invite(charlie.email, Role.MEMBER, by=acme.member(alice), now=NOW).token
    with injected(LOST_ANSWER, at=3):
        accept(token, charlie, now=NOW)
    assert acme.role(charlie) is Role.MEMBER

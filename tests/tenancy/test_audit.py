"""The audit log: an entry for every change, with it or not at all; found by actor, action, target and time."""

import pytest

from chalicelib.identity import members
from chalicelib.identity.key_ring import relabel_key, revoke_key, rotate_key
from chalicelib.identity.permissions import Role
from chalicelib.identity.users import User
from chalicelib.storage import audit
from chalicelib.storage.audit import Filter
from chalicelib.storage.cursors import CursorRefused
from tests.tenancy.world import NOW, Tenant


def test_every_change_stands_in_the_log_with_who_and_what(acme: Tenant, alice: User, bob: User):
    acme.change_role(bob, Role.ADMIN, by=alice)
    (entry,) = acme.log(action="member.role")
    assert (entry.actor, entry.target, entry.at) == (audit.person(alice.user), bob.user.hex(), NOW)
    assert (entry.before, entry.after) == ({"role": "member"}, {"role": "admin"})


def test_what_members_do_is_named_by_what_they_did(acme: Tenant, alice: User, bob: User, charlie: User):
    key = acme.key("ingest")
    relabel_key(acme.listed(key), by=acme.member(alice), label="new", now=NOW)
    rotate_key(acme.listed(key), by=acme.member(alice), overlap_seconds=0, now=NOW)
    [rotated] = acme.log(action="key.rotate")
    assert (rotated.before, rotated.after["beside"], rotated.after["which_ends_at"]) == ({}, key.key_id, NOW)
    revoke_key(acme.listed(key), by=acme.member(alice), now=NOW)
    acme.join(charlie)
    acme.remove(charlie, by=charlie)
    members.transfer_ownership(bob.user, by=acme.member(alice), now=NOW)
    assert set(acme.actions()) == {
        "org.create", "project.create", "invitation.create", "member.join", "member.leave", "ownership.transfer",
        "key.create", "key.label", "key.rotate", "key.revoke",
    }  # fmt: skip


def test_entries_are_found_by_actor_action_target_and_time(acme: Tenant, alice: User, bob: User):
    early, late = acme.key("ingest", now=NOW - 100), acme.key("query", now=NOW + 100)

    def found(**wanted: object) -> list[str]:
        return [entry.target for entry in acme.log(**wanted)]

    assert found(action="key.create") == found(action="key") == [late.key_id, early.key_id]
    assert found(action="key", since=NOW) == [late.key_id]
    assert found(action="key", until=NOW) == [early.key_id]
    assert found(action="key", since=NOW - 100, until=NOW + 100) == [early.key_id]
    assert found(target=late.key_id) == [late.key_id]
    assert found(actor=bob.user.hex()) == [bob.user.hex()]
    assert found(action="ke") == found(actor="nobody") == found(since=NOW + 101) == found(until=-1) == []
    assert len(found(actor="person")) == len(acme.log())


def test_pages_hold_every_entry_once(acme: Tenant):
    for number in range(7):
        acme.key("ingest", now=NOW + number // 2)
    seen, cursor = [], None
    while True:
        page = audit.search(acme.id, Filter(action="key"), limit=3, cursor=cursor)
        seen += page.data
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == acme.log(action="key")
    assert len({entry.id for entry in seen}) == 7


def test_a_search_that_looked_at_enough_goes_on_with_a_cursor(acme: Tenant, monkeypatch: pytest.MonkeyPatch):
    acme.key("ingest", now=NOW + 1)
    acme.key("query", now=NOW + 2)
    monkeypatch.setattr(audit, "MOST_EXAMINED", 2)
    page = audit.search(acme.id, Filter(action="org.create"))
    assert page.data == []
    targets: list[str] = []
    while page.next_cursor:
        page = audit.search(acme.id, Filter(action="org.create"), cursor=page.next_cursor)
        targets += [entry.target for entry in page.data]
    assert targets == [acme.id.hex()]


@pytest.mark.requirement("S29", "I4")
def test_a_cursor_leads_nowhere_but_where_it_is_from(acme: Tenant, elsewhere: Tenant):
    cursor = audit.search(acme.id, Filter(), limit=1).next_cursor
    assert cursor is not None
    audit.search(acme.id, Filter(), cursor=cursor)
    changed = ("A" if cursor[-5] != "A" else "B").join((cursor[:-5], cursor[-4:]))
    for org, wanted, presented in (
        (elsewhere.id, Filter(), cursor),
        (acme.id, Filter(action="key"), cursor),
        (acme.id, Filter(), changed),
        (acme.id, Filter(), "é"),
        (acme.id, Filter(), "x" * 2_000),
    ):
        with pytest.raises(CursorRefused):
            audit.search(org, wanted, cursor=presented)


@pytest.mark.requirement("I4")
def test_a_log_says_nothing_of_another_organisation(acme: Tenant, elsewhere: Tenant):
    elsewhere.key("ingest", label="canary")
    assert "canary" not in repr(acme.log())
    assert {entry.action for entry in elsewhere.log()} == {"org.create", "project.create", "key.create"}


@pytest.mark.requirement("I10")
def test_a_log_holds_no_secret_and_no_whole_address(acme: Tenant, bob: User):
    key = acme.key("ingest")
    text = repr(acme.log())
    assert key.text[17:47] not in text
    assert bob.email not in text
    assert "b…@example.com" in text


def test_a_persons_own_log_is_a_log_of_its_own(acme: Tenant, alice: User, bob: User):
    (entry,) = audit.search_personal(alice.user, Filter()).data
    assert (entry.action, entry.target) == ("account.create", alice.user.hex())
    assert audit.search_personal(bob.user, Filter(target=alice.user.hex())).data == []

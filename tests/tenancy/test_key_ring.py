"""Keys: made, listed, used, rotated and revoked by members."""

from contextlib import suppress

import pytest

from chalicelib.identity.api_keys import authenticated, note_use
from chalicelib.identity.key_ring import (
    DAY,
    MOST_KEYS,
    KeyUnknown,
    ProjectGone,
    TooManyKeys,
    keys_of,
    relabel_key,
    revoke_key,
    rotate_key,
)
from chalicelib.identity.membership import AuthorityLost
from chalicelib.identity.names import NameRefused
from chalicelib.identity.permissions import Role
from chalicelib.identity.users import User
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests.faults import CRASH_AFTER, CRASH_BEFORE, NO_ANSWER, THROTTLED, Crash, Injected, counted, each_step, injected
from tests.tenancy.world import NOW, Tenant, at_once, everything, on_engine, works


@pytest.mark.requirement("S24")
def test_a_list_shows_what_may_be_shown_the_newest_first(acme: Tenant, alice: User):
    acme.key("ingest", label="shop servers", now=NOW)
    acme.key("query", label="grafana", now=NOW + 1, lifetime_days=30)
    newest, oldest = keys_of(acme.id, acme.project_id)
    assert (oldest.kind, oldest.label, oldest.created_by, oldest.expires_at) == (
        "ingest", "shop servers", alice.user, None,
    )  # fmt: skip
    assert (newest.kind, newest.created_at, newest.expires_at) == ("query", NOW + 1, NOW + 1 + 30 * DAY)
    assert oldest.last_used_at is None


@pytest.mark.requirement("S24")
def test_the_last_use_is_noted_once_an_hour(acme: Tenant):
    key = acme.key("ingest")

    def use(now: int) -> list[str]:
        found = authenticated(key.text, now=now)
        with counted() as transport:
            note_use(found, now=now)
        return transport.calls

    assert len(use(NOW)) == 1
    assert use(NOW + 3_599) == []
    assert acme.listed(key).last_used_at == NOW
    assert len(use(NOW + 3_600)) == 1
    assert acme.listed(key).last_used_at == NOW + 3_600


@on_engine
def test_of_many_first_uses_at_once_none_goes_wrong(acme: Tenant):
    key = acme.key("ingest")
    found = authenticated(key.text, now=NOW)
    assert at_once([lambda: note_use(found, now=NOW)] * 8) == [None] * 8
    assert acme.listed(key).last_used_at == NOW


@pytest.mark.parametrize("fault", [THROTTLED, NO_ANSWER])
def test_a_use_that_cannot_be_noted_costs_nothing_but_the_note(acme: Tenant, fault, caplog: pytest.LogCaptureFixture):
    key = acme.key("ingest")
    found = authenticated(key.text, now=NOW)
    with injected(fault, lasting=True):
        note_use(found, now=NOW)
    assert key.key_id in caplog.text
    assert key.text not in caplog.text
    assert acme.listed(key).last_used_at is None


@pytest.mark.requirement("I5")
def test_a_late_note_does_not_bring_a_revoked_key_back(acme: Tenant, alice: User):
    key = acme.key("ingest")
    found = authenticated(key.text, now=NOW)
    revoke_key(acme.listed(key), by=acme.member(alice), now=NOW)
    before = everything()
    note_use(found, now=NOW)
    assert everything() == before
    assert not works(key)


@pytest.mark.requirement("S26", "I5", "V8.3.2")
def test_a_revoked_key_is_refused_at_once_and_leaves_the_list(acme: Tenant, alice: User):
    key, other = acme.key("ingest"), acme.key("query")
    listed = acme.listed(key)
    revoke_key(listed, by=acme.member(alice), now=NOW)
    assert not works(key)
    assert works(other)
    assert [each.key_id for each in keys_of(acme.id, acme.project_id)] == [other.key_id]
    with pytest.raises(KeyUnknown):
        revoke_key(listed, by=acme.member(alice), now=NOW)
    with pytest.raises(KeyUnknown):
        rotate_key(listed, by=acme.member(alice), overlap_seconds=0, now=NOW)


@pytest.mark.requirement("S26")
def test_a_rotated_key_works_beside_the_new_one_until_the_overlap_ends(acme: Tenant, alice: User):
    old = acme.key("ingest", label="servers")
    new = rotate_key(acme.listed(old), by=acme.member(alice), overlap_seconds=DAY, now=NOW)
    assert works(old, now=NOW + DAY - 1)
    assert not works(old, now=NOW + DAY)
    assert works(new, now=NOW + DAY)
    assert (acme.listed(new).kind, acme.listed(new).label) == ("ingest", "servers")


@pytest.mark.requirement("S26")
def test_without_an_overlap_the_old_key_ends_at_once(acme: Tenant, alice: User):
    old = acme.key("query")
    new = rotate_key(acme.listed(old), by=acme.member(alice), overlap_seconds=0, now=NOW)
    assert (works(old), works(new)) == (False, True)


def test_an_overlap_does_not_lengthen_a_life(acme: Tenant, alice: User):
    old = acme.key("ingest", lifetime_days=1)
    rotate_key(acme.listed(old), by=acme.member(alice), overlap_seconds=7 * DAY, now=NOW)
    assert acme.listed(old).expires_at == NOW + DAY
    with pytest.raises(KeyUnknown):
        rotate_key(acme.listed(old), by=acme.member(alice), overlap_seconds=0, now=NOW + DAY)


@on_engine
@pytest.mark.requirement("I6", "V2.3.3")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_a_rotation_that_crashes_anywhere_is_not_half_done(acme: Tenant, alice: User, crash):
    def attempt(step: int) -> Injected:
        old = acme.key("ingest")
        listed, by = acme.listed(old), acme.member(alice)
        before = len(keys_of(acme.id, acme.project_id))
        with injected(crash, at=step) as transport, suppress(Crash):
            rotate_key(listed, by=by, overlap_seconds=60, now=NOW)
        after = len(keys_of(acme.id, acme.project_id))
        assert (acme.listed(old).expires_at is not None) == (after > before)
        return transport

    assert each_step(attempt) == 1


def test_a_label_is_changed_and_must_be_one_line(acme: Tenant, alice: User):
    key = acme.key("ingest")
    relabel_key(acme.listed(key), by=acme.member(alice), label="new", now=NOW)
    assert acme.listed(key).label == "new"
    for label in ("a\nb", "x" * 101, "\u202egnitset"):
        with pytest.raises(NameRefused):
            relabel_key(acme.listed(key), by=acme.member(alice), label=label, now=NOW)
        with pytest.raises(NameRefused):
            acme.key("ingest", label=label)


@pytest.mark.requirement("I5", "S26")
def test_a_query_key_ends_with_its_makers_membership_and_an_ingest_key_does_not(
    acme: Tenant, alice: User, charlie: User
):
    acme.join(charlie, Role.ADMIN)
    query, ingest = acme.key("query", by=charlie), acme.key("ingest", by=charlie)
    row = TenantItem.get(keys.org_partition(acme.id), keys.member_sort(charlie.user))
    row.delete()  # as after a removal that was cut short before its sweep
    assert not works(query)
    assert works(ingest)


@pytest.mark.requirement("I5")
def test_who_is_an_admin_no_longer_makes_and_ends_no_keys(acme: Tenant, alice: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    key, admin = acme.key("ingest"), acme.member(charlie)
    acme.change_role(charlie, Role.MEMBER, by=alice)
    before = everything()
    for act in (
        lambda: revoke_key(acme.listed(key), by=admin, now=NOW),
        lambda: rotate_key(acme.listed(key), by=admin, overlap_seconds=0, now=NOW),
        lambda: relabel_key(acme.listed(key), by=admin, label="x", now=NOW),
    ):
        with pytest.raises(AuthorityLost):
            act()
    assert everything() == before


@pytest.mark.requirement("S39")
def test_a_project_that_is_being_deleted_gets_no_keys(acme: Tenant):
    row = TenantItem.get(keys.org_partition(acme.id), keys.project_sort(acme.project_id))
    row.state = "deleting"
    row.save()
    with pytest.raises(ProjectGone):
        acme.key("ingest")


@pytest.mark.requirement("V2.3.2")
def test_a_project_has_so_many_keys_and_no_more(acme: Tenant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chalicelib.identity.key_ring.MOST_KEYS", 2)
    assert MOST_KEYS > 2
    acme.key("ingest")
    acme.key("query")
    with pytest.raises(TooManyKeys):
        acme.key("ingest")


@pytest.mark.requirement("S11", "S25")
def test_neither_the_store_nor_the_log_has_the_text_of_a_key(acme: Tenant, alice: User):
    old = acme.key("query")
    new = rotate_key(acme.listed(old), by=acme.member(alice), overlap_seconds=60, now=NOW)
    stored = "".join(everything())
    for key in (old, new):
        assert key.text[17:47] not in stored
        assert key.text not in repr(key)

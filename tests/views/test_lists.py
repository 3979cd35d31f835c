"""Views are saved for oneself or for everyone, under names of their own, as many as there may be, and end in time."""

from contextlib import suppress

import pytest

from chalicelib.identity import members, views
from chalicelib.identity.key_ring import ProjectGone
from chalicelib.identity.membership import AuthorityLost
from chalicelib.identity.names import NameRefused
from chalicelib.identity.permissions import Role
from chalicelib.identity.project_changes import NewProject, create_project
from chalicelib.identity.roles import RoleRefused
from chalicelib.identity.users import User
from chalicelib.identity.views import (
    Kind,
    NewView,
    TooManyViews,
    View,
    ViewNameTaken,
    Views,
    ViewsChanged,
    ViewUnknown,
)
from chalicelib.ids import ViewId
from chalicelib.storage.changes import Change, commit, when
from chalicelib.storage.tables import keys
from tests.faults import CRASH_AFTER, CRASH_BEFORE, Crash, Injected, each_step, injected, meanwhile
from tests.tenancy.world import NOW, Tenant, at_once, everything, new_tenant, on_engine, rows

STATE = "q=level:error&since=1h"


def save(tenant: Tenant, user: User, name: str, kind: Kind = "own", state: str = STATE) -> View:
    return views.save_view(tenant.project_id, kind, NewView(name, state), by=tenant.member(user), now=NOW)


def edit(tenant: Tenant, user: User, view: View, name: str, kind: Kind = "own", state: str = STATE) -> View:
    return views.edit_view(tenant.project_id, kind, view, NewView(name, state), by=tenant.member(user), now=NOW + 5)


def delete(tenant: Tenant, user: User, view: View, kind: Kind = "own") -> None:
    views.delete_view(tenant.project_id, kind, view, by=tenant.member(user), now=NOW + 9)


def seen(tenant: Tenant, user: User) -> Views:
    return views.views_of(tenant.member(user), tenant.project_id)


def names(tenant: Tenant, user: User) -> tuple[list[str], list[str]]:
    found = seen(tenant, user)
    return [each.name for each in found.own], [each.name for each in found.shared]


def test_ones_own_views_are_seen_by_oneself_and_shared_ones_by_all_members(acme: Tenant, alice: User, bob: User):
    save(acme, alice, "My errors")
    save(acme, bob, "checkout", "shared")
    save(acme, bob, "Bob's")
    assert names(acme, alice) == (["My errors"], ["checkout"])
    assert names(acme, bob) == (["Bob's"], ["checkout"])


def test_views_are_listed_by_name_in_any_case(acme: Tenant, bob: User):
    for name in ("beta", "Alpha", "gamma"):
        save(acme, bob, name)
    assert names(acme, bob)[0] == ["Alpha", "beta", "gamma"]


def test_a_view_is_kept_as_it_was_saved(acme: Tenant, bob: User):
    saved = save(acme, bob, "  Late   orders ", "shared", "q=%E2%82%AC&since=7d")
    assert (saved.name, saved.state, saved.created_at, saved.version) == ("Late orders", "q=%E2%82%AC&since=7d", NOW, 1)
    assert saved.user == bob.user
    assert seen(acme, bob).named(saved.id) == ("shared", saved)


def test_views_of_one_project_are_not_those_of_another(acme: Tenant, alice: User):
    save(acme, alice, "here", "shared")
    other = create_project(acme.id, NewProject("other", "Other", 30), by=acme.member(alice), now=NOW)
    assert views.views_of(acme.member(alice), other) == Views()


@pytest.mark.requirement("S29", "I4")
def test_views_of_one_organisation_are_unknown_in_another(acme: Tenant, bob: User, charlie: User):
    saved = save(acme, bob, "checkout", "shared")
    elsewhere = new_tenant("elsewhere", charlie)
    with pytest.raises(ViewUnknown):
        seen(elsewhere, charlie).named(saved.id)
    with pytest.raises(ViewUnknown):
        edit(elsewhere, charlie, replaced_maker(saved, elsewhere, charlie), "mine", "shared")
    assert names(acme, bob)[1] == ["checkout"]


def replaced_maker(view: View, tenant: Tenant, user: User) -> View:
    """A view as somebody might forge it to be theirs."""
    return View(
        id=view.id, name=view.name, state=view.state, created_at=view.created_at, changed_at=view.changed_at,
        user=user.user, membership=tenant.member(user).membership,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\nb", "\u202eabc", "\u200b"])
def test_a_name_has_1_to_80_visible_characters(acme: Tenant, bob: User, name: str):
    with pytest.raises(NameRefused):
        save(acme, bob, name)
    save(acme, bob, "x" * 80)


@pytest.mark.parametrize("kind", views.KINDS)
def test_two_views_of_a_list_never_have_one_name_in_whatever_case(acme: Tenant, bob: User, kind: Kind):
    first, second = save(acme, bob, "Straße", kind), save(acme, bob, "other", kind)
    with pytest.raises(ViewNameTaken, match="Straße"):
        save(acme, bob, "STRASSE", kind)
    with pytest.raises(ViewNameTaken):
        edit(acme, bob, second, "straße", kind)
    assert edit(acme, bob, first, "STRASSE", kind).name == "STRASSE", "a view may have its own name in another case"


def test_ones_own_view_may_be_called_as_a_shared_one(acme: Tenant, bob: User):
    save(acme, bob, "errors", "shared")
    save(acme, bob, "errors")
    assert names(acme, bob) == (["errors"], ["errors"])


def test_a_changed_view_says_since_when_and_how_often(acme: Tenant, bob: User):
    saved = save(acme, bob, "errors")
    changed = edit(acme, bob, saved, "warnings", state="q=level:warn&since=1h")
    assert seen(acme, bob).own == (changed,)
    assert (changed.id, changed.created_at, changed.changed_at, changed.version) == (saved.id, NOW, NOW + 5, 2)
    assert edit(acme, bob, changed, "warnings", state=changed.state) == changed, "the same again is no change"


def test_what_was_changed_or_deleted_meanwhile_is_not_changed_unseen(acme: Tenant, bob: User):
    saved = save(acme, bob, "errors")
    edit(acme, bob, saved, "warnings")
    for act in (lambda: edit(acme, bob, saved, "other"), lambda: delete(acme, bob, saved)):
        with pytest.raises(ViewsChanged):
            act()
    delete(acme, bob, seen(acme, bob).own[0])
    for act in (lambda: edit(acme, bob, saved, "other"), lambda: delete(acme, bob, saved)):
        with pytest.raises(ViewUnknown):
            act()


@pytest.mark.requirement("S30", "V8.2.1")
def test_a_shared_view_is_changed_by_who_made_it_and_by_admins(acme: Tenant, alice: User, bob: User, dora: User):
    saved = save(acme, bob, "checkout", "shared")
    for act in (lambda: edit(acme, dora, saved, "mine", "shared"), lambda: delete(acme, dora, saved, "shared")):
        with pytest.raises(RoleRefused):
            act()
    renamed = edit(acme, bob, saved, "Checkout errors", "shared")
    delete(acme, alice, renamed, "shared")
    assert names(acme, bob) == ([], [])


@pytest.mark.requirement("I5", "V8.3.3")
def test_who_lost_their_part_between_the_door_and_the_change_changes_nothing(acme: Tenant, alice: User, bob: User):
    before_role, saved = acme.member(bob), save(acme, bob, "checkout", "shared")
    acme.change_role(bob, Role.ADMIN, by=alice)
    stored = everything()
    for act in (
        lambda: views.save_view(acme.project_id, "own", NewView("x", STATE), by=before_role, now=NOW),
        lambda: views.edit_view(acme.project_id, "shared", saved, NewView("x", STATE), by=before_role, now=NOW),
        lambda: views.delete_view(acme.project_id, "shared", saved, by=before_role, now=NOW),
    ):
        with pytest.raises(AuthorityLost):
            act()
    assert everything() == stored


def test_nothing_is_saved_in_a_project_that_is_gone(acme: Tenant, bob: User):
    change = Change()
    change.update(
        keys.TENANTS, keys.org_partition(acme.id), keys.project_sort(acme.project_id), {"state": "deleted"},
        when("attribute_exists(p)", ProjectGone()),
    )  # fmt: skip
    commit(change)
    with pytest.raises(ProjectGone):
        save(acme, bob, "errors")


# --- the audit log ----------------------------------------------------------------------------------------------------


def test_changes_of_shared_views_stand_in_the_audit_log(acme: Tenant, bob: User):
    saved = save(acme, bob, "errors", "shared")
    renamed = edit(acme, bob, saved, "warnings", "shared", "q=level:warn&since=1h")
    delete(acme, bob, renamed, "shared")
    entries = acme.log(action="view")
    assert [entry.action for entry in entries] == ["view.delete", "view.change", "view.create"]
    assert {(entry.actor.id, entry.target) for entry in entries} == {(bob.user.hex(), saved.id.hex())}
    known = {"name": "errors", "state": STATE, "project": acme.project_id.hex()}
    after = known | {"name": "warnings", "state": "q=level:warn&since=1h"}
    assert [(entry.before, entry.after) for entry in entries] == [(after, {}), (known, after), ({}, known)]


def test_what_somebody_keeps_for_themselves_is_nobody_elses_business(acme: Tenant, bob: User):
    delete(acme, bob, edit(acme, bob, save(acme, bob, "errors"), "warnings"))
    assert acme.log(action="view") == []


# --- the end of a membership ------------------------------------------------------------------------------------------


@pytest.mark.requirement("I5", "V8.3.2")
@pytest.mark.parametrize("by_themselves", [False, True])
def test_with_a_membership_ones_own_views_go_and_shared_ones_become_nobodys(
    acme: Tenant, alice: User, bob: User, dora: User, by_themselves: bool
):
    save(acme, bob, "Bob's")
    shared, other = save(acme, bob, "checkout", "shared"), save(acme, dora, "search", "shared")
    listed = members.belongings(acme.id, bob.user, now=NOW)
    assert sorted(each.name for left in listed.views for each in left.theirs) == ["Bob's", "checkout"]

    acme.remove(bob, by=bob if by_themselves else alice)
    found = seen(acme, alice).shared
    assert [(each.id, each.name, each.user) for each in found] == [
        (shared.id, "checkout", None), (other.id, "search", dora.user)
    ]  # fmt: skip
    assert not [row for row in rows(keys.TENANTS) if bob.user.hex() in row]
    with pytest.raises(RoleRefused):
        edit(acme, dora, found[0], "mine now", "shared")
    assert edit(acme, alice, found[0], "Checkout", "shared").name == "Checkout"


@pytest.mark.requirement("I5")
def test_who_joins_again_finds_nothing_of_before_and_has_no_say_over_it(acme: Tenant, alice: User, bob: User):
    save(acme, bob, "Bob's")
    save(acme, bob, "checkout", "shared")
    acme.remove(bob, by=alice)
    acme.join(bob)
    assert names(acme, bob) == ([], ["checkout"])
    with pytest.raises(RoleRefused):
        delete(acme, bob, seen(acme, bob).shared[0], "shared")
    save(acme, bob, "Bob's")
    assert names(acme, bob)[0] == ["Bob's"]


@pytest.mark.requirement("I5")
def test_what_a_cut_removal_left_is_shown_to_nobody_and_in_nobodys_way(acme: Tenant, alice: User, bob: User):
    """A list of an earlier membership: as a crash between a removal and its sweep would leave one."""
    for number in range(views.MOST["own"]):
        save(acme, bob, f"view {number}")
    change = Change()
    place = keys.org_partition(acme.id), keys.member_sort(bob.user)
    change.update(keys.TENANTS, *place, {"membership": b"anewone!"}, when("attribute_exists(p)", ProjectGone()))
    commit(change)
    assert names(acme, bob)[0] == []
    save(acme, bob, "view 0")
    assert names(acme, bob)[0] == ["view 0"]


@on_engine
@pytest.mark.requirement("I6", "V2.3.3")
@pytest.mark.parametrize("crash", [CRASH_BEFORE, CRASH_AFTER])
def test_a_change_that_crashes_anywhere_is_not_half_done(acme: Tenant, bob: User, crash):
    number = 0

    def attempt(step: int) -> Injected:
        nonlocal number
        number += 1
        name = f"view {number}"
        with injected(crash, at=step) as transport, suppress(Crash):
            save(acme, bob, name, "shared")
        logged = [entry for entry in acme.log(action="view.create") if entry.after["name"] == name]
        assert (name in names(acme, bob)[1]) == bool(logged)
        return transport

    assert each_step(attempt) >= 2


def test_a_view_shared_while_its_maker_is_removed_does_not_name_them(acme: Tenant, alice: User, bob: User):
    with meanwhile(lambda: save(acme, bob, "checkout", "shared"), at=6):
        acme.remove(bob, by=alice)
    assert not [row for row in rows(keys.TENANTS) if bob.user.hex() in row]
    assert [each.user for each in seen(acme, alice).shared] == [None]


# --- races ------------------------------------------------------------------------------------------------------------


@on_engine
@pytest.mark.requirement("I7", "V2.3.4")
def test_of_many_who_take_a_name_at_once_one_gets_it(acme: Tenant, bob: User):
    spellings = ("errors", "Errors", "ERRORS", "eRRors") * 2
    outcomes = at_once([lambda name=name: save(acme, bob, name, "shared") for name in spellings])
    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert [type(each) for each in refused] == [ViewNameTaken] * 7
    assert len(seen(acme, bob).shared) == 1


@on_engine
@pytest.mark.requirement("V2.3.2", "V2.3.4")
@pytest.mark.parametrize("kind", views.KINDS)
def test_of_many_who_save_at_once_as_many_succeed_as_there_is_room_for(acme: Tenant, bob: User, kind: Kind):
    room = 3
    fill(acme, bob, kind, views.MOST[kind] - room)
    outcomes = at_once([lambda number=number: save(acme, bob, f"racer {number}", kind) for number in range(8)])
    refused = [type(each) for each in outcomes if isinstance(each, Exception)]
    assert refused == [TooManyViews] * (8 - room)
    assert len(seen(acme, bob).of_kind(kind)) == views.MOST[kind]


def fill(tenant: Tenant, user: User, kind: Kind, count: int) -> None:
    """So many views of the greatest size, written at once."""
    from chalicelib.identity.view_lists import add_views, list_of, place_of
    from chalicelib.storage.items import item

    save(tenant, user, "first", kind)
    place = place_of(tenant.id, tenant.project_id, kind, user.user)
    found = list_of(place, item(keys.TENANTS, *place))
    [first] = found.views
    more = [
        View(
            id=ViewId(number.to_bytes(8, "big")), name=f"{number:04}" + "語" * (views.LONGEST_NAME - 4),
            state="q=".ljust(views.LONGEST_STATE, "x"), created_at=NOW, changed_at=NOW, user=first.user,
            membership=first.membership,
        )
        for number in range(count - 1)
    ]  # fmt: skip
    change = Change()
    add_views(change, found, (first, *more))
    commit(change)


@on_engine
def test_what_a_full_list_holds_can_be_changed_and_deleted(acme: Tenant, bob: User):
    fill(acme, bob, "shared", views.MOST["shared"])
    with pytest.raises(TooManyViews):
        save(acme, bob, "one more", "shared")
    last = seen(acme, bob).shared[-1]
    longest = "q=".ljust(views.LONGEST_STATE, "y")
    delete(acme, bob, edit(acme, bob, last, "語" * views.LONGEST_NAME, "shared", longest), "shared")
    save(acme, bob, "one more", "shared")


@on_engine
@pytest.mark.requirement("I7")
def test_of_many_who_change_a_view_at_once_one_does_and_the_others_are_told(acme: Tenant, bob: User):
    saved = save(acme, bob, "errors", "shared")
    outcomes = at_once([lambda n=n: edit(acme, bob, saved, f"name {n}", "shared") for n in range(6)])
    assert sorted(type(each).__name__ for each in outcomes) == ["View", *["ViewsChanged"] * 5]
    assert len(acme.log(action="view.change")) == 1

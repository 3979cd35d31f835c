"""Organisations and projects are named, renamed and moved to other slugs; a slug leads to one of them for ever."""

from contextlib import suppress

import pytest

from chalicelib.identity.key_ring import keys_of
from chalicelib.identity.names import NameRefused, checked_name
from chalicelib.identity.orgs import Org, OrgGone, SettingsChanged, edit_org, orgs_by_id
from chalicelib.identity.project_changes import NewProject, create_project, edit_project, open_project
from chalicelib.identity.projects import ids_of, org_by_slug, projects_of
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.identity.users import User
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests.faults import CRASH_AFTER, Crash, Injected, each_step, injected
from tests.tenancy.world import NOW, Tenant, at_once, everything, new_tenant, on_engine


def renamed(tenant: Tenant, *, slug: str | None = None, name: str | None = None, factor: bool = False) -> Org:
    org = tenant.org
    return edit_org(
        org, by=tenant.member(tenant.owner), slug=slug or org.slug, name=name or org.name, second_factor=factor, now=NOW
    )


def moved(tenant: Tenant, slug: str) -> None:
    edit_project(tenant.project, by=tenant.member(tenant.owner), slug=slug, name=tenant.project.name, now=NOW)


def created(tenant: Tenant, slug: str) -> object:
    return create_project(tenant.id, NewProject(slug, "New", 30), by=tenant.member(tenant.owner), now=NOW)


@pytest.mark.requirement("I6")
def test_a_project_and_its_first_key_are_made_together_or_not_at_all(acme: Tenant):
    """Wherever the process ends: a project that nobody can send to would look like one that is broken."""

    def attempt(step: int) -> Injected:
        before = projects_of(acme.id)
        new, by = NewProject(f"new-{step}", "New", 30), acme.member(acme.owner)
        with injected(CRASH_AFTER, at=step) as transport, suppress(Crash):
            open_project(acme.id, new, by=by, now=NOW)
        made = [each for each in projects_of(acme.id) if each not in before]
        assert [key.kind for each in made for key in keys_of(acme.id, each.project)] == ["ingest"] * len(made)
        return transport

    assert each_step(attempt) >= 1


def test_an_organisation_gets_other_settings_and_tells_them(acme: Tenant):
    told = renamed(acme, slug="acme-2", name="Acme  Two", factor=True)
    assert told == acme.org
    assert (told.slug, told.name, told.second_factor) == ("acme-2", "Acme Two", True)
    (entry,) = acme.log(action="org.edit")
    assert entry.before == {"slug": "acme", "name": "Acme", "second_factor": False}
    assert entry.after == {"slug": "acme-2", "name": "Acme Two", "second_factor": True}


def test_the_same_settings_again_are_no_change(acme: Tenant):
    before = everything()
    renamed(acme)
    moved(acme, acme.project.slug)
    assert everything() == before


@pytest.mark.requirement("S29")
def test_old_slugs_lead_to_what_had_them_and_are_never_given_to_another(acme: Tenant, elsewhere: Tenant):
    renamed(acme, slug="other")
    moved(acme, "store")
    assert org_by_slug("acme") == org_by_slug("other") == acme.id
    assert ids_of("acme", "shop") == ids_of("other", "store") == (acme.id, acme.project_id)
    with pytest.raises(SlugTaken):
        renamed(elsewhere, slug="acme")
    with pytest.raises(SlugTaken):
        created(acme, "shop")
    with pytest.raises(SlugTaken):
        new_tenant("acme", elsewhere.owner)


def test_a_slug_that_was_left_can_be_taken_up_again_by_what_had_it(acme: Tenant):
    renamed(acme, slug="other")
    renamed(acme, slug="acme")
    moved(acme, "store")
    moved(acme, "shop")
    assert (acme.org.slug, acme.project.slug) == ("acme", "shop")


@on_engine
@pytest.mark.requirement("I6")
def test_of_many_projects_of_one_slug_at_once_one_is_made(acme: Tenant):
    outcomes = at_once([lambda: created(acme, "new")] * 8)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SlugTaken"] * 7 + ["bytes"]
    assert [project.slug for project in projects_of(acme.id)] == ["new", "shop"]


def test_of_two_changes_of_the_same_settings_one_is_refused(acme: Tenant):
    org, project, by = acme.org, acme.project, acme.member(acme.owner)
    edit_org(org, by=by, slug=org.slug, name="One", second_factor=False, now=NOW)
    edit_project(project, by=by, slug=project.slug, name="One", now=NOW)
    with pytest.raises(SettingsChanged):
        edit_org(org, by=by, slug=org.slug, name="Two", second_factor=False, now=NOW)
    with pytest.raises(SettingsChanged):
        edit_project(project, by=by, slug=project.slug, name="Two", now=NOW)
    assert (acme.org.name, acme.project.name) == ("One", "One")


def test_slugs_and_names_that_cannot_be_shown_are_refused(acme: Tenant):
    for slug in ("", "A", "a b", "a/b", "é"):
        with pytest.raises(SlugRefused):
            created(acme, slug)
    for name in (" ", "a\r\nSet-Cookie: x", "x" * 101, "\u202eabc", "a\u200bb", "\ud800"):
        with pytest.raises(NameRefused):
            renamed(acme, name=name)


def test_names_of_every_script_are_kept_as_they_are_written():
    for name in ("Köln & Söhne", "東京ガス", "می‌خواهم", "👩‍🚀 Labs", "O'Neill <i>"):
        assert checked_name(name) == name
    assert checked_name("  e\u0301clair  ") == "\u00e9clair"


def test_an_organisation_that_is_gone_gets_no_projects(acme: Tenant):
    row = TenantItem.get(keys.org_partition(acme.id), keys.ORG)
    row.state = "deleting"
    row.save()
    with pytest.raises(OrgGone):
        created(acme, "new")
    assert orgs_by_id([acme.id]) == []


def test_a_persons_organisations_are_listed_by_name(acme: Tenant, elsewhere: Tenant, bob: User):
    elsewhere.join(bob)
    assert [org.slug for org in orgs_by_id([elsewhere.id, acme.id])] == ["acme", "elsewhere"]
    assert orgs_by_id([]) == []

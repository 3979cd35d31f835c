"""Organisations, projects and first accounts: all of it or nothing."""

import pytest
from argon2 import extract_parameters

from chalicelib.identity import accounts, passwords
from chalicelib.identity.accounts import Created, Owner
from chalicelib.identity.api_keys import authenticated
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import ids_of, org_by_slug, project_by_id, projects_of
from chalicelib.identity.slugs import SlugRefused, SlugTaken
from chalicelib.identity.users import EmailTaken
from chalicelib.storage.items import items
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from tests.tenancy.world import everything

ACME = NewOrg("acme", "Acme Ltd")
SHOP = NewProject("shop", "Shop", 14)
OWNER = Owner("Ann@Example.com", "Ann", "a long enough password")


def create_project(org: NewOrg, project: NewProject, *, owner: Owner | None = None) -> Created:
    return accounts.create_project(org, project, now=1_790_000_000, owner=owner)


def test_a_new_project_is_found_by_slugs_and_by_id_and_its_keys_work(store: None) -> None:
    created = create_project(ACME, SHOP)
    assert ids_of("acme", "shop") == (created.org, created.project)
    project = project_by_id(created.org, created.project)
    assert project is not None
    assert (project.slug, project.name, project.retention_days, project.shards) == ("shop", "Shop", 14, ())
    for key in (created.ingest_key, created.query_key):
        assert authenticated(key.text, now=0).project == created.project


def test_a_second_project_joins_its_organisation(store: None) -> None:
    first = create_project(ACME, SHOP)
    second = create_project(ACME, NewProject("api", "API", 30))
    assert first.org == second.org
    assert [project.slug for project in projects_of(first.org)] == ["api", "shop"]


@pytest.mark.requirement("S28")
def test_jobs_find_the_project_in_the_list_they_walk(store: None) -> None:
    created = create_project(ACME, SHOP)
    listed = items(keys.WORK, keys.project_list_partition(keys.work_number(created.project)))
    assert [row["s"].binary for row in listed] == [created.org + created.project]


def test_two_organisations_may_have_projects_of_one_slug(store: None) -> None:
    one, other = create_project(ACME, SHOP), create_project(NewOrg("other", "Other"), SHOP)
    assert ids_of("acme", "shop") == (one.org, one.project)
    assert ids_of("other", "shop") == (other.org, other.project)


@pytest.mark.requirement("I6")
def test_a_slug_that_is_taken_is_refused_and_nothing_is_made(store: None) -> None:
    org = create_project(ACME, SHOP).org
    before = everything()
    with pytest.raises(SlugTaken, match="shop"):
        create_project(ACME, SHOP)
    assert everything() == before
    assert len(projects_of(org)) == 1


@pytest.mark.requirement("I6")
def test_an_address_that_is_taken_is_refused_and_nothing_is_made(store: None) -> None:
    create_project(ACME, SHOP, owner=OWNER)
    before = everything()
    with pytest.raises(EmailTaken):
        create_project(NewOrg("new", "New"), SHOP, owner=Owner("ann@example.COM", "Other", OWNER.password))
    assert everything() == before
    assert org_by_slug("new") is None


def test_an_owner_does_not_join_an_organisation_that_is_there(store: None) -> None:
    create_project(ACME, SHOP)
    with pytest.raises(SlugTaken, match="acme"):
        create_project(ACME, NewProject("other", "Other", 30), owner=OWNER)


def test_an_owner_is_a_member_of_the_organisation(store: None) -> None:
    created = create_project(ACME, SHOP, owner=OWNER)
    (member,) = items(keys.TENANTS, keys.org_partition(created.org), b"m")
    assert member["role"].text == "owner"


@pytest.mark.parametrize("slug", ["", "A", "a b", "-a", "a-", "a" * 41, "é", "a/b", "a\n"])
def test_a_text_that_cannot_be_a_slug_is_refused(slug: str) -> None:
    with pytest.raises(SlugRefused):
        create_project(NewOrg(slug, "x"), SHOP)


@pytest.mark.requirement("S39")
def test_a_project_with_a_tombstone_is_not_there(moto_store: None) -> None:
    created = create_project(ACME, SHOP)
    row = TenantItem.get(keys.org_partition(created.org), keys.project_sort(created.project))
    row.state = "deleting"
    row.save()
    assert project_by_id(created.org, created.project) is None
    assert projects_of(created.org) == []


@pytest.mark.requirement("S14")
def test_passwords_are_hashed_with_the_pinned_parameters() -> None:
    encoded = passwords.hashed("a long enough password")
    parameters = extract_parameters(encoded)
    assert encoded.startswith("$argon2id$")
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (65536, 3, 1)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)
    assert passwords.is_right("a long enough password", encoded)
    assert not passwords.is_right("a long enough passwort", encoded)


@pytest.mark.requirement("S16")
def test_a_password_has_twelve_characters_however_they_are_composed() -> None:
    with pytest.raises(passwords.PasswordRefused):
        passwords.hashed("e\u0301" * 11)
    with pytest.raises(passwords.PasswordRefused):
        passwords.hashed("x" * 1025)
    assert passwords.is_right("\u00e9" * 12, passwords.hashed("e\u0301" * 12))
    assert len(passwords.random_password()) == 22

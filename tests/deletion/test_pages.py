"""Deleting as people do it, with plain forms: what goes is shown, the name is typed, the password was given lately."""

import time

import pytest

from chalicelib import settings
from chalicelib.identity import passwords, users
from chalicelib.identity.orgs import org_by_id
from chalicelib.identity.projects import org_by_slug, projects_of
from chalicelib.identity.sessions import FRESH_SECONDS
from chalicelib.storage import erasures, outbox
from chalicelib.storage.erasures import Subject
from tests.api.client import Client
from tests.deletion.test_erasing import erased_org, erased_project
from tests.pages.test_flows import PASSWORD, key_on, signed_up
from tests.pages.visitor import Visitor
from tests.permissions.cast import Tenant, new_tenant, new_user, now, signed_in

PROJECT = "/orgs/acme/projects/app"


@pytest.fixture(autouse=True)
def _cheap_passwords(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=8, passes=1))
    settings.current.cache_clear()


def org_id():
    found = org_by_slug("acme")
    assert found is not None
    return found


@pytest.mark.requirement("S39", "S40")
def test_an_owner_sees_what_goes_types_the_name_and_follows_the_erasure_to_its_receipt() -> None:
    ada = signed_up()
    key = key_on(ada)
    assert Client().post("/api/ingest", {"message": "hello"}, key=key).status == 202
    ada.opens(f"{PROJECT}/settings")
    assert f"{PROJECT}/settings/delete" in ada.html
    ada.opens(f"{PROJECT}/settings/delete")
    assert ada.heading == "Delete App"
    assert "1 event, with its" in ada.html or "1 event, with their" in ada.html
    assert "1 key" in ada.html
    ada.sends(f"{PROJECT}/settings/delete", name="app")
    assert ada.response.status == 422
    assert ada.wrong == ["That is not App. Nothing was deleted."]
    ada.sends(f"{PROJECT}/settings/delete", name="App")
    assert ada.path == "/orgs/acme/deletions?saved=project"
    assert "Project App" in ada.html
    assert Client().post("/api/ingest", {"message": "late"}, key=key).status == 401
    assert ada.opens(PROJECT).status == 404
    org = org_id()
    [asked] = erasures.erasures_in(org)
    receipt = erased_project(asked.subject)
    ada.opens("/orgs/acme/deletions")
    assert f"Project {asked.subject.project.hex()}" in ada.html
    assert f"{receipt.removed['keys']} keys" in ada.html
    assert "Being erased" not in ada.html


@pytest.mark.requirement("S40", "S41")
def test_an_owner_deletes_the_organisation_and_still_finds_its_receipt_while_others_do_not() -> None:
    ada, eve = signed_up(), signed_in("Eve", new_user("eve@example.com", "Eve"))
    org = org_id()
    ada.opens("/orgs/acme/settings/delete")
    assert "1 project" in ada.html
    ada.sends("/orgs/acme/settings/delete", name="Acme")
    assert ada.path == f"/account/deletions?org={org.hex()}"
    assert "Organisation" in ada.html
    assert ada.opens("/orgs/acme").status == 404
    assert "Acme" not in ada.opens("/orgs").body.decode().replace("Acme Inc", "")
    assert "Nothing was deleted" in eve.send("GET", f"/account/deletions?org={org.hex()}").body.decode()
    for each in erasures.erasures_in(org):
        if each.subject.kind == "project":
            erased_project(each.subject)
    erased_org(Subject("org", org))
    ada.opens(f"/account/deletions?org={org.hex()}")
    assert f"Organisation {org.hex()}" in ada.html
    assert "1 members" in ada.html
    assert "Nothing was deleted" in eve.send("GET", f"/account/deletions?org={org.hex()}").body.decode()


@pytest.mark.requirement("S41", "V7.4.2")
def test_an_only_owner_is_told_how_to_mend_it_and_afterwards_is_signed_out_and_told() -> None:
    ada = signed_up()
    ada.opens("/account/delete")
    assert "You are the only owner of Acme." in ada.html
    assert "/orgs/acme/settings/delete" in ada.html
    assert not [each for each in ada.page.all("form") if each.attributes["action"] == "/account/delete"]
    ada.opens("/orgs/acme/settings/delete")
    ada.sends("/orgs/acme/settings/delete", name="Acme")
    ada.opens("/account/delete")
    ada.sends("/account/delete", name="eve@example.com")
    assert ada.wrong == ["That is not ada@example.com. Nothing was deleted."]
    ada.sends("/account/delete", name="ada@example.com")
    assert ada.path == "/deleted"
    assert ada.heading == "Your account is deleted"
    assert "__Host-session" not in ada.cookies
    assert users.by_email("ada@example.com") is None
    again = Visitor()
    again.opens("/sign-in")
    again.sends("/sign-in", email="ada@example.com", password=PASSWORD)
    assert again.response.status == 422


@pytest.mark.requirement("S40", "S31")
def test_admins_and_members_are_refused_and_change_nothing() -> None:
    acme = new_tenant("acme", "shop")
    before = projects_of(acme.org)
    for role in ("admin", "member"):
        who = signed_in(role, acme.people[role])
        for path, name in (("/projects/shop", "CANARY-acme project"), ("", "CANARY-acme org")):
            assert who.post_form(f"/orgs/acme{path}/settings/delete", {"name": name, "version": "1"}).status == 403
            assert "Owners can do this." in who.send("GET", f"/orgs/acme{path}/settings/delete").body.decode()
            slug = "shop" if path else "acme"
            assert who.send("DELETE", f"/api/orgs/acme{path}?slug={slug}").status == 403
    assert projects_of(acme.org) == before
    assert org_by_id(acme.org) is not None


@pytest.mark.requirement("S40")
@pytest.mark.parametrize("path", ["/api/orgs/acme/projects/shop?slug=shop", "/api/orgs/acme?slug=acme"])
def test_a_password_of_long_ago_deletes_nothing(path: str) -> None:
    acme = new_tenant("acme", "shop")
    stale = signed_in("owner", acme.owner, at=now() - FRESH_SECONDS - 60)
    answer = stale.send("DELETE", path)
    assert answer.status == 403
    assert answer.json["type"].endswith("reauthenticate")
    assert len(projects_of(acme.org)) == 1


@pytest.mark.requirement("S40", "S39")
def test_a_program_names_what_it_deletes_and_reads_how_far_it_is(acme_of: Tenant) -> None:
    owner = signed_in("owner", acme_of.owner)
    wrong = owner.send("DELETE", "/api/orgs/acme/projects/shop?slug=acme")
    assert (wrong.status, wrong.json["type"]) == (409, "urn:scrywatch:problem:not-meant")
    begun = int(time.time() * 1000) - 1000
    asked = owner.send("DELETE", "/api/orgs/acme/projects/shop?slug=shop")
    assert asked.status == 202
    assert asked.json["kind"] == "project"
    assert asked.json["project"] == acme_of.project.hex()
    assert asked.json["receipt_after"] - asked.json["asked_at"] == 900_000
    assert asked.json["asked_at"] >= begun
    listed = owner.send("GET", "/api/orgs/acme/deletions").json
    assert listed == {"running": [asked.json], "receipts": []}
    erased_project(Subject("project", acme_of.org, acme_of.project))
    [receipt] = owner.send("GET", "/api/orgs/acme/deletions").json["receipts"]
    assert receipt["removed"]["keys"] == 2
    assert receipt["before"] is None


@pytest.fixture
def acme_of() -> Tenant:
    return new_tenant("acme", "shop")


def test_a_program_deletes_an_account_by_its_address(acme_of: Tenant) -> None:
    member = signed_in("member", acme_of.member)
    assert member.send("POST", "/api/auth/delete", {"email": "somebody@else.example"}).status == 409
    assert member.send("POST", "/api/auth/delete", {"email": acme_of.member.email.upper()}).status == 200
    assert member.send("GET", "/api/auth/me").status == 401
    owner = signed_in("owner", acme_of.owner)
    refused = owner.send("POST", "/api/auth/delete", {"email": acme_of.owner.email})
    assert (refused.status, refused.json["type"]) == (409, "urn:scrywatch:problem:last-owner")
    assert "CANARY-acme org" in refused.json["detail"]


def test_owners_get_a_letter_and_admins_none(acme_of: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()
    owner = signed_in("owner", acme_of.owner)
    assert owner.send("DELETE", "/api/orgs/acme/projects/shop?slug=shop").status == 202
    assert owner.send("DELETE", "/api/orgs/acme?slug=acme").status == 202
    told = [(letter.to, letter.text.splitlines()[0]) for letter in outbox.letters()]
    assert told == [
        (acme_of.owner.email, "The organisation CANARY-acme org was deleted, with all its projects."),
        (acme_of.owner.email, "The project CANARY-acme project was deleted."),
    ]
    assert owner.send("POST", "/api/auth/delete", {"email": acme_of.owner.email}).status == 200
    assert outbox.letters()[0].subject == "Your Scrywatch account is deleted"

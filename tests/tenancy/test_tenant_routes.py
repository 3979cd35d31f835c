"""The JSON API of organisations, members, invitations, keys and the audit log, as programs of people use it."""

from collections.abc import Callable

import pytest

from chalicelib import settings
from chalicelib.identity.permissions import Role
from chalicelib.identity.users import User
from chalicelib.storage import outbox
from tests.api.client import Response
from tests.permissions.cast import Somebody, signed_in
from tests.tenancy.world import Tenant, new_tenant, new_user

SignIn = Callable[[User], Somebody]


@pytest.fixture
def store(moto_store: None) -> None:
    """The engines are compared where the functions below the routes are tested."""


def send(who: User, method: str, path: str, body: object = None, **headers: str) -> Response:
    """As a program does that signed in just now."""
    return signed_in("somebody", who).send(method, path, body, **headers)


def problem(answer: Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, answer.json["type"].removeprefix("urn:scrywatch:problem:")


def test_somebodys_organisations_are_listed_with_their_role(acme: Tenant, elsewhere: Tenant, bob: User):
    elsewhere.join(bob, Role.ADMIN)
    found = send(bob, "GET", "/api/orgs").json["data"]
    assert [(org["slug"], org["role"]) for org in found] == [("acme", "member"), ("elsewhere", "admin")]


def test_an_organisation_is_made_and_has_its_maker_for_owner(charlie: User):
    made = send(charlie, "POST", "/api/orgs", {"name": "Café Noir"})
    assert (made.status, made.json["slug"], made.json["role"]) == (201, "cafe-noir", "owner")
    assert problem(send(charlie, "POST", "/api/orgs", {"name": "Café Noir"})) == (409, "slug-taken")
    assert send(charlie, "GET", "/api/orgs/cafe-noir").json == made.json


def test_settings_are_changed_by_who_saw_them(acme: Tenant, alice: User):
    seen = send(alice, "GET", "/api/orgs/acme")
    tag = {"If-Match": seen.headers["ETag"]}
    changed = send(alice, "PATCH", "/api/orgs/acme", {"name": "Acme Two", "slug": "acme-2"}, **tag)
    assert (changed.status, changed.json["name"], changed.json["slug"]) == (200, "Acme Two", "acme-2")
    assert problem(send(alice, "PATCH", "/api/orgs/acme", {"name": "Three"}, **tag)) == (412, "changed")
    # The old slug goes on leading there.
    assert send(alice, "GET", "/api/orgs/acme").json == changed.json


@pytest.mark.requirement("V2.2.3")
def test_only_who_has_a_second_factor_requires_one(acme: Tenant, alice: User):
    body = {"second_factor_required": True}
    assert problem(send(alice, "PATCH", "/api/orgs/acme", body)) == (403, "second-factor")
    strong = signed_in("alice", alice, strong=True)
    assert strong.send("PATCH", "/api/orgs/acme", body).json["second_factor_required"] is True
    assert problem(send(alice, "GET", "/api/orgs/acme")) == (403, "second-factor")
    assert strong.send("PATCH", "/api/orgs/acme", {"name": "Still mine"}).status == 200


def test_projects_are_made_listed_and_renamed(acme: Tenant, alice: User):
    made = send(alice, "POST", "/api/orgs/acme/projects", {"name": "The API"})
    assert (made.status, made.json["slug"]) == (201, "the-api")
    listed = send(alice, "GET", "/api/orgs/acme/projects").json["data"]
    assert [project["slug"] for project in listed] == ["shop", "the-api"]
    path = "/api/orgs/acme/projects/the-api"
    renamed = send(alice, "PATCH", path, {"slug": "api"}, **{"If-Match": made.headers["ETag"]})
    assert renamed.json["slug"] == "api"
    assert send(alice, "GET", path).json == renamed.json
    assert problem(send(alice, "POST", "/api/orgs/acme/projects", {"name": "x", "slug": "the-api"})) == (
        409, "slug-taken",
    )  # fmt: skip


def test_members_are_listed_and_changed_and_removed(acme: Tenant, alice: User, bob: User):
    path = f"/api/orgs/acme/members/{bob.user.hex()}"
    found = send(bob, "GET", "/api/orgs/acme/members").json["data"]
    assert {(each["name"], each["role"]) for each in found} == {("Alice", "owner"), ("Bob", "member")}
    assert send(alice, "PATCH", path, {"role": "admin"}).json["role"] == "admin"
    key = send(bob, "POST", "/api/orgs/acme/projects/shop/keys", {"kind": "query", "label": "mine"}).json
    shown = send(alice, "GET", path).json["removal"]
    assert shown == {"query_keys": [key["id"]], "ingest_keys": [], "invitations": [], "connections": [], "views": []}
    assert send(alice, "DELETE", path).status == 204
    assert problem(send(alice, "DELETE", path)) == (404, "not-found")
    assert problem(send(bob, "GET", "/api/orgs/acme")) == (404, "not-found")


@pytest.mark.requirement("I5", "V8.3.2")
def test_a_session_that_goes_on_has_no_power_left_after_a_removal_or_a_demotion(acme: Tenant, alice: User, bob: User):
    acme.change_role(bob, Role.ADMIN, by=alice)
    session = signed_in("bob", bob)
    keys = "/api/orgs/acme/projects/shop/keys"
    assert session.send("POST", keys, {"kind": "ingest"}).status == 201
    acme.change_role(bob, Role.MEMBER, by=alice)
    assert problem(session.send("POST", keys, {"kind": "ingest"})) == (403, "forbidden")
    assert session.send("GET", keys).status == 200
    acme.remove(bob, by=alice)
    assert problem(session.send("GET", keys)) == (404, "not-found")
    assert session.send("GET", "/api/orgs").json == {"data": []}


@pytest.mark.requirement("S31")
def test_refusals_of_roles_say_what_stands_in_the_way(acme: Tenant, alice: User, bob: User, charlie: User):
    acme.join(charlie, Role.ADMIN)
    owner, own = (f"/api/orgs/acme/members/{user.user.hex()}" for user in (alice, charlie))
    assert problem(send(charlie, "PATCH", own, {"role": "owner"})) == (403, "role")
    assert problem(send(charlie, "PATCH", owner, {"role": "member"})) == (403, "role")
    assert problem(send(charlie, "DELETE", owner)) == (403, "role")
    assert problem(send(charlie, "POST", "/api/orgs/acme/invitations", {"email": "d@e.fr", "role": "owner"})) == (
        403, "role",
    )  # fmt: skip
    assert problem(send(alice, "PATCH", owner, {"role": "member"})) == (409, "last-owner")
    assert problem(send(alice, "DELETE", "/api/orgs/acme/membership")) == (409, "last-owner")
    assert problem(send(bob, "PATCH", own, {"role": "member"})) == (403, "forbidden")
    assert problem(send(bob, "PUT", "/api/orgs/acme/owner", {"member": bob.user.hex()})) == (403, "forbidden")


def test_a_member_leaves_and_the_owner_hands_on(acme: Tenant, alice: User, bob: User):
    body = {"member": bob.user.hex()}
    assert send(alice, "PUT", "/api/orgs/acme/owner", body).status == 204
    assert (acme.role(alice), acme.role(bob)) == (Role.ADMIN, Role.OWNER)
    assert send(alice, "DELETE", "/api/orgs/acme/membership").status == 204
    assert acme.role(alice) is None
    assert problem(send(bob, "PUT", "/api/orgs/acme/owner", {"member": "00" * 8})) == (404, "not-found")


def test_without_a_mailer_the_answer_alone_has_the_link(acme: Tenant, alice: User, charlie: User):
    made = send(alice, "POST", "/api/orgs/acme/invitations", {"email": charlie.email})
    assert made.status == 201
    token = made.json["link"].rpartition("?token=")[2]
    (listed,) = send(alice, "GET", "/api/orgs/acme/invitations").json["data"]
    assert listed == {name: value for name, value in made.json.items() if name != "link"}
    assert problem(send(alice, "POST", "/api/invitations/accept", {"token": token})) == (403, "invitation")
    assert send(charlie, "POST", "/api/invitations/accept", {"token": token}).json == {"org": "acme", "role": "member"}
    assert problem(send(charlie, "POST", "/api/invitations/accept", {"token": token})) == (410, "invitation")


def test_with_a_mailer_the_letter_alone_has_the_link(
    acme: Tenant, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()
    made = send(alice, "POST", "/api/orgs/acme/invitations", {"email": charlie.email, "role": "admin"})
    assert (made.status, made.json["link"]) == (201, None)
    (letter,) = outbox.letters()
    assert (letter.to, "Alice invites you to Acme" in letter.subject) == (charlie.email, True)
    token = letter.text.partition("?token=")[2].split()[0]
    assert send(charlie, "POST", "/api/invitations/accept", {"token": token}).json["role"] == "admin"


def test_an_invitation_is_revoked(acme: Tenant, alice: User, charlie: User):
    made = send(alice, "POST", "/api/orgs/acme/invitations", {"email": charlie.email}).json
    path = f"/api/orgs/acme/invitations/{made['id']}"
    assert send(alice, "DELETE", path).status == 204
    assert problem(send(alice, "DELETE", path)) == (404, "not-found")
    token = made["link"].rpartition("?token=")[2]
    assert problem(send(charlie, "POST", "/api/invitations/accept", {"token": token})) == (410, "invitation")


KEYS = "/api/orgs/acme/projects/shop/keys"


@pytest.mark.requirement("S24", "S25")
def test_a_key_is_in_one_answer_and_its_prefix_in_the_list(acme: Tenant, alice: User):
    made = send(alice, "POST", KEYS, {"kind": "ingest", "label": "shop servers"})
    key = made.json["key"]
    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    listed = send(alice, "GET", KEYS)
    (shown,) = listed.json["data"]
    assert shown["prefix"] == key[:17]
    assert (shown["label"], shown["created_by"], shown["flagged"]) == ("shop servers", alice.user.hex(), False)
    assert key[17:] not in listed.body.decode()


@pytest.mark.requirement("S26", "I5")
def test_a_key_is_rotated_and_revoked(acme: Tenant, alice: User):
    old = send(alice, "POST", KEYS, {"kind": "query"}).json
    new = send(alice, "POST", f"{KEYS}/{old['id']}/rotate", {"overlap_seconds": 0}).json
    logs = "/api/orgs/acme/projects/shop/logs"
    bearers = [{"Authorization": f"Bearer {key['key']}"} for key in (old, new)]
    assert [Somebody("program", bearer).send("GET", logs).status for bearer in bearers] == [401, 200]
    assert send(alice, "PATCH", f"{KEYS}/{new['id']}", {"label": "new"}).json["label"] == "new"
    assert send(alice, "DELETE", f"{KEYS}/{new['id']}").status == 204
    assert Somebody("program", bearers[1]).send("GET", logs).status == 401
    assert problem(send(alice, "DELETE", f"{KEYS}/{new['id']}")) == (404, "not-found")


@pytest.mark.requirement("S29")
def test_the_keys_of_another_project_are_not_there(acme: Tenant, elsewhere: Tenant, alice: User):
    key = elsewhere.key("ingest")
    assert problem(send(alice, "DELETE", f"{KEYS}/{key.key_id}")) == (404, "not-found")
    assert problem(send(alice, "POST", f"{KEYS}/{key.key_id}/rotate", {})) == (404, "not-found")


def test_fields_that_cannot_be_used_are_named(acme: Tenant, alice: User):
    for path, body, field in (
        ("/api/orgs/acme/projects", {"name": "a\nb"}, "name"),
        ("/api/orgs/acme/projects", {"name": "x", "slug": "No"}, "slug"),
        ("/api/orgs/acme/projects", {"name": "x", "retention_days": 3650}, "retention_days"),
        ("/api/orgs/acme/invitations", {"email": "nobody"}, "email"),
        ("/api/orgs/acme/invitations", {"email": "a@b.cd", "role": "root"}, "role"),
        (KEYS, {"kind": "admin"}, "kind"),
        (KEYS, {"kind": "query", "lifetime_days": 0}, "lifetime_days"),
    ):
        answer = send(alice, "POST", path, body)
        assert (problem(answer), answer.json["field"]) == ((422, "field"), field), body


def test_the_log_is_searched_and_paged(acme: Tenant, alice: User, bob: User):
    for _ in range(3):
        send(alice, "POST", KEYS, {"kind": "ingest", "label": "a"})
    first = send(alice, "GET", "/api/orgs/acme/audit?action=key&limit=2")
    assert [entry["action"] for entry in first.json["data"]] == ["key.create"] * 2
    assert first.json["data"][0]["actor"] == {"kind": "person", "id": alice.user.hex(), "name": "Alice"}
    cursor = first.json["next_cursor"]
    assert f"cursor={cursor}" in first.headers["Link"]
    rest = send(alice, "GET", f"/api/orgs/acme/audit?action=key&limit=2&cursor={cursor}").json
    assert len(rest["data"]) == 1
    assert rest["next_cursor"] is None
    assert problem(send(alice, "GET", f"/api/orgs/acme/audit?cursor={cursor}")) == (400, "cursor")
    assert problem(send(alice, "GET", "/api/orgs/acme/audit?since=soon")) == (400, "parameter")
    assert send(alice, "GET", "/api/orgs/acme/audit?until=2001-01-01").json["data"] == []
    assert problem(send(bob, "GET", "/api/orgs/acme/audit")) == (403, "forbidden")


def test_what_happened_to_an_account_is_read_by_its_owner_alone(alice: User, bob: User):
    for name in ("Alice Two", "Alice Three"):
        assert send(alice, "POST", "/api/auth/name", {"name": name}).status == 200
    mine = send(alice, "GET", "/api/auth/log?action=account&limit=2")
    assert [(each["action"], each["actor"]["name"]) for each in mine.json["data"]] == [
        ("account.rename", "Alice Three")
    ] * 2
    assert 'rel="next"' in mine.headers["Link"]
    rest = send(alice, "GET", f"/api/auth/log?action=account&limit=2&cursor={mine.json['next_cursor']}").json
    assert [each["action"] for each in rest["data"]] == ["account.create"]
    theirs = send(bob, "GET", "/api/auth/log").json["data"]
    assert {each["target"] for each in theirs} == {bob.user.hex()}
    assert problem(send(bob, "GET", f"/api/auth/log?action=account&limit=2&cursor={mine.json['next_cursor']}")) == (
        400,
        "cursor",
    )
    assert send(alice, "GET", "/api/auth/log?until=2001-01-01").json["data"] == []


@pytest.mark.requirement("I7")
def test_a_link_for_somebody_who_signs_up_first_waits_for_them(acme: Tenant, alice: User):
    made = send(alice, "POST", "/api/orgs/acme/invitations", {"email": "dora@example.com"}).json
    dora = new_user("dora")
    new_tenant("doras", dora)
    token = made["link"].rpartition("?token=")[2]
    assert send(dora, "POST", "/api/invitations/accept", {"token": token}).status == 201
    assert [org["slug"] for org in send(dora, "GET", "/api/orgs").json["data"]] == ["acme", "doras"]

"""Saved views over JSON: for people alone, told with who may change them, changed only as they were seen."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.api.client import Response
from tests.permissions.cast import Somebody, Tenant, holder, signed_in
from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "everything_is_served", "evil"]

pytestmark = pytest.mark.usefixtures("everything_is_served")

NEW = {"name": "Errors", "state": "?q=level:error&since=24h&cursor=abc", "kind": "shared"}


def at(tenant: Tenant, rest: str = "") -> str:
    return f"/api/orgs/{tenant.slug}/projects/{tenant.project_slug}/views{rest}"


def save(who: Somebody, tenant: Tenant, **more: Any) -> dict[str, Any]:
    answer = who.send("POST", at(tenant), NEW | more)
    assert answer.status == 201, answer.body
    return answer.json


def put(who: Somebody, tenant: Tenant, view: Mapping[str, Any], seen: str = "", **changed: str) -> Response:
    body = {"name": view["name"], "state": view["state"]} | changed
    return who.send("PUT", at(tenant, f"/{view['id']}"), body, **({"If-Match": seen} if seen else {}))


@pytest.fixture
def member(acme: Tenant) -> Somebody:
    return signed_in("member", acme.member)


@pytest.fixture
def admin(acme: Tenant) -> Somebody:
    return signed_in("admin", acme.admin)


def test_a_view_is_saved_listed_changed_and_deleted(acme: Tenant, member: Somebody):
    saved = save(member, acme)
    assert saved | {"id": "", "created_at": 0, "changed_at": 0} == {
        "id": "", "kind": "shared", "name": "Errors", "state": "q=level:error&since=24h", "created_at": 0,
        "created_by": acme.member.user.hex(), "changed_at": 0, "version": 1, "may_change": True,
    }  # fmt: skip
    assert saved in member.send("GET", at(acme)).json["data"]
    changed = put(member, acme, saved, name="Warnings", state="q=level:warn")
    assert (changed.status, changed.json["name"], changed.json["state"], changed.json["version"]) == (
        200, "Warnings", "q=level:warn&since=1h", 2
    )  # fmt: skip
    assert member.send("GET", at(acme, f"/{saved['id']}")).json == changed.json
    assert member.send("DELETE", at(acme, f"/{saved['id']}")).status == 204
    assert member.send("GET", at(acme, f"/{saved['id']}")).status == 404


def test_a_list_has_ones_own_first_and_says_what_one_may_change(acme: Tenant, member: Somebody, admin: Somebody):
    listed = member.send("GET", at(acme)).json["data"]
    assert [(each["kind"], each["may_change"]) for each in listed] == [("own", True), ("shared", True)]
    listed = admin.send("GET", at(acme)).json["data"]
    assert [(each["kind"], each["may_change"]) for each in listed] == [("shared", True)]
    [own] = [each for each in member.send("GET", at(acme)).json["data"] if each["kind"] == "own"]
    save(admin, acme)
    assert [each["may_change"] for each in member.send("GET", at(acme)).json["data"]] == [True, True, False]
    for method in ("GET", "PUT", "DELETE"):
        body = {"name": "x", "state": ""} if method == "PUT" else None
        assert admin.send(method, at(acme, f"/{own['id']}"), body).status == 404, "somebody else's own is not there"


@pytest.mark.requirement("S30", "V8.2.1")
def test_what_an_admin_shared_a_member_cannot_change(acme: Tenant, member: Somebody, admin: Somebody):
    saved = save(admin, acme)
    for answer in (put(member, acme, saved, name="x"), member.send("DELETE", at(acme, f"/{saved['id']}"))):
        assert (answer.status, answer.json["type"]) == (403, "urn:scrywatch:problem:role")
    assert put(admin, acme, saved, name="y").status == 200


@pytest.mark.requirement("S5", "S7")
def test_views_are_for_people_alone(acme: Tenant):
    for who in (holder("key", acme.query_key), holder("connection", acme.connection.access_token)):
        assert who.send("GET", at(acme)).status == 403


def test_a_change_happens_only_to_what_was_seen(acme: Tenant, member: Somebody):
    saved = save(member, acme)
    seen = member.send("GET", at(acme, f"/{saved['id']}")).headers["ETag"]
    first = put(member, acme, saved, seen, name="First")
    assert first.status == 200
    second = put(member, acme, saved, seen, name="Second")
    assert (second.status, second.json["type"]) == (412, "urn:scrywatch:problem:changed")
    assert member.send("DELETE", at(acme, f"/{saved['id']}"), **{"If-Match": seen}).status == 412
    assert put(member, acme, saved, first.headers["ETag"], name="Second").status == 200


@pytest.mark.requirement("V2.2.1", "S31", "V8.2.3")
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"name": "x" * 81}, 422, "name"),
        ({"name": "\u200b"}, 422, "name"),
        ({"state": "q=servce:x"}, 422, "state"),
        ({"state": "since=1h&from=now"}, 422, "state"),
        ({"kind": "everyone"}, 422, "kind"),
        ({"user": "00" * 8}, 422, "user"),
        ({"version": 7}, 422, "version"),
        ({"name": "CANARY-acme SHARED view"}, 409, "name"),
    ],
)
def test_what_cannot_be_saved_is_told_by_field(
    acme: Tenant, member: Somebody, body: dict[str, Any], status: int, field: str
):
    answer = member.send("POST", at(acme), NEW | body)
    assert (answer.status, answer.json["field"]) == (status, field)
    assert answer.json["detail"].endswith((".", "?"))


def test_what_is_no_id_is_not_there(acme: Tenant, member: Somebody):
    for text in ("x", "00", "zz" * 8):
        assert member.send("GET", at(acme, f"/{text}")).status == 404


def test_a_removal_says_which_views_go(acme: Tenant, admin: Somebody, member: Somebody):
    [own] = [each["id"] for each in member.send("GET", at(acme)).json["data"] if each["kind"] == "own"]
    detail = admin.send("GET", f"/api/orgs/{acme.slug}/members/{acme.member.user.hex()}").json
    assert detail["removal"]["views"] == [own]

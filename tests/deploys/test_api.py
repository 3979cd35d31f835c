"""Deploys over the API: recorded with an ingest key or a session, listed for who reads, deleted by members."""

import json
import time
from typing import Any

import pytest

from chalicelib.events.store import deploy_recording
from chalicelib.identity import members
from chalicelib.storage import audit
from chalicelib.web import request
from tests.api.client import Client, Tenant
from tests.faults import counted, meanwhile
from tests.permissions.cast import Somebody, holder, new_tenant, signed_in
from tests.permissions.cast import Tenant as Cast
from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "everything_is_served", "evil"]

V1 = {"version": "v1.4.2", "service": "checkout", "environment": "production"}


def now_ms() -> int:
    return int(time.time() * 1000)


def place(shop: Tenant) -> str:
    return f"/api/orgs/{shop.org}/projects/{shop.project}/deploys"


def found(shop: Tenant, query: str = "") -> list[dict[str, Any]]:
    answer = Client().get(place(shop) + query, key=shop.query_key)
    assert answer.status == 200, answer.body
    data: list[dict[str, Any]] = answer.json["data"]
    return data


@pytest.mark.parametrize("path", ["/api/deploys", "/test//api/deploys", "/api/orgs/acme/projects/shop/deploys"])
def test_an_ingest_key_records_a_deploy_of_its_project(client: Client, shop: Tenant, path: str):
    before = now_ms()
    answer = client.post(path, {**V1, "url": "https://ci.example.com/run/7", "note": "a < b"}, key=shop.ingest_key)
    assert answer.status == 201
    assert answer.json == {"id": answer.json["id"], "at": answer.json["at"], **V1}
    assert before <= answer.json["at"] <= now_ms()
    [listed] = found(shop)
    assert listed == {
        **answer.json, "url": "https://ci.example.com/run/7", "note": "a < b",
        "by": {"kind": "key", "id": shop.ingest_key[9:17]}, "recorded_at": listed["recorded_at"],
    }  # fmt: skip


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded", "text/plain", "", "application/json"])
def test_what_a_pipeline_calls_its_body_makes_no_difference(client: Client, shop: Tenant, media: str):
    headers = {"Content-Type": media} if media else {}
    sent = client.post("/api/deploys", json.dumps({"version": "v1"}).encode(), key=shop.ingest_key, headers=headers)
    assert sent.status == 201


def test_a_deploy_that_is_sent_again_is_the_same(client: Client, shop: Tenant):
    first = client.post("/api/deploys", V1, key=shop.ingest_key)
    again = client.post("/api/deploys", V1 | {"service": "checkout", "note": "later"}, key=shop.ingest_key)
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    assert len(found(shop)) == 1


def test_nulls_and_empty_texts_are_fields_left_out(client: Client, shop: Tenant):
    left_out = {"version": "v1", "service": None, "environment": "", "at": None, "url": "", "note": None}
    assert client.post("/api/deploys", left_out, key=shop.ingest_key).status == 201
    assert client.post("/api/deploys", {"version": "v1"}, key=shop.ingest_key).status == 200


def test_an_idempotency_key_names_one_deploy_and_one_body(client: Client, shop: Tenant):
    key = {"Idempotency-Key": "run-7"}
    first = client.post("/api/deploys", V1, key=shop.ingest_key, headers=key)
    assert client.post("/api/deploys", V1, key=shop.ingest_key, headers=key).json == first.json
    other = client.post("/api/deploys", {"version": "v2"}, key=shop.ingest_key, headers=key)
    assert (other.status, other.json["type"]) == (422, "urn:scrywatch:problem:idempotency-key")
    wrong = client.post("/api/deploys", V1, key=shop.ingest_key, headers={"Idempotency-Key": "a b"})
    assert wrong.status == 400


@pytest.mark.parametrize(
    "at", ["2026-11-24T14:05:00Z", "1795529100000", 1795529100000, "2026-11-24T15:05:00+01:00", "2026-11-24T14:05Z"]
)
def test_a_time_may_be_written_in_the_ways_of_events(
    client: Client, shop: Tenant, at: str | int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(request, "clock", lambda: 1795529400000 * 1_000_000)
    answer = client.post("/api/deploys", {"version": "v1", "at": at}, key=shop.ingest_key)
    assert (answer.status, answer.json["at"]) == (201, 1795529100000)


@pytest.mark.parametrize(
    ("body", "status", "field", "says"),
    [
        ({}, 422, "version", "is missing"),
        ({"version": ""}, 422, "version", "at least 1 characters"),
        ({"version": 7}, 422, "version", "must be text"),
        ({"version": "x" * 101}, 422, "version", "at most 100 characters"),
        ({"version": "a\nb"}, 422, "version", "one line"),
        ({"version": "a\u202eb"}, 422, "version", "one line"),
        ({"version": "v1", "sevice": "a"}, 422, "sevice", "Did you mean `service`?"),
        ({"version": "v1", "url": "http://example.com"}, 422, "url", "https://"),
        ({"version": "v1", "url": "javascript:alert(1)"}, 422, "url", "https://"),
        ({"version": "v1", "url": "https://user:secret@example.com"}, 422, "url", "without a name or password"),
        ({"version": "v1", "url": 'https://example.com/"><script>'}, 422, "url", "https://"),
        ({"version": "v1", "url": "https:///x"}, 422, "url", "https://"),
        ({"version": "v1", "at": "soonish"}, 422, "at", "2026-01-02T03:04:05Z"),
        ({"version": "v1", "at": 1795468560}, 422, "at", "looks like seconds"),
        ({"version": "v1", "at": 0}, 422, "at", "30 days that the project keeps"),
        ({"version": "v1", "at": "2999-01-01"}, 422, "at", "lies ahead"),
        ({"version": "v1", "at": 1.5}, 422, "at", "right form"),
        ([], 400, None, "JSON object"),
        ("v1", 400, None, "JSON object"),
    ],
)
@pytest.mark.requirement("W6", "V1.2.2")
def test_what_cannot_be_used_is_told_how_to_be_mended(
    client: Client, shop: Tenant, body: Any, status: int, field: str | None, says: str
):
    answer = client.post("/api/deploys", body, key=shop.ingest_key)
    assert (answer.status, answer.json.get("field")) == (status, field)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert says in answer.json["detail"]
    assert found(shop) == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"version": "a", "version": "b"}', b"\xff", b"version=v1"])
def test_a_body_that_cannot_be_read_is_refused(client: Client, shop: Tenant, body: bytes):
    assert client.post("/api/deploys", body, key=shop.ingest_key).status == 400


def test_a_huge_body_is_refused(client: Client, shop: Tenant):
    assert client.post("/api/deploys", {"version": "v1", "note": "x" * 70_000}, key=shop.ingest_key).status == 413


def test_more_than_a_thousand_a_day_are_refused_until_tomorrow(
    client: Client, shop: Tenant, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deploy_recording, "MOST_A_DAY", 1)
    assert client.post("/api/deploys", V1, key=shop.ingest_key).status == 201
    answer = client.post("/api/deploys", {"version": "v2"}, key=shop.ingest_key)
    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 86_400
    assert "a day (UTC)" in answer.json["detail"]
    assert client.post("/api/ingest", {"events": []}, key=shop.ingest_key).status == 202


def test_pages_of_other_origins_cannot_record_what_programs_deploy(client: Client, shop: Tenant):
    answer = client.post("/api/deploys", V1, key=shop.ingest_key, headers={"Origin": "https://shop.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_list_has_a_range_and_pages(client: Client, shop: Tenant):
    at = now_ms() - 3_600_000
    for number in range(5):
        sent = {"version": f"v{number}", "at": at + number * 60_000}
        assert client.post("/api/deploys", sent, key=shop.ingest_key).status == 201
    first = client.get(place(shop) + "?limit=2", key=shop.query_key)
    assert [each["version"] for each in first.json["data"]] == ["v4", "v3"]
    assert 'rel="next"' in first.headers["Link"]
    cursor = first.json["next_cursor"]
    assert [each["version"] for each in found(shop, f"?limit=2&cursor={cursor}")] == ["v2", "v1"]
    rest = client.get(place(shop) + f"?limit=3&cursor={cursor}", key=shop.query_key).json
    assert ([each["version"] for each in rest["data"]], rest["next_cursor"]) == (["v2", "v1", "v0"], None)
    within = f"?from={at + 60_000}&to={at + 180_000}"
    assert [each["version"] for each in found(shop, within)] == ["v2", "v1"]
    assert found(shop, "?since=10m") == []
    assert client.get(place(shop) + "?since=1q", key=shop.query_key).status == 400
    assert client.get(place(shop) + "?limit=0", key=shop.query_key).status == 400


# --- who may ----------------------------------------------------------------------------------------------------------


def deploys(tenant: Cast) -> str:
    return f"/api/orgs/{tenant.slug}/projects/{tenant.project_slug}/deploys"


def member(tenant: Cast) -> Somebody:
    return signed_in("member", tenant.member)


def test_a_member_records_reads_and_deletes_and_the_log_says_so(acme: Cast):
    who = member(acme)
    made = who.send("POST", deploys(acme), V1)
    assert made.status == 201
    listed = who.send("GET", deploys(acme)).json["data"]
    mine = next(each for each in listed if each["id"] == made.json["id"])
    assert mine["by"] == {"kind": "person", "id": acme.member.user.hex()}
    assert who.send("DELETE", f"{deploys(acme)}/{mine['id']}").status == 204
    assert who.send("DELETE", f"{deploys(acme)}/{mine['id']}").status == 404
    assert mine["id"] not in {each["id"] for each in who.send("GET", deploys(acme)).json["data"]}
    [entry] = audit.search(acme.org, audit.Filter(action="deploy.delete", target=mine["id"])).data
    assert entry.actor == audit.person(acme.member.user)
    assert (entry.before["version"], entry.before["at"]) == ("v1.4.2", mine["at"])


@pytest.mark.requirement("S22")
def test_a_page_of_somebody_else_records_nothing_in_a_members_name(acme: Cast):
    who = member(acme)
    plain = {"Cookie": who.headers["Cookie"], "Content-Type": "text/plain"}
    answer = Client().send("POST", deploys(acme), body=b'{"version": "v1"}', headers=plain)
    assert answer.status == 403
    typed = who.send("POST", deploys(acme), {"version": "v1"}, **{"Content-Type": "text/plain"})
    assert typed.status == 415


def test_a_session_names_the_project_in_the_path(acme: Cast):
    assert member(acme).send("POST", "/api/deploys", V1).status == 403


@pytest.mark.requirement("S5", "S27", "S30")
def test_keys_do_what_their_kind_does_and_no_more(acme: Cast):
    ingest, query = holder("ingest", acme.ingest_key), holder("query", acme.query_key)
    app = holder("connection", acme.connection.access_token)
    one = f"{deploys(acme)}/{acme.parameters['/deploys/{deploy}']}"
    assert ingest.send("GET", deploys(acme)).status == 403
    assert ingest.send("DELETE", one).status == 403
    for reader in (query, app):
        assert reader.send("POST", "/api/deploys", V1).status == 403
        assert reader.send("POST", deploys(acme), V1).status == 403
        assert reader.send("DELETE", one).status == 403
        assert reader.send("GET", deploys(acme)).status == 200
    assert Client().post("/api/deploys", V1).status == 401
    assert Client().post("/api/deploys", V1, key="scry_ing_" + "A" * 44).status == 401


@pytest.mark.requirement("I4", "S29")
def test_nothing_of_another_tenants_deploys_is_told_or_touched(acme: Cast, evil: Cast):
    theirs = evil.parameters["/deploys/{deploy}"]
    who = member(acme)
    pages = f"/orgs/{acme.slug}/projects/{acme.project_slug}/deploys"
    for path in (f"{pages}/{theirs}", f"{pages}/{theirs}/deploy.json"):
        assert who.send("GET", path).status == 404
    assert who.send("DELETE", f"{deploys(acme)}/{theirs}").status == 404
    assert who.send("DELETE", f"{deploys(evil)}/{theirs}").status == 404
    assert who.send("GET", deploys(evil)).status == 404
    wrong_place = holder("ingest", acme.ingest_key).send("POST", deploys(evil), V1)
    assert wrong_place.status == 404
    for path in (pages, f"{pages}.json", f"{pages}?cursor={theirs}", deploys(acme)):
        assert evil.canary.encode() not in who.send("GET", path).body
    assert {each["id"] for each in member(evil).send("GET", deploys(evil)).json["data"]} == {theirs}


@pytest.mark.requirement("I5")
def test_who_is_removed_between_the_door_and_the_write_records_nothing(moto_store: None):
    shop = new_tenant("brief", "shop")
    owner = shop.membership(shop.owner)

    def remove() -> None:
        members.remove(shop.member.user, by=owner, now=now_ms() // 1000)

    who = member(shop)
    who.send("GET", deploys(shop))  # the first request of a person is counted in the store, others are not
    with counted() as travelled:
        assert who.send("POST", deploys(shop), {"version": "before"}).status == 201
    write = travelled.calls.index("TransactWriteItems") + 1
    with meanwhile(remove, at=write):
        assert who.send("POST", deploys(shop), {"version": "too late"}).status == 403
    listed = signed_in("owner", shop.owner).send("GET", deploys(shop)).json["data"]
    assert "too late" not in {each["version"] for each in listed}

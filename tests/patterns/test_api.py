"""Patterns over the API: listed for who reads, resolved and reopened by members, in the audit log."""

import time
from typing import Any

import pytest

from chalicelib.events.patterns import fingerprint, pattern_id
from chalicelib.identity import members
from chalicelib.storage import audit
from tests.api.client import Client
from tests.api.client import Tenant as Reader
from tests.api.client import new_tenant as new_reader
from tests.permissions.cast import Somebody, Tenant, holder, signed_in
from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "everything_is_served", "evil"]


@pytest.fixture
def shop(moto_store: None) -> Reader:
    return new_reader("acme", "shop")


def place(tenant: Tenant | Reader) -> str:
    return tenant.logs.removesuffix("/logs") + "/patterns"


def send(tenant: Tenant | Reader, *messages: str, level: str = "info", ago: int = 1_000) -> None:
    at = int(time.time() * 1000) - ago
    events = [{"timestamp": at, "message": each, "level": level, "service": "api"} for each in messages]
    sent = Client().post("/api/ingest", {"events": events}, key=tenant.ingest_key)
    assert sent.status == 202, sent.body


def found(tenant: Tenant | Reader, query: str = "") -> Any:
    answer = Client().get(place(tenant) + query, key=tenant.query_key)
    assert answer.status == 200, answer.body
    return answer.json


def templates(tenant: Tenant | Reader, query: str = "") -> list[str]:
    return [each["template"] for each in found(tenant, query)["patterns"]]


def member(tenant: Tenant) -> Somebody:
    return signed_in("member", tenant.member)


def logged(tenant: Tenant) -> list[audit.Entry]:
    return audit.search(tenant.org, audit.Filter(action="pattern")).data


def put(who: Somebody, tenant: Tenant, message: str, body: dict[str, Any]) -> Any:
    name = pattern_id(fingerprint(message)).hex()
    return who.send("PUT", f"{place(tenant)}/{name}/state", body)


def test_patterns_are_listed_however_they_are_counted(shop):
    send(shop, "user 1 logged in", "user 2 logged in", "user 77 logged in")
    for query in ("", "?since=24h", "?since=1h", "?since=7d&level=info", "?q=logged&since=7d"):
        listed = found(shop, query)
        [row] = listed["patterns"]
        assert (row["template"], row["count"], row["share"]) == ("user <n> logged in", 3, 1.0)
        assert (row["levels"], row["services"], row["state"]) == ({"info": 3}, {"api": 3}, "open")
        assert (row["new"], row["find"], row["id"]) == (True, "logged in", pattern_id("user <n> logged in").hex())
        assert (sum(row["spark"]), len(row["spark"])) == (3, 24)
        assert (listed["of"], listed["events"], listed["other"]) == (1, 3, 0)
        assert listed["from"] < row["first_seen_ms"] <= row["last_seen_ms"] <= listed["to"]
    one = Client().get(f"{place(shop)}/{row['id']}", key=shop.query_key).json
    assert (one["id"], one["count"], one["template"]) == (row["id"], 3, row["template"])


def test_a_list_is_as_long_as_it_is_asked_to_be_and_says_how_many_there_are(shop):
    send(shop, *(f"kind {word}" for word in ("a", "b", "c")))
    listed = found(shop, "?limit=2")
    assert (len(listed["patterns"]), listed["of"], listed["events"]) == (2, 3, 3)


def test_what_is_not_understood_is_told(shop):
    wrong = {
        "only=old": "only", "since=soon": "since", "limit=0": "limit", "q=level:wran": "warn", "x=1": "x",
        "since=1h&from=2026-01-01": "not both",
    }  # fmt: skip
    for query, told in wrong.items():
        answer = Client().get(f"{place(shop)}?{query}", key=shop.query_key)
        assert answer.status == 400
        assert told in answer.body.decode()


@pytest.mark.parametrize("name", ["00" * 8, "zz", "0", "../x", "%00"])
def test_a_pattern_that_is_none_is_not_found(shop, name):
    assert Client().get(f"{place(shop)}/{name}", key=shop.query_key).status in (403, 404)


def test_a_member_resolves_a_pattern_and_it_is_regressed_exactly_when_it_is_seen_again(acme):
    send(acme, "disk 1 is full")
    answer = put(member(acme), acme, "disk 1 is full", {"state": "resolved", "note": "cleaned up"})
    assert answer.status == 200
    assert (answer.json["state"], answer.json["note"]) == ("resolved", "cleaned up")
    assert answer.json["resolved_by"] == acme.member.user.hex()
    assert templates(acme, "?only=resolved") == ["disk <n> is full"]
    assert templates(acme, "?only=regressed") == []
    send(acme, "disk 1 is full, nearly", ago=0)
    send(acme, "disk 2 is full", ago=60_000)
    assert templates(acme, "?only=regressed") == []
    send(acme, "disk 2 is full", ago=-1_000)
    assert templates(acme, "?only=regressed&since=30m") == ["disk <n> is full"]
    assert templates(acme, "?only=resolved") == []
    reopened = put(member(acme), acme, "disk 1 is full", {"state": "open"})
    assert (reopened.json["state"], reopened.json["resolved_at"]) == ("open", None)
    entries = logged(acme)
    assert [(each.action, each.actor.id) for each in entries] == [
        ("pattern.reopen", acme.member.user.hex()),
        ("pattern.resolve", acme.member.user.hex()),
    ]
    assert entries[1].target == pattern_id("disk <n> is full").hex()
    assert entries[1].after == {"project": acme.project.hex(), "state": "resolved", "note": "cleaned up"}


def test_what_was_resolved_is_listed_as_resolved_where_the_range_has_none_of_it(acme):
    send(acme, "disk 1 is full", ago=5 * 3_600_000)
    put(member(acme), acme, "disk 1 is full", {"state": "resolved"})
    send(acme, "something else")
    resolved = found(acme, "?since=3h&only=resolved")["patterns"]
    assert [(each["template"], each["count"]) for each in resolved] == [("disk <n> is full", 0)]
    assert "disk <n> is full" not in templates(acme, "?since=3h")


def test_reopening_what_is_open_changes_nothing(acme):
    send(acme, "disk 1 is full")
    assert put(member(acme), acme, "disk 1 is full", {"state": "open"}).json["state"] == "open"
    assert logged(acme) == []


def test_a_note_that_is_no_line_is_refused(acme):
    send(acme, "disk 1 is full")
    for note in ("two\nlines", "hidden \u202e turn", "x" * 301):
        answer = put(member(acme), acme, "disk 1 is full", {"state": "resolved", "note": note})
        assert answer.status == 422
    assert found(acme, "?only=resolved")["patterns"] == []


@pytest.mark.requirement("S5", "S29")
def test_no_key_and_no_app_changes_a_state_and_nobody_else_sees_one(acme, evil):
    send(acme, "disk 1 is full")
    send(evil, "disk 1 is full")
    body = {"state": "resolved"}
    for secret in (acme.ingest_key, acme.query_key, acme.connection.access_token):
        assert put(holder("program", secret), acme, "disk 1 is full", body).status == 403
    assert put(member(evil), acme, "disk 1 is full", body).status == 404
    assert put(member(acme), acme, "never sent", body).status == 404
    assert put(member(acme), acme, "disk 1 is full", body).status == 200
    assert templates(evil, "?only=resolved") == []
    assert templates(acme, "?only=resolved") == ["disk <n> is full"]


def test_who_was_removed_resolves_nothing(acme):
    send(acme, "disk 1 is full")
    who = member(acme)
    members.remove(acme.member.user, by=acme.membership(acme.admin), now=int(time.time()))
    assert put(who, acme, "disk 1 is full", {"state": "resolved"}).status in (401, 404)
    assert templates(acme, "?only=resolved") == []

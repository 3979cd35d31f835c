"""What is told of a project's usage: what is stored exactly, what was sent as it came, of one tenant alone."""

import gzip
import re
import time
from pathlib import Path
from typing import Any

import pytest

from chalicelib.events.indexing import index_hour
from chalicelib.events.query import usage as query
from chalicelib.events.query.usage import Usage
from chalicelib.events.store import index
from chalicelib.events.store.hour_services import services_in
from chalicelib.events.store.pattern_hours import HourPatterns, Occurred, packed
from chalicelib.events.store.usage import tally
from chalicelib.ids import DAY_MS, HOUR_MS, slot_of
from chalicelib.routes.usage import ADVICE
from tests import faults
from tests.api.client import Client, Tenant, new_tenant
from tests.conftest import NOW_MS, new_scope
from tests.store.driver import event, indexed_scope, send, soon

TODAY = NOW_MS // DAY_MS


def used(scope: Any, *, first: int = TODAY - 29, now_ms: int = NOW_MS) -> Usage:
    return query.usage(scope, first, TODAY, now_ms=now_ms, deadline=soon())


def levels(found: Usage) -> dict[int, dict[str, int]]:
    """By day from today, of days with events."""
    return {day.day - TODAY: day.levels for day in found.days if day.events}


# --- what is stored ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I11")
def test_stored_events_are_counted_by_the_day_they_happened(store):
    scope = indexed_scope()
    send(scope, [event("old", NOW_MS - 3 * DAY_MS, level="error"), event("older", NOW_MS - 4 * DAY_MS)])
    send(scope, [event("now", NOW_MS - 60_000, level="warn"), event("again", NOW_MS - 120_000)])
    found = used(scope)
    assert levels(found) == {-4: {"info": 1}, -3: {"error": 1}, 0: {"info": 1, "warn": 1}}
    assert all(day.exact for day in found.days)
    assert len(found.days) == 30
    assert all((day.bytes > 0) == (day.events > 0) for day in found.days)


def test_hours_that_the_index_knows_cost_no_block(store):
    scope = indexed_scope()
    old = NOW_MS - 5 * DAY_MS
    for number in range(3):
        send(scope, [event(f"{number}", old + number)])
    before = used(scope)
    index_hour(scope, slot_of(old), deadline=soon())
    after = used(scope)
    assert levels(before) == levels(after) == {-5: {"info": 3}}
    assert (before.scanned.blocks, after.scanned.blocks) == (3, 0)


@pytest.mark.requirement("I11")
def test_what_the_budget_does_not_reach_is_said_to_be_counted_in_part(store, monkeypatch):
    scope = indexed_scope()
    for number in range(6):
        send(scope, [event(f"{number}", NOW_MS - number * 60_000)])
    monkeypatch.setattr(query, "LIVE_BLOCKS", 4)
    found = used(scope)
    assert levels(found) == {0: {"info": 4}}
    assert [day.day for day in found.days if not day.exact] == [TODAY]
    assert found.counted_since is not None
    assert NOW_MS - 4 * 60_000 < found.counted_since <= NOW_MS - 3 * 60_000


@pytest.mark.requirement("I11")
def test_a_project_without_an_index_is_counted_for_the_last_hours_and_says_so(store, scope):
    send(scope, [event("now"), event("hours ago", NOW_MS - 20 * HOUR_MS), event("days ago", NOW_MS - 9 * DAY_MS)])
    found = used(scope)
    assert sum(day.events for day in found.days) == 2
    assert [day.exact for day in found.days] == [False] * 29 + [True]
    assert found.indexed_until == 0


@pytest.mark.requirement("S37")
def test_days_that_the_project_does_not_keep_as_a_whole_are_left_out(store):
    wide = indexed_scope(retention_days=30)
    send(wide, [event("old", NOW_MS - 8 * DAY_MS), event("new", NOW_MS - DAY_MS)])
    tally.note(wide, "key", query.Used(accepted=1), (), now_ms=NOW_MS - 8 * DAY_MS, deadline=soon())
    narrow = type(wide)(wide.org, wide.project, 7)
    assert sum(day.events + day.sent.accepted for day in used(wide).days) == 3
    found = used(narrow)
    assert [day.day - TODAY for day in found.days] == list(range(-6, 1))
    assert levels(found) == {-1: {"info": 1}}
    assert found.keys == {}


@pytest.mark.requirement("I4", "S29")
def test_another_projects_usage_is_not_in_it(store):
    alice, mallory = indexed_scope(), indexed_scope()
    send(alice, [event("hers")])
    tally.note(alice, "hers", query.Used(accepted=1), ("too_old",), now_ms=NOW_MS, deadline=soon())
    found = used(mallory)
    assert sum(day.events + day.sent.events for day in found.days) == 0
    assert (found.keys, found.reasons, found.services.values) == ({}, {}, [])


def services(scope: Any) -> tuple[dict[str, int], int]:
    found = used(scope).services
    return {each.value: each.count for each in found.values}, found.of


def test_services_are_the_same_from_blocks_and_from_the_index(store):
    scope = indexed_scope()
    old = NOW_MS - 2 * DAY_MS
    send(scope, [event("a", service="api"), event("b", service="api"), event("c", service="mail"), event("d")])
    send(scope, [event("old", old, service="api"), event("none", old), event("long", old, service="s" * 201)])
    expected = ({"api": 3, "mail": 1}, 7)
    assert services(scope) == expected
    index_hour(scope, slot_of(old), deadline=soon())
    assert services(scope) == expected
    assert used(scope).scanned.blocks == 1


def test_an_hour_that_was_marked_since_is_counted_by_its_blocks(store):
    scope = indexed_scope()
    old = NOW_MS - 2 * DAY_MS
    send(scope, [event("first", old, service="api")])
    index_hour(scope, slot_of(old), deadline=soon())
    send(scope, [event("late", old + 1, service="api")])
    assert services(scope) == ({"api": 2}, 2)


def test_services_are_read_as_they_are_stored():
    hour = HourPatterns({b"8 bytes!": Occurred(3, {"info": 2}, {"api": 2})}, {"warn": 1}, {"api": 7, "": 2})
    assert services_in(packed(hour, slot_of(0))) == hour.services


def test_the_lag_is_how_late_the_newest_events_came(store):
    scope = indexed_scope()
    assert used(scope).lag is None
    send(scope, [event("at once", NOW_MS - 10)])
    send(scope, [event("late", NOW_MS - 90_000)])
    send(scope, [event("soon", NOW_MS - 500)])
    found = used(scope).lag
    assert found is not None
    assert (found.p50_ms, found.max_ms, found.events) == (500, 90_000, 3)


def test_events_of_long_ago_say_nothing_of_the_lag(store):
    scope = indexed_scope()
    send(scope, [event("sent a day late", NOW_MS - DAY_MS)])
    assert used(scope).lag is None


def test_reading_asks_for_a_bounded_number_of_items(store, monkeypatch):
    scope = new_scope()
    index.raise_watermark(scope, slot_of(NOW_MS), now_ms=NOW_MS, deadline=soon())
    with faults.counted() as calls:
        query.usage(scope, TODAY - 399, TODAY, now_ms=NOW_MS, deadline=soon())
    assert len(calls.calls) <= 2 + 1 + 3 * (query.LIVE_HOURS + 26)


# --- over the API -----------------------------------------------------------------------------------------------------


@pytest.fixture
def alice(moto_store: None) -> Tenant:
    return new_tenant("acme", "app")


def asked(tenant: Tenant, query: str = "", *, key: str | None = None) -> Any:
    path = f"/api/orgs/{tenant.org}/projects/{tenant.project}/usage{query}"
    return Client().get(path, key=key or tenant.query_key)


def test_what_ingest_answered_is_what_usage_tells(alice):
    now = int(time.time() * 1000)
    batch = {
        "events": [{"timestamp": now, "level": "error"}, {"timestamp": now - 1}, 7, {"timestamp": 978_307_200_000}]
    }
    sent = Client().post("/api/ingest", batch, key=alice.ingest_key)
    assert sent.json["accepted"] == 2
    answer = asked(alice)
    assert answer.status == 200, answer.body
    total = answer.json["total"]
    assert (total["events"], total["levels"]) == (2, {"error": 1, "info": 1})
    assert (total["accepted"], total["duplicates"], total["rejected"]) == (2, 0, 2)
    assert total["sent_bytes"] > 100
    assert {each["reason"]: each["count"] for each in answer.json["rejections"]} == {"not_an_object": 1, "too_old": 1}
    assert answer.json["days"][-1]["accepted"] == 2
    assert answer.json["retention_days"] == 30
    assert answer.json["daily_allowance"] is None


def test_a_compressed_body_counts_as_what_is_in_it(alice):
    body = b'{"events": [{"message": "%s"}]}' % (b"x" * 50_000)
    answer = Client().post("/api/ingest", gzip.compress(body), key=alice.ingest_key)
    assert answer.status == 202
    assert asked(alice).json["total"]["sent_bytes"] == len(body)


@pytest.mark.requirement("I1", "I12", "I9")
@pytest.mark.parametrize("name", faults.PASSING)
def test_counting_never_keeps_a_batch_from_being_acknowledged(alice, name):
    """The counter is the last thing that a request writes: from there on the store fails."""
    batch = {"events": [{"timestamp": int(time.time() * 1000), "message": "kept"}]}
    with faults.counted() as usual:
        assert Client().post("/api/ingest", batch, key=alice.ingest_key).status == 202
    counter = len(usual.calls)
    assert usual.calls[-1] == "UpdateItem"
    other = new_tenant("other", "app")
    tally._flushed_at = None
    with faults.injected(faults.PASSING[name], at=counter, lasting=True) as calls:
        assert Client().post("/api/ingest", batch, key=other.ingest_key).status == 202
    assert calls.met
    assert [each["message"] for each in Client().get(other.logs, key=other.query_key).json["data"]] == ["kept"]


@pytest.mark.requirement("S7", "S6")
def test_who_may_not_see_the_keys_of_a_project_is_not_told_of_them(alice):
    """Query keys and connections read events; a list of keys is for people."""
    Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=alice.ingest_key)
    answer = asked(alice)
    assert answer.json["total"]["accepted"] == 1
    assert answer.json["keys"] is None
    assert alice.ingest_key[9:17].encode() not in answer.body


@pytest.mark.parametrize(
    ("query", "parameter", "told"),
    [
        ("?from=soon", "from", "must be a day such as `2026-11-24`"),
        ("?to=2026-13-01", "to", "must be a day"),
        ("?from=2030-01-02", "from", "ends before it starts"),
        ("?from=2020-01-01&to=2026-01-01", "from", "At most 400 days"),
        ("?days=7", "days", "There are: from, to"),
    ],
)
def test_a_range_that_is_none_is_refused_with_what_would_do(alice, query, parameter, told):
    answer = asked(alice, query)
    assert (answer.status, answer.json["parameter"]) == (400, parameter)
    assert told in answer.json["detail"]


def test_a_range_is_days_both_ends_included(alice):
    today = time.strftime("%Y-%m-%d", time.gmtime())
    answer = asked(alice, f"?from={today}&to={today}").json
    assert [each["day"] for each in answer["days"]] == [today]
    assert len(asked(alice).json["days"]) == 30
    assert asked(alice, "?to=2999-01-01").json["to"] == today


def test_every_reason_that_ingest_knows_has_an_advice():
    source = "".join(path.read_text() for path in (Path(__file__).parents[2] / "chalicelib" / "events").rglob("*.py"))
    codes = set(re.findall(r'Rejection\(\s*(?:row\.index|index),\s*"(\w+)"', source))
    assert {"too_old", "invalid_json"} <= codes
    assert codes | {"over_allowance"} == set(ADVICE)

"""A project's window as people and programs change it: what goes is told first, and is gone everywhere at once."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.events.indexing import index_hour
from chalicelib.events.query.loss import loss
from chalicelib.events.scope import Scope
from chalicelib.events.store import index
from chalicelib.identity.projects import project_by_id
from chalicelib.identity.sessions import FRESH_SECONDS
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from tests.api.client import Client, Response
from tests.permissions.cast import Somebody, Tenant, holder, new_tenant, signed_in
from tests.store.driver import event, indexed_scope, send, soon

OLD = "CANARY of the past"
AGO_MS = 20 * DAY_MS


@pytest.fixture
def acme(engine_store: None) -> Tenant:
    """With an event and a deploy of twenty days ago, and an event of now. Nothing here expires by itself."""
    tenant = new_tenant("acme", "shop")
    at = now_ms() - AGO_MS
    past = {"timestamp": at, "message": OLD, "level": "error", "service": "past", "trace_id": "ab" * 16}
    for message in (past, {"message": "of the present", "level": "error"}):
        assert Client().post("/api/ingest", {"events": [message]}, key=tenant.ingest_key).status == 202
    deploy = {"version": OLD, "at": at}
    assert Client().post("/api/deploys", deploy, key=tenant.ingest_key).status == 201
    return tenant


@pytest.fixture
def owner(acme: Tenant) -> Somebody:
    return signed_in("owner", acme.owner)


def now_ms() -> int:
    return int(time.time() * 1000)


def project(acme: Tenant) -> str:
    return f"/api/orgs/{acme.slug}/projects/{acme.project_slug}"


def page(acme: Tenant) -> str:
    return project(acme).removeprefix("/api")


def change(who: Somebody, acme: Tenant, **body: Any) -> Response:
    return who.send("PATCH", project(acme), body)


def problem(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json["type"].removeprefix("urn:scrywatch:problem:")


# --- over JSON --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S37")
def test_a_shorter_window_tells_what_goes_and_waits_for_a_second_yes(acme: Tenant, owner: Somebody) -> None:
    told = change(owner, acme, retention_days=7)
    assert problem(told) == (409, "shortening")
    assert (told.json["events"], told.json["exact"]) == (1, True)
    assert abs(told.json["oldest"] - (now_ms() - AGO_MS)) <= 12 * HOUR_MS
    assert abs(told.json["before"] - (now_ms() - 7 * DAY_MS)) < 60_000
    assert owner.send("GET", project(acme)).json["retention_days"] == 30
    done = change(owner, acme, retention_days=7, delete_older=True)
    assert (done.status, done.json["retention_days"], done.json["longest_retention_days"]) == (200, 7, 30)
    longer = change(owner, acme, retention_days=30)
    assert (longer.status, longer.json["retention_days"]) == (200, 30)


@pytest.mark.requirement("V7.5.3")
def test_shortening_needs_a_fresh_password_and_lengthening_does_not(acme: Tenant, owner: Somebody) -> None:
    stale = signed_in("owner", acme.owner, at=int(time.time()) - FRESH_SECONDS - 60)
    assert problem(change(stale, acme, retention_days=7, delete_older=True)) == (403, "reauthenticate")
    assert change(owner, acme, retention_days=7, delete_older=True).status == 200
    assert change(stale, acme, retention_days=8).status == 200


@pytest.mark.requirement("S30")
def test_members_do_not_change_the_window(acme: Tenant) -> None:
    member = signed_in("member", acme.member)
    assert problem(change(member, acme, retention_days=7, delete_older=True)) == (403, "forbidden")
    form = {"retention_days": "7", "version": "1"}
    assert member.post_form(f"{page(acme)}/settings/shorter", form).status == 403
    assert member.post_form(f"{page(acme)}/settings/window", {"retention_days": "29"}).status == 403


def test_a_window_beyond_the_plan_is_refused_by_its_name(acme: Tenant, owner: Somebody) -> None:
    refused = change(owner, acme, retention_days=31)
    assert problem(refused) == (422, "field")
    assert (refused.json["field"], refused.json["detail"]) == (
        "retention_days", "Events can be kept for 1 to 30 days here.",
    )  # fmt: skip


def test_a_window_is_changed_by_who_saw_the_settings(acme: Tenant, owner: Somebody) -> None:
    seen = owner.send("GET", project(acme)).headers["ETag"]
    assert change(owner, acme, retention_days=29, delete_older=True).status == 200
    again = owner.send("PATCH", project(acme), {"retention_days": 30}, **{"If-Match": seen})
    assert problem(again) == (412, "changed")


# --- gone from every surface at once ----------------------------------------------------------------------------------


def surfaces(acme: Tenant, old: str, cursors: dict[str, str], deploy: str) -> Iterator[str]:
    """Every way to ask for events, and what was derived from them, over a range that reaches back far enough."""
    api, html = project(acme), page(acme)
    since = "since=30d"
    yield from (
        f"{api}/logs?{since}", f"{api}/logs?{since}&order=asc", f"{api}/logs?{since}&service=past",
        f"{api}/logs?{since}&limit=1&cursor={cursors['search']}", f"{api}/logs/timeline?{since}",
        f"{api}/logs/facets?{since}&fields=service,message", f"{api}/logs/aggregate?{since}&by=message",
        f"{api}/logs/{old}", f"{api}/logs/{old}/context", f"{api}/logs/export?{since}&format=ndjson",
        f"{api}/logs/export?{since}&format=csv&cursor={cursors['export']}", f"{api}/logs/tail?cursor={cursors['tail']}",
        f"{api}/patterns?{since}", f"{api}/deploys?{since}", f"{api}/usage", f"{html}/explore?{since}",
        f"{html}/explore.json?{since}", f"{html}/events/{old}", f"{html}/traces/{'ab' * 16}?{since}",
        f"{html}/patterns?{since}", f"{html}/deploys?{since}", f"{html}/deploys/{deploy}", f"{html}/usage.json",
    )  # fmt: skip


TOOLS = (
    ("search_events", {"from": "30 days ago"}), ("list_patterns", {"from": "30 days ago"}),
    ("project_overview", {"since": "30d"}), ("aggregate_events", {"by": ["service"], "from": "30 days ago"}),
)  # fmt: skip


def asked(acme: Tenant) -> list[str]:
    """What an assistant is answered."""
    found = []
    caller = holder("connection", acme.connection.access_token)
    for name, arguments in TOOLS:
        message = {
            "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}
        }  # fmt: skip
        answer = caller.send("POST", "/mcp", message, Accept="application/json, text/event-stream")
        assert answer.status == 200, answer.body
        assert not answer.json["result"].get("isError"), answer.body
        found.append(answer.body.decode())
    return found


@pytest.mark.requirement("S37")
def test_a_window_that_was_shortened_hides_at_once_on_every_surface(acme: Tenant, owner: Somebody) -> None:
    api = project(acme)
    scope, indexed = Scope(acme.org, acme.project, 30), slot_of(now_ms()) - 3
    index_hour(scope, slot_of(now_ms() - AGO_MS), deadline=soon())
    index.raise_watermark(scope, Slot(indexed), now_ms=now_ms(), deadline=soon())
    first = owner.send("GET", f"{api}/logs?since=30d&limit=1&order=desc").json
    cursors = {
        "search": first["next_cursor"],
        "export": first["next_cursor"],
        "tail": owner.send("GET", f"{api}/logs/tail").json["cursor"],
    }
    old = owner.send("GET", f"{api}/logs?since=30d&service=past").json["data"][0]["id"]
    [deploy] = owner.send("GET", f"{api}/deploys?since=30d").json["data"][-1:]
    paths = list(surfaces(acme, old, cursors, deploy["id"]))
    told_before = [owner.send("GET", path).body for path in paths] + [each.encode() for each in asked(acme)]
    assert sum(OLD.encode() in each or b'"past"' in each for each in told_before) >= 16
    assert change(owner, acme, retention_days=7, delete_older=True).status == 200
    for path in paths:
        answer = owner.send("GET", path)
        assert answer.status in (200, 400, 404), path
        assert OLD.encode() not in answer.body, path
        assert b'"past"' not in answer.body, path
    assert not [each for each in asked(acme) if OLD in each]
    assert loss(scope, 7, now_ms=now_ms(), deadline=soon()).events == 1  # it is there still, and shown to nobody
    # Lengthening brings nothing back.
    assert change(owner, acme, retention_days=30).status == 200
    assert [path for path in paths if OLD.encode() in owner.send("GET", path).body] == []


@pytest.mark.requirement("S37", "I3")
def test_what_is_sent_from_behind_the_edge_is_rejected_after_a_shortening_for_good(
    acme: Tenant, owner: Somebody
) -> None:
    assert change(owner, acme, retention_days=7, delete_older=True).status == 200
    assert change(owner, acme, retention_days=30).status == 200
    found = project_by_id(acme.org, acme.project)
    assert found is not None
    sent = [{"timestamp": found.kept_from + more, "message": "late"} for more in (-1_000, 1_000)]
    answer = Client().post("/api/ingest", {"events": sent}, key=acme.ingest_key).json
    assert answer["accepted"] == 1
    assert [(each["index"], each["reason"]) for each in answer["rejected"]] == [(0, "too_old")]


# --- what goes --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I11")
def test_what_goes_is_counted_to_the_edge_and_says_so_if_not(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conftest import NOW_MS

    scope = indexed_scope(retention_days=30)
    edge = NOW_MS - 7 * DAY_MS
    for number, at in enumerate((edge - 3 * DAY_MS, edge - 1, edge, edge + 1)):
        send(scope, [event(f"{number}", at)])
    whole = loss(scope, 7, now_ms=NOW_MS, deadline=soon())
    assert (whole.events, whole.exact, whole.start, whole.end) == (2, True, NOW_MS - 30 * DAY_MS, edge)
    assert whole.oldest is not None
    assert whole.oldest <= edge - 3 * DAY_MS < whole.oldest + DAY_MS
    assert loss(scope, 30, now_ms=NOW_MS, deadline=soon()).events == 0
    from chalicelib.events.query import loss as counting

    monkeypatch.setattr(counting, "BLOCKS", 1)
    part = loss(scope, 7, now_ms=NOW_MS, deadline=soon())
    assert (part.events, part.exact, part.oldest) == (1, False, None)


# --- on pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S37")
def test_people_see_what_goes_before_they_say_yes(acme: Tenant, owner: Somebody) -> None:
    settings = f"{page(acme)}/settings"
    led = owner.post_form(f"{settings}/window", {"retention_days": "7"})
    assert (led.status, _location(led)) == (303, f"{settings}/shorter?days=7")
    shown = owner.send("GET", f"{settings}/shorter?days=7").body.decode()
    assert "1 event goes, the oldest of" in shown
    assert "Delete it" in shown
    found = project_by_id(acme.org, acme.project)
    assert found is not None
    assert found.retention_days == 30
    done = owner.post_form(
        f"{settings}/shorter", {"retention_days": "7", "version": str(found.version)}
    )  # fmt: skip
    assert _location(done) == f"{settings}?saved=window"
    assert "Events are kept for 7 days" in owner.send("GET", f"{settings}?saved=window").body.decode()


def test_a_longer_window_needs_no_second_look(acme: Tenant, owner: Somebody) -> None:
    change(owner, acme, retention_days=7, delete_older=True)
    done = owner.post_form(f"{page(acme)}/settings/window", {"retention_days": "9"})
    assert _location(done) == f"{page(acme)}/settings?saved=window"
    refused = owner.post_form(f"{page(acme)}/settings/window", {"retention_days": "31"})
    assert refused.status == 422
    assert "Events can be kept for 1 to 30 days here." in refused.body.decode()


def test_a_yes_to_settings_that_changed_meanwhile_deletes_nothing(acme: Tenant, owner: Somebody) -> None:
    change(owner, acme, name="Another")
    refused = owner.post_form(f"{page(acme)}/settings/shorter", {"retention_days": "7", "version": "1"})
    assert refused.status == 422
    assert "Somebody changed these settings meanwhile" in refused.body.decode()
    assert owner.send("GET", project(acme)).json["retention_days"] == 30


@pytest.mark.requirement("V7.5.3")
def test_the_page_on_what_goes_asks_for_the_password_first_and_leads_back(acme: Tenant) -> None:
    stale = signed_in("owner", acme.owner, at=int(time.time()) - FRESH_SECONDS - 60)
    led = _location(stale.send("GET", f"{page(acme)}/settings/shorter?days=7"))
    assert led.startswith("/sign-in/again?next=")
    assert "days%3D7" in led or "days=7" in led
    assert "/sign-in/again" in _location(
        stale.post_form(f"{page(acme)}/settings/shorter", {"retention_days": "7", "version": "1"})
    )


@pytest.mark.parametrize("days", ["", "0", "30", "31", "x", "-1", "1e3"])
def test_the_page_leads_back_where_there_is_nothing_to_shorten(acme: Tenant, owner: Somebody, days: str) -> None:
    assert _location(owner.send("GET", f"{page(acme)}/settings/shorter?days={days}")) == f"{page(acme)}/settings"


def _location(answer: Response) -> str:
    assert answer.status == 303, answer.body
    found = answer.headers["Location"]
    return found if isinstance(found, str) else found[0]

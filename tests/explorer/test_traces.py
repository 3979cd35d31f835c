"""The list of traces: which traces a query's newest events belong to, and the ways to each."""

import json
from typing import Any

import pytest

from chalicelib.routes.pages.explore import traces
from tests.api.client import Client
from tests.explorer.conftest import PROJECT, Explorer

LIST = f"{PROJECT}/traces"


@pytest.fixture
def shop(explorer: Explorer) -> Explorer:
    """Two traces whose events alternate, and events of none. Each is a second older than the one before."""
    explorer.sends(
        {"trace_id": "t-1", "service": "gateway", "message": "answered", "level": "info"},
        {"trace_id": "t-2", "service": "gateway", "message": "routed", "level": "debug"},
        {"trace_id": "t-1", "service": "payments", "message": "declined", "level": "error"},
        {"service": "cron", "message": "of no trace"},
        {"trace_id": "t-1", "service": "gateway", "message": "asked", "level": "info"},
    )
    return explorer


def twin(explorer: Explorer, query: str = "") -> dict[str, Any]:
    answer = explorer.visitor.opens(f"{LIST}.json{query}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_traces_are_listed_by_their_newest_event_each_once(shop: Explorer):
    found = twin(shop)
    assert [(each["trace_id"], each["events"], each["services"]) for each in found["traces"]] == [
        ("t-1", 3, ["gateway", "payments"]), ("t-2", 1, ["gateway"]),
    ]  # fmt: skip
    assert [each["last"] - each["first"] for each in found["traces"]] == [4_000, 0]
    assert [each["heaviest"]["message"] for each in found["traces"]] == ["declined", "routed"]
    assert (found["looked_at"], found["all"], found["partial"]) == (4, True, False)


def test_the_page_says_the_same_and_each_row_leads_to_its_trace(shop: Explorer):
    page = shop.opens(LIST)
    assert "2 traces of 4 events" in page
    assert page.index("declined") < page.index("routed")
    assert "gateway, payments" in page
    assert "of no trace" not in page
    [first, _] = [each for each in shop.visitor.page.all("a") if "?at=" in each.attributes["href"]]
    assert "asked" in shop.opens(first.attributes["href"])


def test_a_query_narrows_them_and_can_be_undone(shop: Explorer):
    shop.opens(f"{LIST}?q=level:debug")
    assert "declined" not in shop.visitor.html
    assert "declined" in shop.opens(shop.link("Remove level:debug"))


def test_an_id_leads_to_its_trace_and_what_is_none_is_told(shop: Explorer):
    assert shop.visitor.opens(f"{LIST}?trace=t-1%20").status == 200
    assert shop.visitor.path == f"{PROJECT}/traces/t-1"
    assert "no id of a trace" in shop.opens(f"{LIST}?trace=../keys")


def test_what_is_wrong_is_said_and_the_rest_is_shown(shop: Explorer):
    assert "did you mean" in shop.opens(f"{LIST}?q=levle:error")
    page = shop.opens(f"{LIST}?since=soon")
    assert "This is the last hour instead." in page
    assert "declined" in page


def test_a_program_is_refused_where_a_person_is_told(shop: Explorer):
    for query in ("?q=levle:error", "?since=soon", "?limit=3"):
        assert shop.visitor.opens(f"{LIST}.json{query}").status == 400


def test_an_ingest_key_reads_no_traces(shop: Explorer):
    assert Client().get(f"{LIST}.json", key=shop.key).status == 403


def test_an_empty_range_says_what_will_be_there(explorer: Explorer):
    assert "No traces here" in explorer.opens(LIST)


def test_where_there_are_older_ones_it_says_so(shop: Explorer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(traces, "LOOKED_AT", 2)
    assert "2 traces of the newest 2 events" in shop.opens(LIST)
    assert twin(shop)["all"] is False


def test_the_rail_and_a_trace_lead_to_it(shop: Explorer):
    shop.opens("")
    assert shop.link("Traces") == LIST
    shop.opens(f"{PROJECT}/traces/t-1")
    assert shop.link("Traces") == LIST


def test_what_strangers_wrote_is_text_and_an_id_that_is_none_no_link(explorer: Explorer):
    hostile = "<script>alert(1)</script>\u202e"
    explorer.sends({"trace_id": hostile, "service": hostile, "message": hostile})
    page = explorer.opens(LIST)
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "⟨202E⟩" in page
    assert "?at=" not in page

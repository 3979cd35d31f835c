"""One event under an address that stays, what happened around it, and the trace that it belongs to."""

import json
import re

from tests.explorer.conftest import PROJECT, Explorer


def first(explorer: Explorer, query: str) -> dict:
    [found] = explorer.twin(query)["data"]
    return found


def test_an_event_has_an_address_with_its_neighbours(explorer: Explorer):
    explorer.sends(*({"message": f"number {at}", "service": "ab"[at % 2]} for at in range(9)))
    event = first(explorer, "?q=%22number+4%22")
    page = explorer.opens(f"{PROJECT}/events/{event['id']}?around=2")
    assert re.findall(r"<td><bdi>(number \d)</bdi>", page) == [f"number {at}" for at in (2, 3, 4, 5, 6)]
    page = explorer.opens(explorer.link("The same service"))
    assert re.findall(r"<td><bdi>(number \d)</bdi>", page) == [f"number {at}" for at in (0, 2, 4, 6, 8)]


def test_its_twin_has_the_same(explorer: Explorer):
    explorer.sends(*({"message": f"number {at}"} for at in range(3)))
    event = first(explorer, "?q=%22number+1%22")
    found = json.loads(explorer.visitor.opens(f"{PROJECT}/events/{event['id']}/event.json?around=1").body)
    assert found["event"] == event
    assert [each["message"] for each in (*found["after"], *found["before"])] == ["number 0", "number 2"]


def test_a_wrong_parameter_of_an_event_is_told(explorer: Explorer):
    explorer.sends({"message": "alone"})
    page = explorer.opens(f"{PROJECT}/events/{first(explorer, '')['id']}?around=1000")
    assert "must be a whole number from 0 to 100" in page
    assert "alone" in page


def test_an_event_that_is_not_there_is_a_page_that_says_so(explorer: Explorer):
    for path in ("events/aaaa", "events/aaaa/event.json", "traces/none", "traces/none/trace.json"):
        assert explorer.visitor.opens(f"{PROJECT}/{path}").status == 404


def test_a_trace_is_shown_in_its_order_with_pauses_and_depths(explorer: Explorer):
    at = explorer.now - 60_000
    explorer.sends(
        {"timestamp": at + 120, "trace_id": "t1", "span_id": "c", "service": "db", "message": "select",
         "metadata": {"parent_span_id": "b"}},
        {"timestamp": at, "trace_id": "t1", "span_id": "a", "service": "gateway", "message": "in"},
        {"timestamp": at + 20, "trace_id": "t1", "span_id": "b", "service": "orders", "message": "work",
         "metadata": {"parentSpanId": "a"}},
        {"timestamp": at + 30, "trace_id": "t2", "service": "orders", "message": "of another"},
    )  # fmt: skip
    page = explorer.opens(f"{PROJECT}/traces/t1?at={at}")
    assert re.findall(r"<td><bdi>(\w+)</bdi></td></tr>", page) == ["in", "work", "select"]
    assert re.findall(r'<td class="d(\d)">', page) == ["0", "1", "2"]
    assert "3 events, 3 services, 120 ms from the first to the last" in page
    found = json.loads(explorer.visitor.opens(f"{PROJECT}/traces/t1/trace.json").body)
    assert [(each["offset_ms"], each["gap_ms"], each["depth"]) for each in found["steps"]] == [
        (0, 0, 0), (20, 20, 1), (120, 100, 2),
    ]  # fmt: skip


def test_spans_that_call_each_other_in_a_circle_end_somewhere(explorer: Explorer):
    explorer.sends(
        {"trace_id": "t", "span_id": "a", "message": "one", "metadata": {"parent_span_id": "b"}},
        {"trace_id": "t", "span_id": "b", "message": "two", "metadata": {"parent_span_id": "a"}},
    )
    assert "one" in explorer.opens(f"{PROJECT}/traces/t")


def test_a_row_with_a_trace_leads_to_it(explorer: Explorer):
    explorer.sends({"trace_id": "t-1", "message": "traced"})
    explorer.opens(f"?open={first(explorer, '')['id']}")
    assert "traced" in explorer.opens(explorer.link("Trace"))

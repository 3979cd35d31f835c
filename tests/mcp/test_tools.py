"""What each tool answers, in a project whose events are known: payments broke in the second of two hours."""

import csv
import io
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from jsonschema import Draft202012Validator

from chalicelib.events.event import Event
from chalicelib.ids import DAY_MS, HOUR_MS
from chalicelib.mcp.catalogue import REGISTRY
from chalicelib.mcp.text import TOKENS, tokens
from tests.conftest import NOW_MS
from tests.engine.project import Project, reading_at_most
from tests.mcp import published
from tests.mcp.world import Assistant

pytestmark = pytest.mark.engine

ERRORS = "level>=error"


def column(facts, name):
    at = facts["columns"].index(name)
    return [row[at] for row in facts["data"]]


def of_trace(assistant: Assistant) -> tuple[str, str]:
    """The newest error's id and trace."""
    found = assistant.facts("search_events", q=ERRORS, limit=1)
    return column(found, "id")[0], column(found, "trace_id")[0]


# --- what all of them keep --------------------------------------------------------------------------------------------


@pytest.mark.requirement("M4")
@pytest.mark.parametrize("tool", REGISTRY.tools, ids=lambda tool: tool.name)
def test_a_tool_is_declared_as_reading_only_and_described_so_that_a_model_uses_it_right(tool):
    declared = tool.declaration
    assert declared["annotations"]["readOnlyHint"] is True
    assert declared["annotations"]["destructiveHint"] is False
    assert declared["title"]
    assert 60 < len(declared["description"]) < 500
    for schema in (declared["inputSchema"], declared["outputSchema"]):
        assert schema["type"] == "object"
        Draft202012Validator.check_schema(schema)
        assert not [each for each in parts(schema) if isinstance(each.get("type"), list)]
    assert declared["inputSchema"]["additionalProperties"] is False
    for name, described in declared["inputSchema"]["properties"].items():
        assert described.get("description") or name == "trace_id", name
        assert described["type"] in ("string", "integer", "array"), name


def test_the_list_of_tools_leaves_room_for_a_conversation():
    listed = json.dumps([tool.declaration for tool in REGISTRY.tools], separators=(",", ":"))
    assert tokens(listed) < 1.2 * TOKENS


@pytest.mark.requirement("S6")
@pytest.mark.parametrize("tool", REGISTRY.tools, ids=lambda tool: tool.name)
def test_no_tool_has_an_argument_that_names_a_project(tool):
    assert not [name for name in tool.input_schema["properties"] if re.search("org|project|tenant|scope", name)]


def parts(schema):
    if isinstance(schema, dict):
        yield schema
        for each in schema.values():
            yield from parts(each)


CALLS = {
    "project_overview": {}, "search_events": {"q": ERRORS}, "aggregate_events": {"by": ["service", "level"]},
    "list_patterns": {}, "compare_windows": {"baseline": "1h"},
}  # fmt: skip


def calls(assistant: Assistant):
    event, trace = of_trace(assistant)
    return {**CALLS, "get_event": {"id": event}, "trace_events": {"trace_id": trace}}


@pytest.mark.requirement("M4")
def test_every_answer_keeps_to_the_schema_that_its_tool_declares_and_to_the_protocols(assistant):
    for name, arguments in calls(assistant).items():
        for written in ("csv", "json"):
            result = assistant.ask(name, **arguments, format=written)
            published.check(published.MODERN, "CallToolResult", result)
            Draft202012Validator(REGISTRY.tools_by_name[name].output_schema).validate(result["structuredContent"])
            assert [each["type"] for each in result["content"]] == ["text"]
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


@pytest.mark.requirement("M4")
def test_the_text_says_the_same_as_the_structure(assistant):
    for name, arguments in calls(assistant).items():
        result = assistant.ask(name, **arguments)
        facts, text = result["structuredContent"], result["content"][0]["text"]
        table = list(csv.reader(io.StringIO(text.split("\n\n")[-1] if "\n\n" in text else "")))
        if name != "get_event":
            assert table[0] == facts["columns"]
            assert table[1:] == [["" if cell is None else str(cell) for cell in row] for row in facts["data"]]
            assert f"query: {facts['query']}\nrange: {facts['from']} to {facts['to']}\n" in text
            assert f"\nrows: {facts['rows']} of {facts['of']}\n" in text
        assert f"open: {facts['link']}" in text


def test_every_answer_has_a_link_to_a_page_of_the_project(assistant):
    event, _ = of_trace(assistant)
    pages = {"list_patterns": "patterns", "get_event": f"events/{event}"}
    for name, arguments in calls(assistant).items():
        link = urlsplit(assistant.facts(name, **arguments)["link"])
        page = pages.get(name, "explore")
        assert (link.scheme, link.netloc, link.path) == ("https", "scry.example", f"/orgs/acme/projects/shop/{page}")
    asked = parse_qs(urlsplit(assistant.facts("search_events", q='"a&b" level:error', since="5h")["link"]).query)
    assert asked == {
        "q": ["a&b level:error"], "from": ["2026-09-21T09:13:20.000Z"], "to": ["2026-09-21T14:13:20.000Z"]
    }  # fmt: skip
    new = parse_qs(urlsplit(assistant.facts("list_patterns", only="new")["link"]).query)
    assert (new["only"], new["from"]) == (["new"], ["2026-09-21T13:13:20.000Z"])
    around = assistant.facts("get_event", id=event, before=2, after=7, same="trace")["link"]
    assert parse_qs(urlsplit(around).query) == {"around": ["7"], "same": ["trace"]}


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search_events", {"q": "sevice:search"}, "no field `sevice`; did you mean `service`?"),
        ("search_events", {"q": "level:wran"}, "did you mean `warn`?"),
        ("search_events", {"fields": ["mesage"]}, "no field `mesage`; did you mean `message`?"),
        ("search_events", {"fields": ["order_id"]}, "did you mean `metadata.order_id`?"),
        ("search_events", {"query": "x"}, "no argument `query`; did you mean `q`?"),
        ("search_events", {"limt": 5}, "no argument `limt`; did you mean `limit`?"),
        ("search_events", {"zzz": 5}, "There are: q, since, from, to,"),
        ("search_events", {"limit": 5000}, "`limit` must be a whole number from 1 to 200."),
        ("search_events", {"limit": "many"}, "`limit` must be a whole number"),
        ("search_events", {"format": "xml"}, "`format` must be one of csv, json."),
        ("search_events", {"since": "yesterday"}, "`since`, at character 1: `yesterday` is no length of time"),
        ("search_events", {"since": "1h", "from": "2026-01-01"}, "give either `since` or `from`"),
        ("search_events", {"from": "2026-01-02", "to": "2026-01-01T00:00:00Z"}, "the range ends before it starts"),
        ("search_events", {"q": 'level:"'}, "this quote is never closed"),
        ("search_events", {"cursor": "AAAA"}, "`cursor` is none of this query and project"),
        ("search_events", {"q": ["x"]}, "`q` must be text"),
        ("aggregate_events", {"by": ["sevice"]}, "`by`, at character 1: no field `sevice`; did you mean `service`?"),
        ("aggregate_events", {"by": ["a", "b", "c"]}, "`by` must be a list of at most 2 texts."),
        ("aggregate_events", {"metric": "median(x)"}, "`metric`, at character 1: no metric `median(x)`"),
        ("aggregate_events", {"metric": "avg(level)"}, "`avg` needs numbers"),
        ("aggregate_events", {"by": ["time", "service"]}, "`time` is grouped by alone"),
        ("get_event", {}, "`id` is needed."),
        ("get_event", {"event_id": "x"}, "no argument `event_id`; did you mean `id`?"),
        ("get_event", {"id": "nonsense"}, "there is no event with this `id`"),
        ("trace_events", {}, "`trace_id` is needed."),
        ("trace_events", {"trace_id": " "}, "`trace_id` is needed"),
        ("trace_events", {"trace_id": "x", "to": "2026-01-02"}, "`to` needs a `from`"),
        ("compare_windows", {"baseline": "soon"}, "`baseline`, at character 1: `soon` is no length of time"),
        ("project_overview", {"since": "0h"}, "`since`, at character 1: `0h` is no length of time"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_what_to_write_instead(moto_store, tool, arguments, told):
    assert told in Assistant(Project(now_ms=NOW_MS)).mistake(tool, **arguments)


def test_small_mistakes_that_mean_one_thing_are_understood(assistant):
    at = NOW_MS - HOUR_MS
    plain = assistant.facts("search_events", q=ERRORS, limit=3, start=str(at), fields=["message", "id"])
    told = assistant.facts("search_events", q=ERRORS, limit="3", start=at, fields="message, id", cursor=None)
    assert told == plain
    assert assistant.facts("aggregate_events", by="service,level") == assistant.facts(
        "aggregate_events", by=["service", "level"]
    )


def test_a_project_without_events_is_answered_too(moto_store):
    assistant = Assistant(Project(now_ms=NOW_MS))
    overview = assistant.facts("project_overview")
    assert (overview["events"], overview["data"]) == (0, [])
    assert "try a longer one" in overview["notes"][0]
    for name, arguments in CALLS.items():
        assert assistant.ask(name, **arguments).get("isError") is None
    assert assistant.facts("trace_events", trace_id="none")["of"] == 0


# --- one by one -------------------------------------------------------------------------------------------------------


def test_the_overview_tells_what_there_is_to_ask_about(assistant):
    facts = assistant.facts("project_overview", since="3h")
    assert (facts["events"], facts["retention_days"]) == (721, 30)
    assert facts["levels"] == {"error": 120, "warn": 120, "info": 481}
    assert facts["services"] == {"checkout": 480, "search": 121, "payments": 120}
    assert facts["now"] == "2026-09-21T14:13:20.000Z"
    assert facts["newest"] == "2026-09-21T14:13:05.040Z"
    fields = dict(zip(column(facts, "field"), column(facts, "example"), strict=True))
    assert {"timestamp", "level", "service", "message", "metadata.order_id", "metadata.http.status"} <= fields.keys()
    assert fields["metadata.http.status"] == "504"


def test_a_search_goes_on_to_the_end_and_gives_each_event_once(assistant):
    seen, cursor, pages = [], None, 0
    while True:
        facts = assistant.facts("search_events", q="service:checkout", since="3h", limit=200, cursor=cursor)
        assert (facts["of"], facts["rows"]) == (480, len(facts["data"]))
        seen += column(facts, "id")
        pages += 1
        cursor = facts.get("next_cursor")
        if not cursor:
            break
        assert facts["cut"] or facts["rows"] == 200
    assert len(set(seen)) == len(seen) == 480
    assert pages > 2


def test_a_search_shows_the_columns_that_tell_something_or_those_that_are_asked_for(assistant):
    facts = assistant.facts("search_events", q=ERRORS, limit=2)
    assert facts["columns"] == ["timestamp", "level", "service", "environment", "message", "trace_id", "id"]
    facts = assistant.facts(
        "search_events", q=ERRORS, limit=1, fields=["ts", "meta.order_id", "metadata", "user_id", "received_at"]
    )
    assert facts["columns"] == ["timestamp", "metadata.order_id", "metadata", "user_id", "received_at"]
    assert facts["data"][0] == [
        "2026-09-21T14:13:05.040Z", 1239, '{"order_id":1239,"http":{"status":504},"duration_ms":5239}', "",
        "2026-09-21T14:13:20.000Z",
    ]  # fmt: skip


def test_a_search_may_run_from_the_oldest_on(assistant):
    facts = assistant.facts("search_events", q=ERRORS, order="oldest_first", limit=2)
    assert column(facts, "timestamp") == ["2026-09-21T13:43:20.040Z", "2026-09-21T13:43:35.040Z"]


def test_groups_are_counted_and_measured(assistant):
    facts = assistant.facts("aggregate_events", by=["service"], since="3h")
    assert facts["data"] == [["checkout", 480], ["search", 121], ["payments", 120]]
    facts = assistant.facts("aggregate_events", by=["service"], metric="max(metadata.duration_ms)")
    assert facts["columns"] == ["service", "max(metadata.duration_ms)"]
    assert facts["data"] == [["payments", 5239], ["checkout", 69]]
    assert assistant.facts("aggregate_events", metric="distinct(user_id)")["data"] == [[17]]


def test_groups_beyond_the_limit_are_counted_as_not_shown(assistant):
    facts = assistant.facts("aggregate_events", by=["user_id"], q="service:checkout", limit=2)
    assert (facts["rows"], facts["of"], facts["cut"]) == (2, 17, True)
    left = 240 - sum(column(facts, "count"))
    assert facts["notes"] == [f"{left} events are in groups that are not shown"]


def test_time_shows_when_it_began(assistant):
    facts = assistant.facts("aggregate_events", q=ERRORS, by=["time"], buckets=6)
    counted = dict(zip(column(facts, "time"), column(facts, "error"), strict=True))
    assert counted["2026-09-21T13:30:00.000Z"] == 0
    assert counted["2026-09-21T13:50:00.000Z"] == 40
    assert sum(counted.values()) == 120
    assert facts["notes"] == ["each step is 10 m long"]


def test_patterns_are_told_with_what_is_new_and_a_phrase_that_finds_them(assistant):
    facts = assistant.facts("list_patterns")
    rows = [dict(zip(facts["columns"], row, strict=True)) for row in facts["data"]]
    assert [(row["pattern"], row["count"], row["before"], row["trend"], row["level"]) for row in rows] == [
        ("order <n> placed by user <n> in <duration>", 240, 240, "steady", "info"),
        ("card processor timed out after <duration> for order <n>", 120, 0, "new", "error"),
        ("cache miss for <text>", 60, 60, "steady", "warn"),
    ]
    for row in rows:
        assert assistant.facts("search_events", q=f'"{row["find"]}"', limit=1)["of"] == row["count"]
    new = assistant.facts("list_patterns", only="new")
    assert column(new, "pattern") == ["card processor timed out after <duration> for order <n>"]
    assert assistant.facts("list_patterns", only="rising")["data"] == []


def test_two_windows_are_compared(assistant):
    facts = assistant.facts("compare_windows")
    assert [row[:5] for row in facts["data"]] == [
        ["new", 0, 120, "error", "card processor timed out after <duration> for order <n>"],
        ["gone", 1, 0, "info", "index rebuilt from scratch"],
    ]
    assert facts["levels"] == {"info": [241, 240], "warn": [60, 60], "error": [0, 120]}
    assert facts["services"]["payments"] == [0, 120]
    assert (facts["before_from"], facts["before_to"]) == ("2026-09-21T12:13:20.000Z", "2026-09-21T13:13:20.000Z")


@pytest.mark.requirement("I11")
def test_a_comparison_with_what_is_not_kept_any_more_says_so(assistant):
    facts = assistant.facts("compare_windows", baseline="40d")
    assert facts["notes"] == ["the earlier window reaches beyond the 30 days that are kept"]
    assert "the two windows overlap" in assistant.facts("compare_windows", since="3h", baseline="1h")["notes"]


def test_more_less_and_steady_are_told_apart(engine_store):
    project = Project(now_ms=NOW_MS)
    counts = {"twice": (10, 20), "half": (20, 10), "almost": (20, 39), "few": (1, 4), "new": (0, 1), "gone": (1, 0)}
    for word, (before, after) in counts.items():
        for many, start in ((before, NOW_MS - 2 * HOUR_MS), (after, NOW_MS - HOUR_MS)):
            if many:
                project.send([Event(timestamp=start + at, message=f"it is {word} now") for at in range(many)])
    facts = Assistant(project).facts("compare_windows")
    found = dict(zip(column(facts, "pattern"), column(facts, "change"), strict=True))
    assert found == {
        "it is twice now": "more",
        "it is half now": "less",
        "it is new now": "new",
        "it is gone now": "gone",
    }


def test_an_event_is_shown_whole_with_what_was_around_it(assistant):
    event, _ = of_trace(assistant)
    facts = assistant.facts("get_event", id=f" {event} ", before=2, after=3)
    assert facts["event"]["id"] == event
    assert facts["event"]["metadata"] == {"order_id": 1239, "http": {"status": 504}, "duration_ms": 5239}
    assert column(facts, "offset_ms") == [-40, -15_000]
    same = assistant.facts("get_event", id=event, before=2, same="service")
    assert set(column(same, "service")) == {"payments"}
    first = assistant.facts("search_events", q=ERRORS, order="oldest_first", limit=1)
    around = assistant.facts("get_event", id=column(first, "id")[0], before=1, after=2)
    assert column(around, "offset_ms") == sorted(column(around, "offset_ms"), reverse=True)
    assert around["rows"] == 4


def test_a_trace_is_told_in_its_order_over_all_services(assistant):
    _, trace = of_trace(assistant)
    facts = assistant.facts("trace_events", trace_id=trace)
    assert column(facts, "offset_ms") == [0, 40]
    assert column(facts, "service") == ["checkout", "payments"]
    assert facts["of"] == 2
    assert assistant.facts("trace_events", trace_id=trace, q="level:error")["rows"] == 1
    assert assistant.facts("trace_events", trace_id='a" OR level:error')["rows"] == 0


def test_a_trace_is_looked_for_a_day_back_unless_told_otherwise(engine_store):
    project = Project(now_ms=NOW_MS)
    project.send([Event(timestamp=NOW_MS - DAY_MS - HOUR_MS, message="old", trace_id="t")])
    assistant = Assistant(project)
    assert assistant.facts("trace_events", trace_id="t")["rows"] == 0
    assert assistant.facts("trace_events", trace_id="t", since="3d")["rows"] == 1


# --- honesty ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I11")
def test_an_answer_that_reading_did_not_finish_says_so_and_how_far_it_got(engine_store):
    project = Project(now_ms=NOW_MS)
    project.send(*([Event(timestamp=NOW_MS - at * 600_000, message=f"tick {at}")] for at in range(1, 30)))
    assistant = Assistant(project)
    with reading_at_most(blocks=2):
        search = assistant.ask("search_events", q="nothing", since="6h")
        patterns = assistant.facts("list_patterns", since="6h")
        numbers = assistant.facts("aggregate_events", q="tick", since="6h")
        compared = assistant.facts("compare_windows", since="3h")
        total = assistant.facts("search_events", q="tick", since="6h", limit=1)
    assert search["structuredContent"]["partial"] is True
    assert search["structuredContent"]["next_cursor"]
    assert "partial: reading stopped early" in search["content"][0]["text"]
    assert patterns["partial"] is True
    assert "not everything was read" in patterns["notes"][0]
    assert numbers["partial"] is True
    assert numbers["complete_from"] > numbers["from"]
    assert compared["partial"] is True
    assert total["of_at_least"] is True


@pytest.mark.requirement("S37")
def test_what_is_older_than_the_retention_is_not_told(engine_store):
    project = Project(now_ms=NOW_MS, retention_days=1)
    project.now_ms = NOW_MS - DAY_MS
    project.send([Event(timestamp=NOW_MS - DAY_MS - 1_000, message="too old")])
    project.now_ms = NOW_MS
    assistant = Assistant(project)
    for name, arguments in {"search_events": {}, "list_patterns": {}, "trace_events": {"trace_id": "t"}}.items():
        assert assistant.facts(name, since="7d", **arguments)["rows"] == 0
    assert assistant.facts("project_overview", since="7d")["events"] == 0

"""Following the explorer: each event once, on the page or in a poll after it, drawn as the page draws it."""

import html
import json
import re
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.events.event import Event
from chalicelib.events.query.language import parse
from chalicelib.events.query.match import matches
from chalicelib.events.query.times import TimeRange
from chalicelib.routes.pages.explore.answered import Question
from chalicelib.routes.pages.explore.asked import Asked
from chalicelib.routes.pages.explore.found import Read
from chalicelib.routes.pages.explore.live import MOST, LiveTwin, followed, news
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply, Transport
from tests.api.client import Client, new_tenant
from tests.engine.project import NOW, Project, on_one_engine, soon
from tests.explorer.conftest import PROJECT, Explorer
from tests.explorer.test_hostile import CONTROL, RTL, UNSEEN
from tests.long_form import examples
from tests.pages.samples import HOSTILE

LIVE = f"{PROJECT}/explore/live.json"
SECOND = 1_000
DAY_MS = 86_400_000


def cursor_of(page: str) -> str:
    return re.search(r'data-cursor="([^"]+)"', page)[1]


def poll(explorer: Explorer, cursor: str = "", query: str = "") -> dict[str, Any]:
    answer = explorer.visitor.opens(f"{LIVE}?cursor={cursor}{query}")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


# --- the page, without a script ---------------------------------------------------------------------------------------


def test_a_link_leads_to_the_live_page_and_one_leads_back(explorer: Explorer):
    explorer.sends({"message": "here already"})
    explorer.opens("?q=already&columns=type&since=6h")
    explorer.opens(explorer.link("Live"))
    assert explorer.state == {"q": "already", "columns": "type", "since": "6h", "live": "1"}
    assert explorer.messages[:1] == ["here already"]
    explorer.opens(explorer.link("Leave live"))
    assert explorer.state == {"q": "already", "columns": "type", "since": "6h"}
    assert "tail.js" not in explorer.visitor.html


def test_without_a_script_the_live_page_says_how_to_see_newer_rows(explorer: Explorer):
    explorer.opens("?live=1")
    explorer.sends({"message": "came later"})
    explorer.opens(explorer.link("Reload to see newer"))
    assert explorer.messages[0] == "came later"


@pytest.mark.parametrize("closed", ["from=2026-01-01&to=now", "order=asc", "to=now&order=asc"])
def test_what_has_an_end_is_not_live_and_leads_to_what_is(explorer: Explorer, closed: str):
    explorer.sends({"message": "needle"})
    page = explorer.opens(f"?q=needle&live=1&{closed}")
    assert "data-cursor" not in page
    page = explorer.opens(explorer.link("Live"))
    assert explorer.state == {"q": "needle", "live": "1"}
    assert cursor_of(page)


def test_an_open_range_keeps_its_beginning(explorer: Explorer):
    explorer.opens("?from=2026-01-01")
    explorer.opens(explorer.link("Live"))
    assert explorer.state == {"from": "2026-01-01", "live": "1"}


def test_another_page_of_the_rows_is_not_live(explorer: Explorer):
    explorer.sends(*({"message": f"number {at}"} for at in range(3)))
    explorer.opens("?limit=2&live=1")
    page = explorer.opens(explorer.link("Older"))
    assert "live" not in explorer.state
    assert "data-cursor" not in page


def test_narrowing_and_opening_stay_live_and_a_stretch_of_time_does_not(explorer: Explorer):
    explorer.sends({"message": "needle", "service": "api"})
    page = explorer.opens("?live=1")
    bar = html.unescape(re.search(r'<a href="([^"]+)"><title>', page)[1])
    opening = html.unescape(re.search(r'href="([^"]+)#e-\w', page)[1])
    for address, live in ((opening, True), (explorer.link("Only service api"), True), (bar, False)):
        explorer.opens(address)
        assert ("live" in explorer.state) is live, address


def test_a_query_that_is_not_understood_is_not_followed(explorer: Explorer):
    page = explorer.opens("?q=servce:api&live=1")
    assert "data-cursor" not in page
    assert "Leave live" not in page


# --- polls ------------------------------------------------------------------------------------------------------------


def test_a_poll_gives_what_the_tail_gives(explorer: Explorer):
    page = explorer.opens("?q=needle&live=1")
    tail = f"/api{PROJECT}/logs/tail?q=needle"
    known = json.loads(explorer.visitor.opens(tail).body)["cursor"]
    explorer.sends(*({"message": f"needle {at}", "level": "warn"} for at in range(3)), {"message": "straw"})
    told = json.loads(explorer.visitor.opens(f"{tail}&cursor={known}").body)
    found = poll(explorer, cursor_of(page), "&q=needle")
    assert [row["id"] for row in found["rows"]] == [each["id"] for each in told["data"]]
    assert [row["at"] for row in found["rows"]] == [each["timestamp"] for each in told["data"]]
    assert (found["passed_over"], found["gap"]) == (told["skipped"], told["gap"]) == (0, False)
    assert found["lag_ms"] == max(each["received_at"] - each["timestamp"] for each in told["data"]) > 0
    assert poll(explorer, found["cursor"], "&q=needle")["rows"] == []


def test_a_row_of_a_poll_has_all_that_the_page_shows_in_that_row(explorer: Explorer):
    query = "q=needle+-straw&columns=metadata.http.status,user_id&since=6h"
    cursor = cursor_of(explorer.opens(f"?{query}&live=1"))
    explorer.sends(
        {"message": "a Needle & <b>needle</b>", "level": "error", "service": "a&b", "user_id": "u\u202e1"},
        {"message": "needle " + "long " * 400, "metadata": {"http": {"status": 402}}},
        {"message": "needle\n\x1b", "level": "fatal", "service": "<i>"},
    )
    rows = poll(explorer, cursor, f"&{query}")["rows"]
    page = re.sub(r' title="[^"]*ago"', "", explorer.opens(f"?{query}&live=1"))
    assert len(rows) == 3
    for row in rows:
        assert row["ago"].endswith(" ago")
        assert as_html(row) in page


def as_html(row: dict[str, Any]) -> str:
    cells = "".join(f"<td><bdi>{html.escape(text)}</bdi></td>" for text in (row["service"], *row["cells"]))
    parts = ((html.escape(part["text"], quote=True).replace("&#x27;", "&#39;"), part["hit"]) for part in row["message"])
    message = "".join(f"<mark>{text}</mark>" if hit else text for text, hit in parts)
    more = f"<small>… {row['more']:,} more</small>" if row["more"] else ""
    return (
        f'<tr id="e-{row["id"]}" data-at="{row["at"]}"><td><a href="{PROJECT}/explore?{html.escape(row["next"])}'
        f'#e-{row["id"]}"><time>{row["time"]}</time></a></td><td><span class="level {row["level"]}">{row["level"]}'
        f"</span></td>{cells}<td><bdi>{message}</bdi>{more}</td></tr>"
    )


def test_hostile_text_arrives_visible(explorer: Explorer):
    text = f"{RTL}{CONTROL}{HOSTILE}"
    cursor = poll(explorer, query="&columns=user_id,metadata.m")["cursor"]
    explorer.sends({"message": text, "service": text, "user_id": text, "metadata": {"m": [text, text]}})
    found = poll(explorer, cursor, "&columns=user_id,metadata.m")
    [row] = found["rows"]
    assert "".join(part["text"] for part in row["message"]).endswith(HOSTILE.replace("\x85", "⟨0085⟩"))
    for shown in (row["service"], *row["cells"], *(part["text"] for part in row["message"])):
        assert "⟨202E⟩" in shown
        assert UNSEEN.search(shown) is None


def test_events_of_clocks_that_run_ahead_are_on_the_page_and_told_no_second_time(explorer: Explorer):
    explorer.sends({"timestamp": explorer.now + 120_000, "message": "ahead"}, {"message": "needle"})
    page = explorer.opens("?live=1")
    assert explorer.messages[:2] == ["ahead", "needle"]
    assert "in 1 h, newest first" in page
    assert poll(explorer, cursor_of(page))["rows"] == []
    explorer.opens()
    assert "ahead" not in explorer.messages


def test_a_wrong_parameter_is_refused(explorer: Explorer):
    cursor = poll(explorer)["cursor"]
    for wrong in ("q=servce:api", "cursor=zzz", "columns=servce", "live=2", "since=1q", f"q=other&cursor={cursor}"):
        answer = explorer.visitor.opens(f"{LIVE}?{wrong}")
        assert answer.status == 400, wrong


@pytest.mark.requirement("I4")
def test_keys_that_read_follow_their_own_project_only(moto_store: None):
    acme, evil = new_tenant("acme", "app"), new_tenant("evil", "app")
    event = {"events": [{"level": "info", "message": "canary of acme"}]}
    began = {each.org: Client().get(at(each.org), key=each.query_key).json["cursor"] for each in (acme, evil)}
    assert Client().post("/api/ingest", event, key=acme.ingest_key).status == 202
    assert Client().get(at("acme"), key=acme.ingest_key).status == 403
    assert Client().get(at("acme"), key=evil.query_key).status in {401, 404}
    assert Client().get(at("evil", began["acme"]), key=evil.query_key).status == 400
    assert Client().get(at("evil", began["evil"]), key=evil.query_key).json["rows"] == []
    [row] = Client().get(at("acme", began["acme"]), key=acme.query_key).json["rows"]
    assert row["message"] == [{"text": "canary of acme", "hit": False}]


def at(org: str, cursor: str = "") -> str:
    return f"/orgs/{org}/projects/app/explore/live.json?cursor={cursor}"


# --- exactly once -----------------------------------------------------------------------------------------------------


class Reader:
    """Opens the page and polls after it, as tail.js does: what is on the page is known by its id."""

    def __init__(self, project: Project, q: str = "") -> None:
        self.project = project
        self.expression = parse(q)
        self.question = Question(asked=Asked(q=q, limit=500, live=1), within=self._within, expression=self.expression)
        found = followed(self._read, self.question)
        self.cursor = found.follow
        self.shown = [record.id for record in found.page.data]
        self.told: list[str] = []
        self.passed_over = 0

    def polls(self, *, after_ms: int = 0) -> LiveTwin:
        self.project.now_ms += after_ms
        found = news(self._read, self.question, self.cursor)
        self.cursor = found.cursor
        self.told += [row.id for row in found.rows]
        self.passed_over += found.passed_over
        return found

    @property
    def _within(self) -> TimeRange:
        return TimeRange(self.project.now_ms - DAY_MS, self.project.now_ms)

    @property
    def _read(self) -> Read:
        return Read(self.project.scope, self.expression, self._within, self.project.now_ms, soon())


steps = st.tuples(
    st.integers(0, 40_000),  # how much later it comes than the one before
    st.lists(st.integers(-50_000, 240_000), min_size=1, max_size=6),  # when its events happened, seen from there
    st.booleans(),  # whether somebody polls then
)


@pytest.mark.engine
@settings(on_one_engine, max_examples=examples(30))
@given(st.lists(steps, max_size=6), st.lists(steps, max_size=8), st.sampled_from(("", "level:error")))
def test_every_event_is_on_the_page_or_told_once(engine_store, before, after, q):
    project = Project()
    arrive(project, before)
    reader = Reader(project, q)
    on_page = {event.message for event in project.events if matches(reader.expression, event)}
    assert len(reader.shown) == len(on_page)
    for each in after:
        arrive(project, [each])
        if each[2]:
            reader.polls()
    for _ in range(3):
        reader.polls(after_ms=9 * SECOND)
    expected = [event for event in project.events if matches(reader.expression, event)]
    assert len({*reader.shown, *reader.told}) == len(reader.shown) + len(reader.told) == len(expected)
    assert reader.passed_over == 0


def arrive(project: Project, some: list[tuple[int, list[int], bool]]) -> None:
    for later, offsets, _ in some:
        project.now_ms += later
        begun = len(project.events)
        project.send(
            [
                Event(timestamp=project.now_ms + offset, message=f"{begun} {row}", level="error" if row % 2 else "info")
                for row, offset in enumerate(offsets)
            ]
        )


@pytest.mark.engine
def test_an_event_that_comes_at_any_moment_while_the_page_is_made_is_not_lost(engine_store):
    for moment in range(100):
        project = Project()
        project.send([Event(timestamp=NOW - SECOND, message="before")])
        with patch.object(dynamodb, "transport", Meanwhile(dynamodb.transport, moment, project)) as meanwhile:
            reader = Reader(project)
        if meanwhile.left >= 0:
            break
        reader.polls(after_ms=SECOND)
        assert len({*reader.shown, *reader.told}) == 2, f"it came before request {moment}"
    assert moment > 2, "the page asked for more than a cursor"


class Meanwhile:
    """Sends an event before one of the requests to DynamoDB."""

    def __init__(self, carry: Transport, moment: int, project: Project) -> None:
        self.carry, self.left, self.project = carry, moment, project

    def __call__(self, *asked: Any) -> Reply:
        self.left -= 1
        if self.left == -1:
            self.project.send([Event(timestamp=NOW - 1, message="meanwhile")])
        return self.carry(*asked)


@pytest.mark.engine
def test_more_than_a_poll_gives_waits_a_minute_and_is_counted_then(engine_store):
    project = Project()
    reader = Reader(project)
    project.send(*([Event(timestamp=NOW, message=f"{part} {row}") for row in range(300)] for part in range(4)))
    assert len(reader.polls().rows) == MOST
    found = reader.polls(after_ms=61 * SECOND)
    assert (len(found.rows), found.passed_over) == (MOST, 200)
    assert reader.polls().rows == []


@pytest.mark.engine
def test_more_events_ahead_of_the_clock_than_a_page_holds_are_said(engine_store):
    project = Project()
    project.send(*([Event(timestamp=NOW + SECOND, message=f"{part} {row}") for row in range(300)] for part in range(2)))
    asked = Question(asked=Asked(live=1), within=TimeRange(NOW - DAY_MS, NOW))
    found = followed(Read(project.scope, parse(""), asked.within, NOW, soon()), asked)
    assert found.more_ahead
    assert len(found.page.data) == MOST

"""The explorer as people use it without JavaScript: all is links and forms, and the address is the whole state."""

import html
import re

import pytest

from tests.explorer.conftest import PROJECT, Explorer

SHOP = (
    {"level": "error", "service": "payments", "message": "card declined", "metadata": {"http": {"status": 402}}},
    {"level": "warn", "service": "payments", "message": "provider slow", "trace_id": "t1"},
    {"level": "info", "service": "checkout", "message": "order placed", "metadata": {"http": {"status": 200}}},
)


@pytest.fixture
def ada(explorer: Explorer) -> Explorer:
    explorer.sends(*SHOP)
    return explorer


def test_a_projects_own_address_shows_the_explorer(ada: Explorer):
    ada.opens(PROJECT)
    there = ada.messages
    ada.opens()
    assert ada.messages == there == ["card declined", "provider slow", "order placed"]


def test_the_result_is_said_in_one_line(ada: Explorer):
    page = ada.opens("?since=24h")
    assert re.search(r"1–3 of 3 in 24 h, newest first, \d+ ms, as of \d\d:\d\d:\d\d UTC", page)
    page = ada.opens("?q=level:error&order=asc&from=2026-01-01&to=now")
    assert re.search(r"1 of 1 in 1 Jan 00:00:00–.* UTC, oldest first", page)


def test_clicks_on_values_edit_the_query_and_chips_undo_it(ada: Explorer):
    ada.opens()
    ada.opens(ada.link("Only service payments"))
    assert ada.messages == ["card declined", "provider slow"]
    ada.opens(ada.link("Exclude level error"))
    assert ada.state["q"] == "service:payments -level:error"
    assert ada.messages == ["provider slow"]
    ada.opens(ada.link("Remove service:payments"))
    assert ada.state["q"] == "-level:error"
    assert ada.messages == ["provider slow", "order placed"]


def test_metadata_that_the_rows_have_can_be_clicked_too(ada: Explorer):
    ada.opens()
    ada.opens(ada.link("Only metadata.http.status 402"))
    assert ada.messages == ["card declined"]


def test_a_bar_of_the_histogram_leads_to_its_own_stretch_of_time(ada: Explorer):
    ada.sends({"timestamp": ada.now - 1_800_000, "message": "half an hour ago"})
    page = ada.opens()
    bars = re.findall(r'<a href="([^"]+)"><title>([^<]+)</title>', page)
    assert bars[0][1].endswith(": 1 info")
    ada.opens(html.unescape(bars[0][0]))
    assert ada.messages == ["half an hour ago"]
    assert {"from", "to"} <= ada.state.keys()
    assert "since" not in ada.state
    ada.opens(ada.link("Zoom out"))
    assert ada.messages == ["half an hour ago"]


def test_the_histogram_is_a_table_too(ada: Explorer):
    page = ada.opens()
    table = page[page.index("As a table") :]
    cells = re.findall(r'<td class="number">(\d*)</td>', table)
    assert sum(int(cell or 0) for cell in cells) == 3


def test_a_row_opens_in_place_and_closes_again(ada: Explorer):
    ada.opens("?q=declined")
    row = next(each for each in ada.visitor.page.all("tr") if "id" in each.attributes)
    opening = re.search(r'href="([^"]+#e-[^"]+)"', ada.visitor.html)[1]
    page = ada.opens(html.unescape(opening).partition("#")[0])
    assert ada.state["open"] == row.attributes["id"][2:]
    for part in ("received_at", "metadata", "http", "402", "Permalink", "Copy this event"):
        assert part in page
    ada.opens(ada.link("Only this status"))
    assert ada.state["q"] == "declined metadata.http.status:402"


def test_a_field_becomes_a_column_by_a_click_and_goes_again(ada: Explorer):
    ada.opens(f"?open={ada.twin('?q=declined')['data'][0]['id']}")
    ada.opens(ada.link("status as a column"))
    assert ada.state["columns"] == "metadata.http.status"
    assert "open" in ada.state, "a column is about how rows look: the open one stays open"
    assert re.search(r"<td><bdi>402</bdi></td>", ada.visitor.html)
    ada.opens(ada.link("Without the column metadata.http.status"))
    assert "columns" not in ada.state


def test_words_that_were_looked_for_are_marked(ada: Explorer):
    page = ada.opens("?q=DECLINED")
    assert "card <mark>declined</mark>" in page


def test_pages_are_turned_by_links(ada: Explorer):
    ada.opens("?limit=2")
    assert ada.messages == ["card declined", "provider slow"]
    ada.opens(ada.link("Older"))
    assert ada.messages == ["order placed"]
    assert "1 more of 3" in ada.visitor.html
    ada.opens(ada.link("Newest"))
    assert ada.messages == ["card declined", "provider slow"]


@pytest.mark.parametrize(
    ("query", "beside"),
    [
        ("?since=1q", "`1q` is no length of time"),
        ("?from=soonish", "in words: `yesterday 17:30`"),
        ("?from=2026-01-02&to=2026-01-01", "ends before it starts"),
        ("?colums=service", "There is no parameter `colums`. Did you mean `columns`?"),
        ("?columns=servce", "There is no field `servce` to show as a column. Did you mean `service`?"),
        ("?limit=0", "`limit` must be a whole number from 1 to 500"),
        ("?order=up", "`order` must be one of asc, desc"),
        ("?cursor=zzz", "The address led to no page of this search"),
        ("?open=nothing", "The event to open is not among these rows."),
        ("?copy=it", "`copy` must be one of"),
        ("?limit=5&limit=6", "`limit` was given more than once."),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_shown(ada: Explorer, query: str, beside: str):
    page = html.unescape(ada.opens(query))
    assert beside in page
    assert ada.messages == ["card declined", "provider slow", "order placed"]


def test_a_query_that_is_not_understood_is_pointed_at_and_mended_by_a_click(ada: Explorer):
    page = ada.opens("?q=servce:payments+slow")
    assert "<mark>servce</mark>:payments slow" in page
    assert "did you mean `service`?" in page
    assert "At character 1." in ada.visitor.wrong[0]
    mended = next(each.attributes["href"] for each in ada.visitor.page.all("a") if each.text.startswith("Search with "))
    ada.opens(mended)
    assert ada.messages == ["provider slow"]


def test_an_empty_project_shows_what_fills_it(explorer: Explorer):
    page = explorer.opens()
    assert "Events will be here" in page
    assert "/api/ingest" in page


def test_an_empty_range_leads_to_the_newest_event(explorer: Explorer):
    explorer.sends({"timestamp": explorer.now - 3 * 86_400_000, "message": "three days ago"})
    page = explorer.opens()
    assert "Nothing in this range" in page
    assert re.search(r"The newest that matches came .* UTC, 3 d", page)
    explorer.opens(explorer.link("Go there"))
    assert explorer.messages == ["three days ago"]


def test_a_query_that_finds_nothing_anywhere_says_so(ada: Explorer):
    assert "No event matches, in this range or before it" in ada.opens("?q=nothingness")


def test_times_may_be_words_and_stay_words_in_the_address(ada: Explorer):
    page = ada.opens("?from=2+hours+ago&to=now")
    assert ada.messages
    assert 'value="2 hours ago"' in page


@pytest.mark.parametrize("kind", ["json", "curl", "scry", "text", "assistant"])
def test_what_was_found_can_be_taken_elsewhere(ada: Explorer, kind: str):
    page = html.unescape(ada.opens(f"?q=declined&copy={kind}"))
    [taken] = re.findall(rf'<code id="all-{kind}">(.*?)</code>', page, re.DOTALL)
    assert "declined" in taken
    assert ada.messages == ["card declined"]


def test_exports_are_had_with_the_session(ada: Explorer):
    ada.opens("?q=declined")
    for words in ("CSV", "NDJSON"):
        answer = ada.visitor.opens(ada.link(words))
        assert answer.status == 200
        assert b"card declined" in answer.body
        ada.opens("?q=declined")


def test_nothing_of_it_needs_a_script(ada: Explorer):
    ada.opens()
    hidden = [each for each in ada.visitor.page.elements if "hidden" in each.attributes]
    assert {each.tag for each in hidden} <= {"button", "details"}, "scripts add, and take nothing's place"

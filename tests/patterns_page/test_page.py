"""The list of patterns as people use it without JavaScript: all is links and forms, the address is the whole state."""

import html
import re

import pytest

from chalicelib.routes.pages.patterns.said import SORTED
from tests.explorer.conftest import PROJECT
from tests.patterns_page.conftest import PATTERNS, Looking

HOUR = 3_600_000


@pytest.fixture
def ada(looking: Looking) -> Looking:
    looking.sends("customer 17 paid 12.50", "customer 8 paid 3", "customer 9 paid 99.1", service="payments")
    looking.sends("card declined for order A-1042", "card declined for order A-77", level="error", service="checkout")
    looking.sends("cache miss on 10.0.0.7 after 230ms", level="warn")
    return looking


def test_messages_that_differ_in_numbers_and_names_are_one_row(ada: Looking):
    ada.opens()
    assert ada.rows == [
        "customer [n] paid [n]", "card declined for order [id]", "cache miss on [ip] after [duration]",
    ]  # fmt: skip
    assert ada.cell(0) == ["3", "2", "1"]
    assert [each.split()[-2] for each in ada.cell(1)] == ["50", "33.3", "16.7"]
    assert ada.cell(3) == ["info", "error", "warn"]


def test_a_level_that_not_all_have_says_how_many_do(ada: Looking):
    ada.sends("customer 5 paid 7", level="fatal", service="payments")
    ada.opens()
    assert ada.cell(3)[0].split() == ["fatal", "25", "%"]
    assert 'title="1 fatal, 3 info"' in ada.visitor.html


def test_the_result_is_said_in_one_line(ada: Looking):
    said = r"3 patterns, in 6 events of the last 24 h, most frequent first, [\d,]+ ms, as of \d\d:\d\d:\d\d UTC"
    assert re.search(said, ada.opens())
    assert re.search(
        "1–1 of 3 patterns, in 6 events of the last 7 d, heaviest", ada.opens("?since=7d&sort=level&limit=1")
    )
    assert re.search("0 resolved patterns, in 6 events", ada.opens("?only=resolved"))


def test_whole_hours_are_counted_and_said_so(ada: Looking):
    ada.now += (HOUR // 2 - ada.now) % HOUR
    ada.sends("at the beginning of the hour", ago=3 * HOUR + HOUR // 2)
    page = ada.opens("?since=3h")
    assert "at the beginning of the hour" in ada.rows
    assert "by whole hours, so from" in page
    assert "by whole hours" not in ada.opens("?since=1h")


def test_a_day_is_drawn_by_the_hour_and_said_in_words(ada: Looking):
    ada.opens()
    assert len(ada.visitor.page.all("title")) == 1 + 3
    assert all("24 hours" in each.text for each in ada.visitor.page.all("title")[1:])


@pytest.mark.parametrize(
    ("sort", "first"), [("count", "customer"), ("level", "card declined"), ("new", "sunrise"), ("last", "sunrise")]
)
def test_the_order_is_chosen_by_a_link(ada: Looking, sort: str, first: str):
    ada.sends("sunrise", ago=0)
    ada.now += 1_000
    ada.opens()
    ada.opens(ada.at.link(SORTED[sort].capitalize()))
    assert ada.rows[0].startswith(first)


def test_another_stretch_of_time_has_other_patterns(ada: Looking):
    ada.sends("an old tale of 7", ago=30 * HOUR)
    ada.opens()
    assert not any("tale" in row for row in ada.rows)
    ada.opens(ada.at.link("Last 7 days"))
    assert "an old tale of [n]" in ada.rows
    assert ada.at.state["since"] == "7d"


def test_a_row_leads_to_its_events_in_the_explorer_over_the_same_time(ada: Looking):
    ada.opens("?q=level:error&since=6h")
    ada.opens(ada.at.link("events"))
    assert ada.visitor.path.startswith(f"{PROJECT}/explore?")
    assert ada.at.state["since"] == "6h"
    assert ada.at.state["q"].startswith("level:error ")
    assert sorted(ada.at.messages) == ["card declined for order A-1042", "card declined for order A-77"]
    ada.opens()
    ada.opens(ada.at.link("events"))
    assert ada.at.state["since"] == "24h", "the explorer's usual hour is another one"


def test_a_row_is_looked_at_alone_or_left_out(ada: Looking):
    ada.opens()
    ada.opens(ada.at.link("only"))
    assert ada.visitor.path.startswith(PATTERNS)
    assert ada.at.state["q"] == "customer"
    assert ada.rows == ["customer [n] paid [n]"]
    ada.opens()
    ada.opens(ada.at.link("exclude"))
    assert ada.at.state["q"] == "-customer"
    assert ada.rows == ["card declined for order [id]", "cache miss on [ip] after [duration]"]
    ada.opens(ada.at.link("Remove -customer"))
    assert len(ada.rows) == 3


def test_what_no_words_find_says_so(looking: Looking):
    looking.sends("4711 8 12.5")
    page = looking.opens()
    assert "no words that a query could look for" in page
    assert looking.rows == ["[n] [n] [n]"]
    assert not [each for each in looking.visitor.page.all("a") if each.text == "only"]


def test_a_row_opens_in_place_and_closes_again(ada: Looking):
    ada.opens("?q=order&sort=level")
    ada.opened()
    assert ada.at.state.keys() == {"q", "sort", "open"}
    page = ada.visitor.html
    for part in (
        "Show events",
        "Permalink",
        "A message of it",
        "card declined for order A-",
        "Resolve the pattern",
    ):
        assert part in page
    assert "2 events, none in the same time before" in page
    ada.opens(ada.at.link("Close"))
    assert "A message of it" not in ada.visitor.html
    assert ada.at.state.keys() == {"q", "sort"}


def test_more_rows_are_shown_by_a_link(looking: Looking):
    looking.sends(*(f"{chr(97 + at // 26)}{chr(97 + at % 26)} step taken" for at in range(60)))
    looking.opens()
    assert len(looking.rows) == 40
    looking.opens(looking.at.link("Show 20 more"))
    assert len(looking.rows) == 60


@pytest.mark.parametrize(
    ("query", "beside"),
    [
        ("?since=1q", "`1q` is no length of time"),
        ("?since=1q", "This is the last day instead."),
        ("?from=soonish", "in words: `yesterday 17:30`"),
        ("?onyl=new", "There is no parameter `onyl`. Did you mean `only`?"),
        ("?only=old", "`only` must be one of all, new,"),
        ("?sort=up", "`sort` must be one of"),
        ("?limit=0", "`limit` must be a whole number from 1 to 500"),
        ("?open=nothing", "The pattern to open did not occur here."),
        ("?limit=5&limit=6", "`limit` was given more than once."),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_shown(ada: Looking, query: str, beside: str):
    assert beside in html.unescape(ada.opens(query))
    assert len(ada.rows) == 3


def test_a_query_that_is_not_understood_is_pointed_at_and_mended_by_a_click(ada: Looking):
    page = ada.opens("?q=servce:payments&sort=last")
    assert "<mark>servce</mark>:payments" in page
    mended = next(each.attributes["href"] for each in ada.visitor.page.all("a") if each.text.startswith("Search with "))
    ada.opens(mended)
    assert ada.rows == ["customer [n] paid [n]"]
    assert ada.at.state["sort"] == "last"


def test_an_open_row_that_is_not_asked_for_stands_before_the_others(ada: Looking):
    ada.opens("?sort=level")
    ada.opened()
    page = ada.opens(f"?limit=1&open={ada.at.state['open']}")
    assert "The open pattern is not one of these" in page
    assert [row.split()[0] for row in ada.rows] == ["card", "customer"]


def test_an_empty_project_shows_what_fills_it(looking: Looking):
    page = looking.opens()
    assert "Patterns will be here" in page
    assert "/api/ingest" in page


def test_an_empty_range_leads_to_the_newest_event(looking: Looking):
    looking.sends("three days ago", ago=72 * HOUR)
    page = looking.opens()
    assert "Nothing in this range" in page
    assert "came 3 d ago" in page
    looking.opens(looking.at.link("Go there"))
    assert looking.rows == ["three days ago"]


def test_a_query_that_finds_nothing_anywhere_says_so(ada: Looking):
    assert "No event matches, in this range or before it" in ada.opens("?q=nothingness")
    ada.opens(ada.at.link("Without the query"))
    assert len(ada.rows) == 3


@pytest.mark.parametrize(
    ("only", "heading"),
    [("rising", "Nothing is rising"), ("regressed", "Nothing came back"), ("resolved", "Nothing is resolved")],
)
def test_what_there_is_none_of_is_explained(ada: Looking, only: str, heading: str):
    assert heading in ada.opens(f"?only={only}")
    ada.opens(ada.at.link("All patterns"))
    assert len(ada.rows) == 3


def test_new_ones_are_flagged_and_listed_alone(ada: Looking):
    ada.opens()
    assert ada.flags() == ["new"] * 3
    ada.opens(next(each.attributes["href"] for each in ada.visitor.page.all("a") if each.text.strip() == "New"))
    assert len(ada.rows) == 3
    assert ada.at.state["only"] == "new"


def test_the_explorer_leads_to_the_patterns_of_its_question_and_back(ada: Looking):
    ada.at.opens("?q=service:payments")
    ada.opens(ada.at.link("Patterns of these"))
    assert ada.at.state == {"q": "service:payments", "since": "1h"}
    assert ada.rows == ["customer [n] paid [n]"]
    ada.opens(ada.at.link("Events of these"))
    assert len(ada.at.messages) == 3
    assert ada.at.state == {"q": "service:payments", "since": "1h"}


def test_the_rail_has_it(ada: Looking):
    ada.at.opens()
    ada.opens(ada.at.link("Patterns"))
    assert ada.visitor.heading == "Patterns"

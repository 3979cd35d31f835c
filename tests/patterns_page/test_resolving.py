"""A pattern is resolved, comes back, is reopened: by forms that lead back to where they were."""

import html
import json

import pytest

from chalicelib.jobs import upkeep
from tests.api.client import Client
from tests.engine.project import soon
from tests.patterns_page.conftest import PATTERNS, Looking

HOUR = 3_600_000


@pytest.fixture
def ada(looking: Looking) -> Looking:
    """With the error's row open, in a list with a state of its own."""
    looking.sends("card declined for order A-1042", level="error", service="checkout")
    looking.sends("order 7 placed", "order 8 placed")
    looking.opens("?q=order&since=6h&sort=level")
    looking.opened()
    return looking


def pattern_of(ada: Looking) -> str:
    return f"{PATTERNS}/{ada.at.state['open']}"


def resolve(ada: Looking, note: str = "") -> None:
    answer = ada.visitor.sends(f"{pattern_of(ada)}/resolve", note=note)
    assert answer.status == 200, answer.body


def test_resolving_leads_back_to_the_list_as_it_was(ada: Looking):
    before = ada.at.state
    resolve(ada, "the provider was told")
    assert ada.visitor.path.endswith(f"#p-{before['open']}")
    ada.opens(ada.visitor.path.partition("#")[0])
    assert ada.at.state == before
    assert "resolved" in ada.flags()
    assert "the provider was told" in ada.visitor.html
    assert "by <bdi>Ada</bdi>" in ada.visitor.html
    ada.opens("?only=resolved")
    assert ada.rows == ["card declined for order [id]"]


def test_what_is_seen_again_came_back_and_says_how_often(ada: Looking):
    resolve(ada)
    ada.now += HOUR
    ada.sends("card declined for order B-1", "card declined for order B-2", level="error")
    ada.opens()
    assert "1 resolved pattern came back." in ada.visitor.html
    ada.opens(ada.at.link("Show what came back"))
    assert ada.rows == ["card declined for order [id]"]
    ada.opened()
    assert "It came back 2 times since it was resolved." in ada.visitor.html
    assert "came back" in ada.flags()


def test_what_came_back_is_resolved_anew(ada: Looking):
    resolve(ada)
    ada.now += HOUR
    ada.sends("card declined for order B-1", level="error")
    ada.opens(f"{PATTERNS}?open={ada.at.state['open']}")
    resolve(ada, "really")
    ada.opens("?only=resolved")
    assert ada.rows == ["card declined for order [id]"]


def test_reopening_undoes_it(ada: Looking):
    resolve(ada)
    ada.opens(ada.visitor.path.partition("#")[0])
    state = ada.at.state
    ada.visitor.sends(f"{pattern_of(ada)}/reopen")
    ada.opens(ada.visitor.path.partition("#")[0])
    assert ada.at.state == state
    assert "resolved" not in ada.flags()
    assert "Resolve the pattern" in ada.visitor.html


def test_the_page_of_a_pattern_has_it_whole_and_the_same_forms(ada: Looking):
    page = pattern_of(ada)
    ada.opens(ada.at.link("Permalink"))
    assert ada.visitor.path == page
    assert "1 event in the 30 days that are kept" in ada.visitor.html
    ada.visitor.sends(f"{page}/resolve", note="told")
    assert ada.visitor.path == page
    assert "resolved" in ada.flags()
    ada.visitor.sends(f"{page}/reopen")
    assert ada.visitor.path == page
    assert "resolved" not in ada.flags()


def test_a_note_that_is_too_long_comes_back_beside_its_field(ada: Looking):
    page = pattern_of(ada)
    ada.opens(page)
    answer = ada.visitor.sends(f"{page}/resolve", note="x" * 301)
    assert answer.status == 422
    assert ada.visitor.wrong
    assert "x" * 301 in ada.visitor.html
    assert "resolved" not in ada.flags()


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/?q=x", "q=a%0d%0aX:y&no=1&sort=up"])
def test_a_form_leads_nowhere_but_to_the_list(ada: Looking, back: str):
    found = pattern_of(ada)
    sent = next(each for each in ada.visitor.page.all("input") if each.attributes.get("name") == "back")
    assert sent.attributes["value"]
    ada.visitor.sends(f"{found}/resolve", back=back)
    assert ada.visitor.path.startswith(f"{PATTERNS}?")
    assert "evil" not in ada.visitor.path.partition("?")[0]


@pytest.mark.parametrize("named", ["0123456789abcdef", "none", "%3Cscript%3E", "0" * 400])
def test_there_is_no_page_of_a_pattern_that_never_was(ada: Looking, named: str):
    assert ada.visitor.opens(f"{PATTERNS}/{named}").status == 404
    assert ada.visitor.opens(f"{PATTERNS}/{named}/pattern.json").status == 404


def test_the_twins_have_the_facts_of_the_pages(ada: Looking):
    named = ada.at.state["open"]
    resolve(ada, "told")
    found = json.loads(ada.visitor.opens(f"{PATTERNS}.json?since=6h&sort=level&limit=1").body)
    assert found["result"].startswith("1–1 of 2 patterns, in 3 events of the last 6 h, heaviest first")
    assert (found["of"], found["events"], found["other"], found["partial"]) == (2, 3, 0, False)
    [first] = found["data"]
    assert (first["id"], first["template"], first["state"], first["note"]) == (
        named, "card declined for order <id>", "resolved", "told",
    )  # fmt: skip
    one = json.loads(ada.visitor.opens(f"{PATTERNS}/{named}/pattern.json").body)
    assert (one["id"], one["count"], one["state"]) == (named, 1, "resolved")


def test_a_program_is_refused_where_a_person_is_told(ada: Looking):
    for query in ("?q=servce:api", "?since=1q", "?only=old", "?colour=red"):
        assert ada.visitor.opens(f"{PATTERNS}.json{query}").status == 400


def test_an_ingest_key_reads_no_patterns(ada: Looking):
    assert Client().get(f"{PATTERNS}.json", key=ada.at.key).status == 403
    assert html.escape(ada.at.key) not in ada.visitor.html


def test_what_is_resolved_stays_listed_when_it_is_not_in_the_range(looking: Looking):
    looking.sends("disk 3 full", ago=72 * HOUR)
    looking.sends("order 9 placed")
    upkeep.run(now_ms=looking.now, deadline=soon())
    looking.opens("?since=7d&q=disk")
    looking.opened()
    resolve(looking)
    looking.opens()
    assert looking.rows == ["order [n] placed"]
    looking.opens("?only=resolved")
    assert looking.rows == ["disk [n] full"]
    looking.opened()
    assert "Reopen the pattern" in looking.visitor.html
    assert "0 events, none in the same time before" in looking.visitor.html

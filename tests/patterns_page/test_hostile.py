"""Text of strangers in messages, services and notes: it is looked at and does nothing; the twin has it unchanged."""

import json

import pytest

from tests.explorer.test_hostile import CONTROL, RTL, inert
from tests.pages.samples import HOSTILE
from tests.patterns_page.conftest import PATTERNS, Looking

TEXT = f"{HOSTILE}{RTL}{CONTROL}javascript:alert(1)"


@pytest.fixture
def attacked(looking: Looking) -> Looking:
    looking.sends(f"needle {TEXT}", service=TEXT[:200])
    looking.sends("needle " + "long " * 40_000)
    looking.sends(RTL, CONTROL, "<n> <id> <script>")
    return looking


@pytest.mark.parametrize("query", ["", "?q=needle", "?sort=level&only=new", "?limit=1"])
def test_rows_are_inert(attacked: Looking, query: str):
    attacked.opens(query)
    inert(attacked.at)
    assert attacked.rows


def test_every_pattern_is_inert_when_opened_and_on_its_own_page(attacked: Looking):
    found = json.loads(attacked.visitor.opens(f"{PATTERNS}.json").body)["data"]
    assert len(found) >= 4
    for each in found:
        for address in (f"?open={each['id']}", f"{PATTERNS}/{each['id']}"):
            attacked.opens(address)
            assert "A message of it" in attacked.visitor.html
            inert(attacked.at)
    assert any(RTL in each["sample"] for each in found), "the twin has it as it was sent"


def test_what_cannot_be_seen_is_shown_by_its_number(attacked: Looking):
    assert "⟨202E⟩" in attacked.opens()


def test_only_what_was_taken_out_is_a_chip(attacked: Looking):
    attacked.opens()
    assert any("&lt;script&gt;" in row for row in attacked.rows)


@pytest.mark.requirement("V1.2.2")
def test_links_made_of_hostile_words_ask_for_these_words(attacked: Looking):
    attacked.opens("?q=needle")
    for way in ("only", "exclude"):
        attacked.opens("?q=needle")
        attacked.opens(attacked.at.link(way))
        inert(attacked.at)


def test_a_long_message_makes_no_long_page(attacked: Looking):
    assert len(attacked.opens("?q=long")) < 20_000


def test_a_hostile_note_is_text(attacked: Looking):
    attacked.opens("?q=needle")
    attacked.opened()
    named = attacked.at.state["open"]
    attacked.visitor.sends(f"{PATTERNS}/{named}/resolve", note=HOSTILE.replace("\x85", "") + RTL)
    attacked.opens(f"{PATTERNS}/{named}")
    inert(attacked.at)

"""Deploys as people meet them: a list with a form, a page that says what changed, a flag on the histogram."""

import html
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.storage import dynamodb
from tests.api.client import Client
from tests.explorer.conftest import PROJECT, Explorer
from tests.explorer.test_hostile import inert
from tests.pages.samples import HOSTILE

DEPLOYS = f"{PROJECT}/deploys"
MINUTE = 60_000


def record(explorer: Explorer, version: str = "v1.4.2", **more: Any) -> dict[str, Any]:
    answer = Client().post("/api/deploys", {"version": version, **more}, key=explorer.key)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


def link(explorer: Explorer, words: str) -> str:
    """Where the link leads that has these words, whatever elements they stand in."""
    for href, inner in re.findall(r'<a [^>]*?href="([^"]*)"[^>]*>(.*?)</a>', explorer.visitor.html, re.DOTALL):
        if html.unescape(re.sub(r"<[^>]*>", "", inner)).strip() == words:
            return html.unescape(href)
    raise AssertionError(f"no link says {words!r}")


@pytest.fixture
def ada(explorer: Explorer) -> Explorer:
    """Ten minutes ago something was deployed that failed."""
    at = explorer.now - 10 * MINUTE
    before = [{"timestamp": at - MINUTE * n, "level": "info", "service": "api", "message": f"fine {n}"} for n in (1, 2)]
    after = [
        {"timestamp": at + 1_000 * n, "level": "error", "service": "payments", "message": f"provider lost {n}"}
        for n in range(1, 8)
    ]
    explorer.sends(*before, *after, {"timestamp": at + 1_000, "level": "error", "service": "api", "message": "12345"})
    record(explorer, service="payments", environment="production", at=at, note="a <b>note</b>")
    return explorer


def test_a_list_says_what_was_deployed_and_leads_to_what_it_changed(ada: Explorer):
    page = ada.opens(DEPLOYS)
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())
    assert re.search(r"v1\.4\.2 \d+ \w+ [\d:]+ payments production key \S.* a &lt;b&gt;note&lt;/b&gt;", text)
    ada.opens(link(ada, "v1.4.2"))
    assert "2 new error patterns; errors 0 → 8." in ada.visitor.html


def test_the_page_shows_what_changed_and_leads_into_the_explorer(ada: Explorer):
    ada.opens(DEPLOYS)
    page = ada.opens(link(ada, "v1.4.2"))
    here = ada.visitor.path
    assert re.search(r"10 min( \d s)? before it and 10 min( \d s)? after", page)
    assert re.search(r"Only 10 min( \d s)? have passed since", page)
    assert "New: 2 patterns" in page
    assert "Gone: 1 pattern" in page
    ada.opens(link(ada, "provider lost n"))
    assert ada.state["q"] == '"provider lost"'
    assert ada.messages == [f"{'provider lost'} {n}" for n in range(7, 0, -1)]
    ada.opens(here)
    ada.opens(link(ada, "events before"))
    assert ada.messages == ["fine 1", "fine 2"]
    ada.opens(here)
    ada.opens(link(ada, "events after"))
    assert len(ada.messages) == 8
    ada.opens(here)
    ada.opens(link(ada, "payments"))
    assert ada.state["q"] == "service:payments level>=error"
    ada.opens(here)
    assert not any("12345" in each.text for each in ada.visitor.page.all("a")), "no words of it would find it"


def test_the_length_and_what_is_compared_are_in_the_address(ada: Explorer):
    ada.opens(DEPLOYS)
    ada.opens(link(ada, "v1.4.2"))
    ada.opens(link(ada, "Only payments, production"))
    assert ada.state == {"minutes": "15", "of": "own"}
    assert "No new error pattern; no errors" in ada.visitor.html or "Nothing was said" in ada.visitor.html
    ada.opens(link(ada, "5 minutes"))
    assert ada.state == {"minutes": "5", "of": "own"}
    ada.opens(link(ada, "Whole project"))
    assert "5 min before it and 5 min after" in ada.visitor.html


def test_what_is_wrong_with_an_address_is_said_and_the_usual_is_shown(ada: Explorer):
    ada.opens(DEPLOYS)
    here = link(ada, "v1.4.2")
    page = html.unescape(ada.opens(f"{here}?minutes=7"))
    assert "`minutes` must be one of 5, 15, 60" in page
    assert "errors 0 → 8" in page
    page = html.unescape(ada.opens(f"{DEPLOYS}?since=1q"))
    assert "no length of time" in page
    assert "v1.4.2" in page


def test_the_twin_has_the_same_for_programs(ada: Explorer):
    ada.opens(DEPLOYS)
    here = link(ada, "v1.4.2")
    found = json.loads(ada.visitor.opens(f"{here}/deploy.json?minutes=5").body)
    assert found["deploy"]["version"] == "v1.4.2"
    assert found["verdict"] == "2 new error patterns; errors 0 → 8."
    assert (found["minutes"], found["length_ms"], found["partial"]) == (5, 5 * MINUTE, False)
    assert [each["template"] for each in found["patterns"]["new"]] == ["provider lost <n>", "<n>"]
    assert found["patterns"]["new"][0]["find"] == "provider lost"
    assert found["services"][0] == {"service": "payments", "events": [0, 7], "errors": [0, 7]}
    assert (found["before"]["events"], found["after"]["levels"]) == (2, {"error": 8})
    assert ada.visitor.opens(f"{here}/deploy.json?minutes=7").status == 400
    listed = json.loads(ada.visitor.opens(f"{DEPLOYS}.json").body)
    assert [each["version"] for each in listed["data"]] == ["v1.4.2"]


def test_a_deploy_of_just_now_says_that_it_is_too_early(explorer: Explorer):
    made = record(explorer, at=explorer.now + 2 * MINUTE)
    assert "Too early to tell" in explorer.opens(f"{DEPLOYS}/{made['id']}")
    found = json.loads(explorer.visitor.opens(f"{DEPLOYS}/{made['id']}/deploy.json").body)
    assert (found["before"], found["after"], found["length_ms"]) == (None, None, 0)


def test_somebody_records_one_and_takes_it_back(explorer: Explorer):
    assert "No deploys here" in explorer.opens(DEPLOYS)
    assert "/api/deploys" in explorer.visitor.html
    explorer.visitor.sends(
        DEPLOYS, version="v2", service="api", at="10 minutes ago", url="https://ci.example.com/1?a=b"
    )
    page = explorer.visitor.html
    assert "The deploy is recorded." in page
    assert 'href="https://ci.example.com/1?a=b" rel="noopener noreferrer nofollow"' in page
    assert "Ada" in page
    explorer.opens(link(explorer, "v2"))
    here = explorer.visitor.path
    explorer.visitor.sends(f"{here}/delete")
    assert "The deploy is deleted." in explorer.visitor.html
    assert explorer.visitor.opens(here).status == 404


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("version", "", "is missing"),
        ("version", "x" * 101, "at most 100 characters"),
        ("url", "http://example.com", "must be one https:// address"),
        ("url", "javascript:alert(1)", "must be one https:// address"),
        ("at", "soonish", "in words: `yesterday 17:30`"),
        ("at", "2999-01-01", "lies ahead"),
        ("at", "2001-01-01", "that the project keeps"),
        ("service", "a\nb", "one line"),
    ],
)
def test_a_form_that_cannot_be_used_comes_back_with_what_to_mend(explorer: Explorer, field: str, value: str, says: str):
    explorer.opens(DEPLOYS)
    answer = explorer.visitor.sends(DEPLOYS, **{"version": "v2", "note": "kept", field: value})
    assert answer.status == 422
    assert says in html.unescape(explorer.visitor.html)
    assert 'value="kept"' in explorer.visitor.html
    assert "No deploys here" in explorer.visitor.html


def test_older_ones_are_a_link_away(explorer: Explorer):
    for number in range(3):
        record(explorer, f"v{number}", at=explorer.now - (10 - number) * MINUTE)
    page = explorer.opens(f"{DEPLOYS}?limit=2")
    assert "v2" in page
    assert ">v0<" not in page
    explorer.opens(link(explorer, "Older"))
    assert ">v0<" in explorer.visitor.html
    assert ">v2<" not in explorer.visitor.html


# --- on the histogram -------------------------------------------------------------------------------------------------


def flags(page: str) -> list[tuple[str, str]]:
    """Where each leads, and what it says."""
    drawn = re.search(r'<svg class="flags".*?</svg>', page, re.DOTALL)
    found = re.findall(r'<a href="([^"]+)"><title>([^<]+)</title>', drawn[0]) if drawn else []
    return [(html.unescape(href), html.unescape(title)) for href, title in found]


def test_a_deploy_is_a_flag_that_leads_to_its_page(ada: Explorer):
    [(href, words)] = flags(ada.opens())
    assert re.fullmatch(r"\d+ \w+ \d\d:\d\d(:\d\d)? deploy v1\.4\.2, payments, production", words)
    ada.opens(href)
    assert "errors 0 → 8" in ada.visitor.html
    assert flags(ada.opens("?since=15m&q=level:error")), "whatever is asked for"


def test_several_in_one_bar_are_one_flag_with_their_count(ada: Explorer):
    for number in range(5):
        record(ada, f"v{number}", at=ada.now - 40 * MINUTE + number)
    several, one = flags(ada.opens("?since=24h"))[:1], flags(ada.opens())
    assert len(one) == 2
    href, words = one[0]
    assert re.search(r": 5 deploys: v0; v1; v2; 2 more$", words)
    assert ">5</text>" in ada.visitor.html
    page = ada.opens(href)
    assert all(f">v{number}<" in page for number in range(5))
    assert ">v1.4.2<" not in page
    assert several
    assert {"from", "to"} <= parse_qs(urlsplit(href).query).keys()


def test_a_range_without_deploys_has_no_flags(ada: Explorer):
    page = ada.opens("?from=15+minutes+ago&to=11+minutes+ago")
    assert flags(page) == []
    assert "flags" not in page


def test_the_explorers_twin_has_the_deploys_of_its_range(ada: Explorer):
    [found] = ada.twin()["deploys"]
    assert (found["version"], found["service"], found["note"]) == ("v1.4.2", "payments", "a <b>note</b>")
    assert ada.twin("?since=5m")["deploys"] == []


def test_a_page_reads_deploys_once_and_boundedly(ada: Explorer, monkeypatch: pytest.MonkeyPatch):
    asked: list[dict[str, Any]] = []
    call = dynamodb.call

    def noting(operation: str, request: dict[str, Any], **more: Any) -> Any:
        values = request.get("ExpressionAttributeValues", {})
        if operation == "Query" and values.get(":low", {}).get("B", b"")[:1] == b"v":
            asked.append(request)
        return call(operation, request, **more)

    monkeypatch.setattr(dynamodb, "call", noting)
    ada.opens()
    assert [each["Limit"] for each in asked] == [201]


def test_what_strangers_wrote_does_nothing(explorer: Explorer):
    text = HOSTILE.replace("\x85", "")[:80]
    for number in range(2):
        record(
            explorer,
            text,
            service=text,
            environment=text,
            note=HOSTILE.replace("\x85", ""),
            at=explorer.now - number * 70_000,
        )
    explorer.sends(*({"level": "error", "message": HOSTILE, "service": HOSTILE} for _ in range(2)))
    made = explorer.twin()["deploys"][0]
    for address in ("", "?since=24h", DEPLOYS, f"{DEPLOYS}/{made['id']}", f"{DEPLOYS}/{made['id']}?of=own"):
        explorer.opens(address)
        inert(explorer)

"""Following the explorer in Chromium: rows come by themselves, each once and at its place, and never under a reader."""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from infra.product import Product
from tests.browser.person import MILLISECONDS

PROJECT = "/orgs/local/projects/app"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\x1b[0m javascript:alert(3) needle"
LONGEST_PAUSE = 10_000
"""Milliseconds between two questions, when nothing comes."""

_runs = count()


@dataclass
class Follower:
    """Somebody who follows one service's events, on a page whose clock can be put forward."""

    running: Product
    page: Page
    service: str
    asked: list[str]
    """What the page asked for the news."""
    newest: int = 0
    """The time of the newest event that was sent, in milliseconds."""

    def opens(self, more: str = "") -> None:
        self.page.goto(f"{self.running.url}{PROJECT}/explore?q=service:{self.service}&live=1{more}")
        self.says("Live")

    def sends(self, messages: Sequence[str], *, age_ms: int = 0, **fields: Any) -> None:
        """Stores one batch; each event is a millisecond younger than the one before it, and those of the last batch."""
        self.newest = max(self.newest, int(time.time() * 1000) - len(messages))
        first = int(time.time() * 1000) - age_ms if age_ms else self.newest + 1
        self.newest += len(messages)
        batch = [
            {"timestamp": first + at, "message": message, "service": self.service, **fields}
            for at, message in enumerate(messages)
        ]
        request = urllib.request.Request(f"{self.running.url}/api/ingest", json.dumps({"events": batch}).encode())
        request.add_header("Authorization", f"Bearer {self.running.account['ingest_key']}")
        urllib.request.urlopen(request).close()

    def waits(self) -> None:
        """As long as the page lets pass between two questions, and until the answer is there."""
        with self.page.expect_response(lambda answer: "live.json" in answer.url):
            self.page.clock.fast_forward(LONGEST_PAUSE)

    def asks_nothing(self, *, for_ms: int) -> None:
        before = len(self.asked)
        self.page.clock.fast_forward(for_ms)
        self.page.evaluate("fetch('/').then(answer => answer.text())")  # what was asked before it is known after it
        assert len(self.asked) == before

    def says(self, words: str) -> None:
        expect(self.status).to_have_text(words, timeout=MILLISECONDS)

    def tells(self, words: str) -> None:
        expect(self.page.locator("#since")).to_contain_text(words, use_inner_text=True)

    @property
    def status(self) -> Locator:
        return self.page.locator("#live [role=status]")

    @property
    def fresh(self) -> Locator:
        return self.page.locator("#fresh")

    @property
    def rows(self) -> Locator:
        return self.page.locator("tr[id]")

    @property
    def messages(self) -> list[str]:
        return self.page.locator("tr[id] td:last-child").all_inner_texts()

    def sees(self, messages: Sequence[str]) -> None:
        expect(self.rows).to_have_count(len(messages), timeout=MILLISECONDS)
        assert self.messages == list(messages)

    def looks_away(self) -> None:
        self._is_hidden("true")

    def looks_again(self) -> None:
        self._is_hidden("false")

    def _is_hidden(self, hidden: str) -> None:
        self.page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{ get: () => {hidden}, configurable: true }});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )


@pytest.fixture
def follower(running: Product, somebody: Callable[..., Any], session: Any) -> Follower:
    page: Page = somebody("Alice").page
    page.context.add_cookies(session)
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda request: "live.json" in request.url and asked.append(request.url))
    return Follower(running, page, f"api{next(_runs)}", asked)


def numbered(count: int, words: str = "event") -> list[str]:
    return [f"{words} {number:03}" for number in range(count)]


def test_what_comes_appears_once_in_its_order_and_as_the_server_draws_it(follower: Follower):
    follower.sends(["was here before"])
    follower.opens("&columns=metadata.n&since=6h&limit=500")
    told = ["was here before"]
    for burst in range(3):
        sent = numbered(300 if burst == 1 else 20, f"burst {burst}")
        follower.sends(sent, level="error", metadata={"n": burst})
        follower.waits()
        told = [*sent[::-1], *told]
        follower.sees(told)
    follower.sends([HOSTILE], age_ms=30_000, level="warn", user_id="u", metadata={"n": HOSTILE})
    follower.sends(["long " * 400])
    follower.waits()
    expect(follower.rows).to_have_count(len(told) + 2)
    assert follower.page.locator("main img").count() == 0
    drawn = rows_of(follower.page)
    follower.page.reload()
    assert rows_of(follower.page) == drawn


def rows_of(page: Page) -> list[str]:
    """Whole rows, with where their links lead, but for how long ago they were."""
    page.locator("tr[id] a").evaluate_all("links => links.forEach(link => link.href = link.href)")
    rows: list[str] = page.locator("tr[id]").evaluate_all("rows => rows.map(row => row.outerHTML)")
    return [re.sub(r' title="[^"]*"| class="new"', "", row) for row in rows]


def test_late_events_take_their_place_by_time(follower: Follower):
    follower.sends(["first"], age_ms=20_000)
    follower.opens()
    follower.sends(["third"])
    follower.waits()
    follower.sends(["second"], age_ms=10_000)
    follower.waits()
    follower.sees(["third", "second", "first"])


def test_what_came_while_the_page_was_made_is_there_once(follower: Follower):
    address = f"{follower.running.url}{PROJECT}/explore/live.json?q=service:{follower.service}&live=1"
    before = follower.page.request.get(address).json()["cursor"]
    follower.sends(numbered(3))
    older = f"{address}&cursor={before}"
    follower.page.route("**/live.json*", lambda route: route.continue_(url=older), times=1)
    follower.opens()
    follower.sends(["after"])
    follower.waits()
    follower.sees(["after", *numbered(3)[::-1]])
    follower.tells("1 came since")


def test_a_page_without_rows_fills_by_itself(follower: Follower):
    follower.opens()
    expect(follower.page.get_by_text("No event matches")).to_be_visible()
    follower.sends(["the first"])
    follower.waits()
    follower.sees(["the first"])
    expect(follower.page.get_by_text("No event matches")).to_be_hidden()


def test_nothing_is_asked_while_nobody_looks_and_nothing_is_lost_by_it(follower: Follower):
    follower.opens()
    follower.sends(["before"])
    follower.waits()
    follower.looks_away()
    follower.sends(numbered(5, "meanwhile"))
    follower.asks_nothing(for_ms=300_000)
    follower.looks_again()
    follower.sees([*numbered(5, "meanwhile")[::-1], "before"])
    follower.waits()
    follower.sees([*numbered(5, "meanwhile")[::-1], "before"])


def test_looking_away_in_the_middle_of_a_question_loses_and_doubles_nothing(follower: Follower):
    follower.opens()
    follower.sends(numbered(3))
    held: list[Route] = []
    follower.page.route("**/live.json*", lambda route: held.append(route), times=1)
    with follower.page.expect_request("**/live.json*"):
        follower.page.clock.fast_forward(LONGEST_PAUSE)
    with follower.page.expect_event("requestfailed"):
        follower.looks_away()
    follower.looks_again()
    follower.sees(numbered(3)[::-1])


def test_it_asks_slower_while_nothing_comes_and_quick_again_when_something_did(follower: Follower):
    follower.opens()
    for _ in range(5):
        follower.waits()
    follower.asks_nothing(for_ms=LONGEST_PAUSE - 3_000)
    follower.sends(["something"])
    follower.waits()
    follower.sees(["something"])
    with follower.page.expect_response("**/live.json*"):
        follower.page.clock.fast_forward(2_000)


def test_a_server_that_does_not_answer_is_asked_again_and_less_often(follower: Follower):
    follower.opens()
    follower.sends(numbered(3))
    answers: list[Callable[[Route], None]] = [
        lambda route: route.fulfill(status=503, headers={"Retry-After": "7"}),
        lambda route: route.abort(),
        lambda route: route.fulfill(status=429, headers={"Retry-After": "30"}),
        lambda route: route.fulfill(status=200, body="<html>a proxy's page"),
    ]
    for answer in answers:
        follower.page.route("**/live.json*", answer, times=1)
        with follower.page.expect_request("**/live.json*"):
            follower.page.clock.fast_forward(60_000)
        follower.says("Reconnecting")
        follower.asks_nothing(for_ms=500)
    with follower.page.expect_response("**/live.json*"):
        follower.page.clock.fast_forward(60_000)
    follower.says("Live")
    follower.sees(numbered(3)[::-1])


def test_what_the_server_asks_to_wait_is_waited(follower: Follower):
    follower.opens()
    follower.page.route(
        "**/live.json*", lambda route: route.fulfill(status=429, headers={"Retry-After": "90"}), times=1
    )
    follower.waits()
    follower.says("Reconnecting")
    follower.looks_away()
    follower.asks_nothing(for_ms=80_000)
    follower.looks_again()
    follower.asks_nothing(for_ms=500)
    with follower.page.expect_response("**/live.json*"):
        follower.page.clock.fast_forward(12_000)
    follower.says("Live")


def test_whoever_is_signed_out_meanwhile_is_told_and_led_to_the_sign_in(follower: Follower):
    follower.opens()
    follower.page.context.clear_cookies()
    follower.waits()
    follower.says("You are signed out")
    follower.asks_nothing(for_ms=300_000)
    follower.page.get_by_role("link", name="Reload to see newer").click()
    expect(follower.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_rows_are_held_back_while_somebody_has_scrolled_down(follower: Follower):
    follower.sends(numbered(100, "old"))
    follower.opens()
    follower.page.mouse.wheel(0, 1_500)
    follower.page.wait_for_function("scrollY > 1000")
    follower.sends(numbered(12, "new"))
    follower.waits()
    expect(follower.fresh).to_have_text("12 new")
    follower.says("Paused while you read")
    assert follower.rows.count() == 100
    place = follower.page.evaluate("scrollY")
    follower.sends(numbered(3, "newer"))
    follower.waits()
    expect(follower.fresh).to_have_text("15 new")
    assert follower.page.evaluate("scrollY") == place
    follower.fresh.press("Enter")
    expect(follower.fresh).to_be_hidden()
    expect(follower.rows).to_have_count(115)
    assert follower.messages[:15] == [*numbered(3, "newer")[::-1], *numbered(12, "new")[::-1]]
    assert follower.page.evaluate("scrollY") == 0
    follower.says("Live")


def test_rows_do_not_move_under_the_keyboard_and_the_focus_stays(follower: Follower):
    follower.sends(numbered(3, "old"))
    follower.opens()
    follower.page.locator("body").press("j")
    focused = follower.page.locator("tr[id] a").first
    expect(focused).to_be_focused()
    follower.sends(["new"])
    follower.waits()
    expect(follower.fresh).to_have_text("1 new")
    expect(focused).to_be_focused()
    follower.page.evaluate("document.activeElement.blur()")
    follower.waits()
    follower.sees(["new", *numbered(3, "old")[::-1]])
    follower.page.keyboard.press("j")
    follower.page.keyboard.press("o")
    expect(follower.page.locator("tr.opened")).to_contain_text("received_at")
    assert "live=1" in follower.page.url
    follower.says("Live")
    follower.sends(["while one is open"])
    follower.waits()
    expect(follower.fresh).to_have_text("1 new")


def test_the_page_keeps_the_newest_five_hundred_and_says_so(follower: Follower):
    follower.sends(numbered(101, "old"))
    follower.opens()
    expect(follower.page.get_by_role("link", name="Older")).to_be_visible()
    for part in range(2):
        follower.sends(numbered(300, f"part {part}"))
        follower.waits()
    expect(follower.rows).to_have_count(500)
    assert follower.messages[0] == "part 1 299"
    assert follower.messages[-1] == "part 0 100"
    follower.tells(
        "600 came since, 0 passed over to keep up; the newest 500 are kept here. Counts and histogram are of"
    )
    expect(follower.page.get_by_role("link", name="Older")).to_have_count(0)


def test_what_is_passed_over_is_counted_and_a_gap_is_said(follower: Follower):
    def thinned(route: Route) -> None:
        told = {**route.fetch().json(), "passed_over": 12, "gap": True}
        route.fulfill(json=told)

    follower.opens()
    follower.page.route("**/live.json*", thinned, times=1)
    follower.waits()
    follower.tells("0 came since, 12 passed over to keep up; the newest 500 are kept here; others may be missing")


def test_a_key_pauses_and_resumes_where_it_ended(follower: Follower):
    follower.opens()
    follower.page.locator("body").press("l")
    follower.says("Paused")
    follower.sends(["meanwhile"])
    follower.asks_nothing(for_ms=60_000)
    follower.page.keyboard.press("l")
    follower.says("Live")
    follower.sees(["meanwhile"])


def test_what_it_is_doing_is_announced_once_and_not_at_each_poll(follower: Follower):
    follower.opens()
    follower.page.evaluate(
        "new MutationObserver(() => document.body.dataset.said = 'again')"
        ".observe(document.querySelector('#live [role=status]'), { childList: true, subtree: true })"
    )
    for at in range(3):
        follower.sends([f"number {at}"])
        follower.waits()
    expect(follower.rows).to_have_count(3)
    assert follower.page.evaluate("document.body.dataset.said") is None


def test_going_away_and_back_follows_on(follower: Follower):
    follower.sends(["old"])
    follower.opens()
    follower.page.goto(f"{follower.running.url}{PROJECT}/keys")
    follower.sends(["meanwhile"])
    follower.page.go_back()
    follower.says("Live")
    follower.sends(["new"])
    follower.waits()
    follower.sees(["new", "meanwhile", "old"])


def test_two_pages_follow_each_for_itself(follower: Follower):
    other = follower.page.context.new_page()
    other.clock.install()
    second = Follower(follower.running, other, follower.service, [])
    follower.opens()
    second.opens()
    follower.sends(numbered(5))
    for each in (follower, second):
        each.waits()
        each.sees(numbered(5)[::-1])

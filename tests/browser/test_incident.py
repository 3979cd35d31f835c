"""The demo's incident, found from the start page: with the mouse and no script, two ways, and with the keyboard alone.

Payments is deployed, two minutes later its provider times out, and it is rolled back. Somebody was told that orders
fail, and has found it with the time-outs and the deploy on the screen. What that takes is counted, and may not grow.
"""

import json
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from infra.browser import site
from infra.demo.deploys import deploys
from infra.demo.incidents import CYCLE, MINUTE
from infra.demo.stream import events
from infra.product import Product

CLICKS: Final = 3
CLICKS_OVER_THE_HISTOGRAM: Final = 5
KEYS: Final = 38
AT_ONCE: Final = 500
CAUSE: Final = re.compile("provider (pay.example.net )?timed out", re.IGNORECASE)


@pytest.fixture(scope="module")
def _incident(running: Product) -> None:
    """What the shop logged and deployed around the last one that is over."""
    base = (int(time.time() * 1000) - 30 * MINUTE) // CYCLE * CYCLE
    stream = events(seed=7, rate=2, start=base + 6 * MINUTE)
    told = list(takewhile(lambda event: event["timestamp"] < base + 30 * MINUTE, stream))
    for first in range(0, len(told), AT_ONCE):
        _tell(running, "ingest", {"events": told[first : first + AT_ONCE]})
    for deploy in deploys(base, base + 30 * MINUTE):
        _tell(running, "deploys", deploy)


def _tell(running: Product, what: str, body: object) -> None:
    request = urllib.request.Request(f"{running.url}/api/{what}", json.dumps(body).encode())
    request.add_header("Authorization", f"Bearer {running.account['ingest_key']}")
    urllib.request.urlopen(request).close()


@dataclass
class Finder:
    """Somebody on the start page, and what they did so far."""

    page: Page
    clicks: int = 0
    keys: int = 0

    def clicks_on(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def presses(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1

    def types(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.keys += len(text)

    def tabs_to(self, target: Locator) -> None:
        """From where the focus is, one key at a time: on a new page, from behind the link that skips to the content."""
        while not target.evaluate("element => element === document.activeElement"):
            assert self.keys < 500, "the keyboard does not lead there"
            self.presses("Tab")

    def sees(self, words: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("main").get_by_text(words).first).to_be_visible()


@pytest.fixture
def finder(running: Product, _incident: None, somebody: Callable[..., Any], session: Any) -> Callable[..., Finder]:
    def made(*, scripts: bool) -> Finder:
        page: Page = somebody("Alice", scripts=scripts).page
        page.context.add_cookies(session)
        page.goto(f"{running.url}{site.HOME}")
        return Finder(page)

    return made


def test_the_mouse_finds_it_by_what_was_deployed(finder: Callable[..., Finder]):
    found = finder(scripts=False)
    page = found.page
    found.clicks_on(page.get_by_role("main").get_by_role("link", name="App", exact=True))
    found.clicks_on(page.get_by_role("link", name="Deploys", exact=True))
    found.clicks_on(page.get_by_role("row", name="Provider asked").get_by_role("link").first)
    found.sees(re.compile("new error pattern"))
    found.sees(CAUSE)
    assert found.clicks <= CLICKS


def test_the_mouse_finds_it_by_the_histogram_without_a_script(finder: Callable[..., Finder]):
    found = finder(scripts=False)
    page = found.page
    found.clicks_on(page.get_by_role("main").get_by_role("link", name="App", exact=True))
    found.clicks_on(page.locator("summary", has_text="Last hour"))
    found.clicks_on(page.get_by_role("link", name="Last 6 hours"))
    found.clicks_on(highest(page, "error"))
    found.clicks_on(page.get_by_role("link", name="Only service payments"))
    found.sees(CAUSE)
    found.sees("Rolled back payments")
    assert found.clicks <= CLICKS_OVER_THE_HISTOGRAM


def test_the_keyboard_finds_it(finder: Callable[..., Finder]):
    found = finder(scripts=True)
    page = found.page
    found.presses("Tab", "Enter")
    found.tabs_to(page.get_by_role("main").get_by_role("link", name="App", exact=True))
    found.presses("Enter")
    expect(page.locator("#q")).to_be_focused()
    found.presses("Escape", "t")
    found.tabs_to(page.get_by_role("link", name="Last 6 hours"))
    found.presses("Enter")
    page.wait_for_url("**since=6h**")
    expect(page.locator("#q")).to_be_focused()
    found.types("level>=error")
    found.presses("Enter")
    page.wait_for_url("**q=level**")
    found.sees(CAUSE)
    found.presses("/")
    found.types("deployed")
    found.presses("Enter")
    page.wait_for_url("**q=deployed**")
    found.sees("Deployed payments")
    found.presses("j", "o")
    expect(page.locator("tr.opened")).to_contain_text("release")
    assert found.keys <= KEYS


def highest(page: Page, level: str) -> Locator:
    """The bar of the histogram that has most of a level: what the eye is drawn to."""
    bars = page.locator(".histogram a", has=page.locator(f"path.{level}"))
    found = [re.search(rf"([\d,]+) {level}", words) for words in bars.all_text_contents()]
    counts = [int(each[1].replace(",", "")) if each else 0 for each in found]
    return bars.nth(counts.index(max(counts)))

"""Patterns in Chromium: with the keyboard alone, without JavaScript on a phone, and with hostile messages."""

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from infra.browser import site
from infra.product import Product
from tests.browser.judging import check_accessible, check_fits, keep_picture

PATTERNS = "/orgs/local/projects/app/patterns"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\x1b[0m javascript:alert(3)"
pytestmark = pytest.mark.usefixtures("_events")

LONG = "a very long tale of " + "wandering words " * 60


@pytest.fixture(scope="module")
def _events(running: Product) -> None:
    now = int(time.time() * 1000)
    told = [
        *(("error", "payments", f"card declined for order A-{number}") for number in range(30)),
        *(("info", "checkout", f"order {number} placed after {number} ms") for number in range(50)),
        ("warn", "search", HOSTILE),
        ("info", "worker", LONG),
        ("info", "worker", "4711 8 12.5"),
    ]
    events = [
        {"timestamp": now - 60_000 * at, "level": level, "service": service, "message": message}
        for at, (level, service, message) in enumerate(told)
    ]
    request = urllib.request.Request(f"{running.url}/api/ingest", json.dumps({"events": events}).encode())
    request.add_header("Authorization", f"Bearer {running.account['ingest_key']}")
    urllib.request.urlopen(request).close()


def opened(running: Product, page: Page, query: str = "") -> Page:
    site.sign_in(page, running)
    page.goto(f"{running.url}{PATTERNS}{query}")
    return page


def test_the_keyboard_leads_to_a_row_its_ways_on_and_its_form(running: Product, somebody):
    page = opened(running, somebody("Alice").page, "?q=declined")
    row = page.locator("tr[id]")
    expect(row).to_have_count(1)
    row.get_by_role("link").first.focus()
    expect(row.locator(".acts")).to_have_css("clip-path", "none")
    for words in ("events", "only", "exclude"):
        page.keyboard.press("Tab")
        expect(row.get_by_role("link", name=words, exact=True)).to_be_focused()
    row.get_by_role("link").first.press("Enter")
    expect(page.locator("tr.opened")).to_contain_text("card declined for order A-")
    page.get_by_label("What mended it, if you like").focus()
    page.keyboard.type("told the provider")
    page.keyboard.press("Enter")
    expect(page.locator("tr.opened")).to_contain_text("told the provider")
    expect(page.locator("tr.at-top .flag.resolved")).to_be_visible()
    assert "q=declined" in page.url
    check_accessible(page)
    page.get_by_role("button", name="Reopen the pattern").press("Enter")
    expect(page.locator(".flag.resolved")).to_have_count(0)


def test_without_javascript_a_phone_shows_cards_and_all_ways_on(running: Product, somebody):
    page = opened(running, somebody("Bob", width=320, scheme="dark", scripts=False).page)
    check_fits(page)
    card = page.locator("tr[id]").filter(has_text="order n placed")
    expect(card.locator(".spark")).to_be_visible()
    expect(card.get_by_role("link", name="only", exact=True)).to_be_visible()
    card.get_by_role("link").first.click()
    expect(page.locator("tr.opened")).to_contain_text("50 events")
    check_fits(page)
    keep_picture(page, "patterns-opened-320-dark")
    page.get_by_role("link", name="Permalink").click()
    expect(page).to_have_url(re.compile(f"{PATTERNS}/[0-9a-f]{{16}}$"))
    check_fits(page)
    page.get_by_role("link", name="Show events").click()
    expect(page.locator("tr[id]")).to_have_count(50)


def test_a_long_pattern_takes_one_line_until_it_is_opened(running: Product, somebody):
    page = opened(running, somebody("Carol").page)
    row = page.locator("tr[id]").filter(has_text="a very long tale")
    assert row.bounding_box()["height"] < 40
    check_fits(page)


def test_hostile_messages_run_nothing(running: Product, somebody):
    page = somebody("Dora").page
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    opened(running, page, "?q=alert")
    page.locator("tr[id] a").first.click()
    expect(page.locator("tr.opened")).to_contain_text("⟨202E⟩")
    assert page.locator("main img").count() == 0
    assert dialogs == []

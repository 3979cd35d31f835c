"""Exploring in Chromium: with the keyboard alone, with the queries of the tab, and with hostile events."""

import json
import time
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from infra.browser import site
from infra.product import Product

PROJECT = "/orgs/local/projects/app"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\x1b[0m javascript:alert(3)"


@pytest.fixture(scope="module")
def _events(running: Product) -> None:
    now = int(time.time() * 1000)
    told = [("error", "payments", "card declined"), ("warn", "payments", HOSTILE), ("info", "checkout", "order placed")]
    events = [
        {
            "timestamp": now - 1_000 * at,
            "level": level,
            "service": service,
            "message": message,
            "metadata": {"n": message},
        }
        for at, (level, service, message) in enumerate(told)
    ]
    request = urllib.request.Request(f"{running.url}/api/ingest", json.dumps({"events": events}).encode())
    request.add_header("Authorization", f"Bearer {running.account['ingest_key']}")
    urllib.request.urlopen(request).close()


@pytest.fixture
def page(running: Product, somebody, _events: None) -> Page:
    opened: Page = somebody("Alice").page
    site.sign_in(opened, running)
    opened.goto(f"{running.url}{PROJECT}/explore")
    return opened


def test_the_query_is_the_first_focus_and_keys_lead_through_the_rows(page: Page):
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("service:payments")
    page.keyboard.press("Enter")
    expect(page.locator("tr[id]")).to_have_count(2)
    page.locator("body").press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[id] a").nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("o")
    expect(page.locator("tr.opened")).to_contain_text("received_at")
    page.keyboard.press("o")
    expect(page.locator("tr.opened")).to_have_count(0)
    page.keyboard.press("t")
    expect(page.get_by_role("link", name="Last 15 minutes")).to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("#q")).to_have_value("j"), "what is typed is typed: the query was selected"


def test_keys_can_be_turned_off_and_stay_off(page: Page):
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_label("Single keys work here").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys work here").check()


def test_the_last_queries_of_the_tab_are_offered(page: Page):
    page.fill("#q", "level:error")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=level**")
    page.goto(page.url.partition("?")[0])
    page.get_by_text("Recent", exact=True).click()
    page.get_by_role("link", name="level:error", exact=True).click()
    expect(page.locator("tr[id]")).to_have_count(1)


@pytest.mark.requirement("V14.3.3", "V14.3.1")
def test_queries_are_kept_in_no_storage_and_what_lies_before_a_sign_in_is_not_offered(page: Page, running: Product):
    page.fill("#q", "card declined")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=card**")
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "declined" not in kept
    page.goto(page.url.partition("?")[0])
    expect(page.get_by_text("Recent", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    site.sign_in(page, running)
    page.goto(f"{running.url}{PROJECT}/explore")
    expect(page.locator("#q")).to_be_visible()
    expect(page.get_by_text("Recent", exact=True)).to_be_hidden()


def test_suggestions_stand_behind_what_is_typed_already(page: Page):
    page.fill("#q", "declined ser")
    offered = page.locator("#suggested option").evaluate_all("options => options.map(option => option.value)")
    assert "declined service:payments" in offered


def test_a_click_anywhere_on_a_row_opens_it(page: Page):
    page.locator("tr[id]").get_by_text("card declined").first.click()
    expect(page.locator("tr.opened")).to_be_visible()


def test_hostile_events_run_nothing(page: Page):
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(page.url.partition("?")[0] + "?q=alert&columns=metadata.n&copy=assistant")
    page.locator("tr[id] a").click()
    expect(page.locator("tr.opened")).to_contain_text("⟨202E⟩")
    assert page.locator("main img").count() == 0
    assert dialogs == []

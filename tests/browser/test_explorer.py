"""Exploring in Chromium: with the keyboard alone, with the queries of the tab, and with hostile events."""

import json
import time
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from infra.browser import site
from infra.product import Product
from tests.browser.judging import check_accessible, check_fits

PROJECT = "/orgs/local/projects/app"
LONG = "word " * 100 + "w" * 1_000
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202e\x1b[0m javascript:alert(3)"


@pytest.fixture(scope="module")
def _events(running: Product) -> None:
    now = int(time.time() * 1000)
    told = [
        ("debug", "s" * 300, LONG),
        ("error", "payments", "card declined"),
        ("warn", "payments", HOSTILE),
        ("info", "checkout", "order placed"),
    ]
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
def page(running: Product, somebody, session, _events: None) -> Page:
    opened: Page = somebody("Alice").page
    opened.context.add_cookies(session)
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


def test_keys_copy_a_row_and_its_link_and_go_live(page: Page, running: Product):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=running.url)
    page.goto(page.url.partition("?")[0] + "?q=declined")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(page.locator("tr.copied")).to_be_visible()
    assert "error payments card declined" in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("y")
    row = page.locator("tr[id]").get_attribute("id") or ""
    link = f"{running.url}{PROJECT}/events/{row.removeprefix('e-')}"
    page.wait_for_function("link => navigator.clipboard.readText().then(text => text === link)", arg=link)
    page.keyboard.press("l")
    page.wait_for_url("**live=1**")


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
def test_queries_are_kept_in_no_storage_and_what_lies_before_a_sign_in_is_not_offered(running: Product, somebody):
    page: Page = somebody("Alice").page
    site.sign_in(page, running)
    page.goto(f"{running.url}{PROJECT}/explore")
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


def test_long_words_fit_every_screen_on_every_page_of_an_event(page: Page):
    page.goto(page.url.partition("?")[0] + "?q=level:debug")
    page.locator("tr[id] a").click()
    expect(page.locator("tr.opened")).to_be_visible()
    opened = page.url
    for words in ("", "Permalink", "Around this event"):
        page.goto(opened)
        if words:
            page.get_by_role("link", name=words).click()
        for width in (1440, 768, 320):
            page.set_viewport_size({"width": width, "height": 800})
            check_fits(page)


def test_on_narrow_screens_values_of_fields_are_opened_and_on_wide_ones_they_are_there(page: Page):
    narrow_down, only = page.get_by_text("Narrow down"), page.get_by_role("link", name="Only service payments")
    page.set_viewport_size({"width": 1440, "height": 800})
    expect(narrow_down).to_be_hidden()
    expect(only).to_be_visible()
    check_accessible(page)
    for width in (768, 320):
        page.set_viewport_size({"width": width, "height": 800})
        expect(only).to_be_hidden()
        narrow_down.click()
        expect(only).to_be_visible()
        check_fits(page)
        check_accessible(page)
        narrow_down.click()


def test_the_language_fits_a_narrow_screen(page: Page):
    page.set_viewport_size({"width": 320, "height": 800})
    page.get_by_text("How to ask").click()
    expect(page.get_by_role("link", name="level>=warn")).to_be_visible()
    check_fits(page)

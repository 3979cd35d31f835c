"""A deploy in Chromium: its flag on the histogram is reached with the keyboard and leads to what it changed."""

import json
import time
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from infra.product import Product

PROJECT = "/orgs/local/projects/app"
MINUTE = 60_000


def post(running: Product, path: str, body: object) -> None:
    request = urllib.request.Request(f"{running.url}{path}", json.dumps(body).encode())
    request.add_header("Authorization", f"Bearer {running.account['ingest_key']}")
    urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def _deployed(running: Product) -> None:
    """Twenty minutes ago something was deployed, and failed from then on; two more came together, later."""
    at = int(time.time() * 1000) - 20 * MINUTE
    fine = [{"timestamp": at - MINUTE * n, "level": "info", "service": "api", "message": f"fine {n}"} for n in (1, 2)]
    lost = [
        {"timestamp": at + 1_000 * n, "level": "error", "service": "payments", "message": f"provider lost {n}"}
        for n in range(1, 8)
    ]
    post(running, "/api/ingest", {"events": fine + lost})
    post(running, "/api/deploys", {"version": "v1.4.2", "service": "payments", "at": at})
    together = (at + 15 * MINUTE) // MINUTE * MINUTE
    for number in (1, 2):
        post(running, "/api/deploys", {"version": f"v2.{number}", "at": together + number})


@pytest.fixture(params=[1440, 320])
def page(request: pytest.FixtureRequest, running: Product, somebody, session, _deployed: None) -> Page:
    opened: Page = somebody("Alice", width=request.param).page
    opened.context.add_cookies(session)
    opened.goto(f"{running.url}{PROJECT}/explore")
    return opened


def test_the_keyboard_reaches_a_flag_and_enter_leads_to_what_the_deploy_changed(page: Page):
    flags = page.locator("svg.flags a")
    expect(flags).to_have_count(2)
    page.locator("#q").focus()
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.flags') !== null"):
            break
    expect(flags.first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 new error pattern; errors 0 → 7.")).to_be_visible()
    page.get_by_role("link", name="provider lost n").click()
    expect(page.locator("tr[id]")).to_have_count(7)


def test_a_flag_is_told_in_words_and_clicked_without_missing(page: Page):
    flag = page.get_by_role("link", name="deploy v1.4.2, payments")
    expect(flag).to_have_count(1)
    box = page.locator("svg.flags a").first.locator("rect").first.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    page.mouse.click(box["x"] + 12, box["y"] + 12)
    expect(page.get_by_role("heading", name="Deploy v1.4.2")).to_be_visible()


def test_a_flag_for_several_leads_to_their_list(page: Page):
    page.locator("svg.flags a").nth(1).locator("rect").first.click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_somebody_records_a_deploy_and_takes_it_back(page: Page, running: Product):
    page.goto(f"{running.url}{PROJECT}/deploys")
    version = f"hand-{page.viewport_size['width']}" if page.viewport_size else "hand"
    page.get_by_label("Version", exact=True).fill(version)
    page.get_by_label("When", exact=True).fill("2 minutes ago")
    page.get_by_role("button", name="Record the deploy").click()
    expect(page.get_by_role("status")).to_have_text("The deploy is recorded.")
    page.get_by_role("link", name=version).click()
    page.get_by_text("Delete this deploy").click()
    page.get_by_role("button", name="Delete the deploy").click()
    expect(page.get_by_role("status")).to_have_text("The deploy is deleted.")
    expect(page.get_by_role("link", name=version)).to_have_count(0)

"""A view in Chromium: saved from the explorer, opened, renamed, deleted, by what people read on links and buttons."""

import re

import pytest
from playwright.sync_api import Page, expect

from infra.browser import site
from infra.product import Product

PROJECT = "/orgs/local/projects/app"


@pytest.mark.parametrize(("width", "scripts"), [(1440, True), (320, False)])
def test_a_view_is_saved_opened_renamed_and_deleted(running: Product, somebody, width: int, scripts: bool):
    page: Page = somebody("Alice", width=width, scripts=scripts).page
    site.sign_in(page, running)
    page.goto(f"{running.url}{PROJECT}/explore?q=level:error&since=24h&columns=environment")
    menu(page, "Views").get_by_role("link", name="Save this view").click()
    page.get_by_label("Name").fill("Errors of a day")
    page.get_by_role("radio", name="For everyone").check()
    page.get_by_role("button", name="Save the view").click()
    expect(page).to_have_url(re.compile(r"q=level:error&since=24h&columns=environment$"))

    page.goto(f"{running.url}{PROJECT}/explore")
    menu(page, "Views").get_by_role("link", name="Errors of a day").click()
    expect(page).to_have_url(re.compile(r"q=level:error&since=24h&columns=environment$"))
    expect(page.locator("#q")).to_have_value("level:error")
    opened = menu(page, "Errors of a day")
    expect(opened.get_by_role("link", name="Errors of a day")).to_have_attribute("aria-current", "true")
    opened.get_by_role("link", name="Manage views").click()

    page.get_by_text("Change Errors of a day").click()
    page.get_by_label("Name").fill("Trouble")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("status")).to_have_text("The view is renamed.")
    page.get_by_text("Change Trouble").click()
    page.get_by_role("button", name="Delete the view").click()
    expect(page.get_by_role("heading", name="Views will be here")).to_be_visible()


def menu(page: Page, name: str):
    """The menu that is called so, opened."""
    drop = page.locator("details.drop").filter(has=page.locator("summary").filter(has_text=name)).first
    drop.locator("summary").click()
    return drop

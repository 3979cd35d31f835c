"""Every page that the app declares, met by its links, on the running product: what we, axe, pa11y and Lighthouse say.

Lighthouse judges the pages that people meet first, in `make test-full` all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from infra.browser import audit, site
from infra.product import Product
from tests.browser.judging import check_accessible, check_fits
from tests.long_form import FULL

ROUTES = site.page_routes()
MET_FIRST = ("/", "/orgs/{org}/projects/{project}/explore")
JUDGED = ROUTES if FULL else MET_FIRST
"""Lighthouse takes ten seconds a page."""


@dataclass(frozen=True)
class Place:
    """Where a page is, and the cookies of whoever may see it."""

    address: str
    cookies: list[dict[str, Any]]


@pytest.fixture(scope="module")
def places(running: Product, browser: Browser) -> Iterator[dict[str, Place]]:
    """One address of every page: a visitor's where visitors may see it, else that of the first account."""
    routes = site.page_routes()
    with browser.new_context() as context:
        page = context.new_page()
        site.furnish(page, running)
        addresses = site.addresses(page, running.url, start=site.HOME, routes=routes)
        found = {path: Place(address, context.cookies()) for path, address in addresses.items()}
        with browser.new_context() as stranger:
            addresses = site.addresses(stranger.new_page(), running.url, start=site.WELCOME, routes=routes)
        yield {**found, **{path: Place(address, []) for path, address in addresses.items()}}


def test_links_lead_to_every_page(places):
    assert set(places) == set(ROUTES)


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """Where all pages are opened one after the other."""
    with browser.new_context() as context:
        yield context.new_page()


@pytest.mark.parametrize("path", ROUTES)
def test_every_page_fits_every_screen_and_shuts_nobody_out(path, places, tab):
    tab.context.clear_cookies()
    tab.context.add_cookies(places[path].cookies)
    for scheme, width in (("light", 1440), ("dark", 320)):
        tab.emulate_media(color_scheme=scheme)
        tab.set_viewport_size({"width": width, "height": 800})
        tab.goto(places[path].address)
        check_fits(tab)
        if FULL or scheme == "light":  # `test_samples` has seen it narrow and dark
            check_accessible(tab)


def test_pa11y_finds_nothing(places):
    for cookies in ([], next(place.cookies for place in places.values() if place.cookies)):
        urls = [place.address for place in places.values() if place.cookies == cookies]
        assert audit.pa11y(urls, cookies) == {url: audit.Pa11y(url, []) for url in urls}


@pytest.mark.parametrize("path", JUDGED)
def test_lighthouse_gives_95_points_and_more(path, places):
    place = places[path]
    # What else runs on this machine takes points from a page's speed and never gives any, and Lighthouse sometimes
    # misses the beginning of its own recording: the best of three counts.
    judged = None
    for last in (False, False, True):
        try:
            judged = audit.lighthouse([place.address], place.cookies)[place.address]
        except audit.AuditFailed:
            if last:
                raise
            continue
        lacking = {name: category for name, category in judged.categories.items() if category.score < 95}
        if set(lacking) != {"performance"}:
            break
    assert judged is not None
    assert judged.address == place.address
    assert lacking == {}

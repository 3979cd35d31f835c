"""Every page that the app declares, met by its links, on the running product."""

import pytest

from infra.browser import site
from tests.browser.judging import check_accessible, check_fits

ROUTES = site.page_routes()


def test_links_lead_to_every_page(places):
    assert set(places) == set(ROUTES)


@pytest.mark.parametrize("path", ROUTES)
def test_every_page_fits_every_screen_and_shuts_nobody_out(path, places, browser):
    for scheme, width in (("light", 1440), ("dark", 320)):
        with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}) as context:
            context.add_cookies(places[path].cookies)
            page = context.new_page()
            page.goto(places[path].address)
            check_fits(page)
            check_accessible(page)

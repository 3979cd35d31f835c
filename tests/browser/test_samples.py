"""Every page in every state it can be in, from the samples of `infra.preview`, as Chromium shows it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route

from chalicelib.web import headers
from chalicelib.web.templates import HTML, document, static_files
from infra.browser import audit
from infra.preview import SAMPLES
from tests.browser.judging import check_accessible, check_fits, keep_picture
from tests.browser.person import HEIGHTS
from tests.long_form import FULL

ORIGIN = "http://127.0.0.1"
"""Where nobody listens: every request is answered below."""


JUDGED = [("dark", 320), ("light", 1440)] if FULL else [("dark", 320)]
"""Where axe looks, which takes longer than all the rest. Wide and light it judges the pages of the running product."""


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """Where all samples are opened one after the other, with the headers of real pages; and what it complains of."""
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    with browser.new_context() as context:
        context.route("**/*", answer)
        page = context.new_page()
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints


@pytest.fixture
def page(tab: tuple[Page, list[str]]) -> Iterator[Page]:
    """At the end the browser has nothing against what it showed."""
    opened, complaints = tab
    complaints.clear()
    yield opened
    assert complaints == []


def answer(route: Route) -> None:
    path = urlsplit(route.request.url).path
    if path.startswith("/static/"):
        file = static_files()[Path(path).name]
        route.fulfill(body=file.content, content_type=file.media_type)
    elif path.endswith("/live.json"):
        route.fulfill(json={"rows": [], "cursor": "next", "passed_over": 0, "gap": False, "lag_ms": 0})
    elif path.endswith("/news"):
        route.fulfill(json={"event": None, "rejected": []})
    else:
        of_page = {**headers.of_page(), "Content-Type": HTML}
        route.fulfill(body=html(path.removeprefix("/")), headers=headers.finished(of_page, request_id="sample"))


def html(name: str) -> bytes:
    return document(*SAMPLES[name])


@pytest.mark.parametrize("name", SAMPLES)
def test_every_page_fits_every_screen_and_shuts_nobody_out(name, page):
    page.goto(f"{ORIGIN}/{name}")  # once: what it looks like is a matter of style, which follows
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width, height in HEIGHTS.items():
            page.set_viewport_size({"width": width, "height": height})
            check_fits(page)
            keep_picture(page, f"{name}-{width}-{scheme}")
            if (scheme, width) in JUDGED:
                check_accessible(page)


def test_every_page_is_valid_html():
    found = audit.invalid_html({name: html(name).decode() for name in SAMPLES})
    assert {name: problems for name, problems in found.items() if problems} == {}

"""The tools that judge our pages do find what is wrong: a judge that never objects proves nothing."""

import functools
import http.server
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from infra.browser import audit
from tests.browser.judging import accessibility_violations, overflow

GOOD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="Nothing is wrong with this page.">
<link rel="icon" href="data:,">
<title>A page</title>
</head>
<body><main><h1>A page</h1><p>Nothing is wrong with it.</p></main></body>
</html>
"""
BAD = GOOD.replace(' lang="en"', "").replace(
    "<p>", '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="><input style="width: 3000px"><p><div>'
)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        yield context.new_page()


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves the good page to whoever brings the cookie, and to everybody else the bad one; /sign-in sets it."""

    def do_GET(self) -> None:
        body = (GOOD if self.headers["Cookie"] == "__Host-session=known" else BAD).encode()
        self.send_response(404 if self.path == "/robots.txt" else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/sign-in":
            self.send_header("Set-Cookie", "__Host-session=known; Path=/; Secure; HttpOnly; SameSite=Lax")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def cookies(browser: Browser, url: str) -> list[dict[str, object]]:
    """As a browser holds them that was signed in."""
    with browser.new_context() as context:
        context.new_page().goto(f"{url}sign-in")
        return context.cookies()


def test_axe_finds_what_a_screen_reader_stumbles_over(page):
    page.set_content(GOOD)
    assert accessibility_violations(page) == []
    page.set_content(BAD)
    rules = {violation.partition(":")[0] for violation in accessibility_violations(page)}
    assert rules >= {"html-has-lang", "image-alt", "label"}


def test_what_is_wider_than_the_screen_is_named(page):
    page.set_content(GOOD)
    assert overflow(page) == []
    page.set_content(BAD)
    assert any("<input" in element for element in overflow(page))


def test_invalid_html_is_told_by_line():
    found = audit.invalid_html({"good": GOOD, "bad": BAD})
    assert found["good"] == []
    assert any("close-order" in problem for problem in found["bad"])


def test_pa11y_sees_the_page_of_whoever_is_signed_in(url, cookies):
    assert audit.pa11y([url], cookies)[url] == audit.Pa11y(url, [])
    assert any("image-alt" in issue for issue in audit.pa11y([url])[url].issues)


def test_lighthouse_takes_points_from_a_page_that_shuts_people_out(url):
    """(That it sees the page of whoever is signed in is seen where it judges every page.)"""
    categories = audit.lighthouse([url])[url].categories
    assert set(categories) == {"performance", "accessibility", "best-practices", "seo"}
    assert categories["accessibility"].score < 95
    assert any(audit_id.startswith("image-alt") for audit_id in categories["accessibility"].failing)


def test_a_page_that_cannot_be_reached_is_no_good_page():
    with pytest.raises(audit.AuditFailed, match="ERR_UNSAFE_PORT"):
        audit.pa11y(["http://127.0.0.1:1/"])

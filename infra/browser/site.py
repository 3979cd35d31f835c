"""The pages that the running product really has: found by following links from where people begin.

Routes say which pages there are, links which addresses they have. Looking for them sends only GET, which changes
nothing; `furnish` makes something to look at before.
"""

import json
import re
import time
import urllib.request
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Page

from infra.browser import app
from infra.product import Product

WELCOME: Final = "/"
"""Where a visitor begins."""
HOME: Final = "/orgs"
"""Where somebody begins who is signed in."""

QUESTION: Final = app.App("http://127.0.0.1:43117/callback", state="s", verifier="v" * 43).question("")
"""An app's request: no link of ours leads to the page that asks about it."""

LOADED: Final = re.compile(r"/static/.*|.*/news")
"""Page routes that nobody looks at: what pages load."""

ENOUGH: Final = 3
"""How many pages of one kind are visited: those of the second project may lead to what those of the first do not."""

SAMPLE: Final = (
    ("info", "api", "GET /products/8812 200 12 ms"),
    ("warn", "search", "slow query 812 ms: shards=14 q='winter boots' page=3"),
    ("error", "checkout", "payment declined: card expired order=A-1042 amount=49.90 EUR"),
    ("fatal", "worker", "out of memory: killed process 4211 (image-resize) total-vm:8123456kB"),
    ("debug", "cache", "miss product:8812:price:eur, 3 waiting"),
    ("error", "checkout", "Traceback (most recent call last): " + "frame in handler.py; " * 45),
)


def page_routes() -> list[str]:
    """The paths of all pages that the app declares, as it declares them: `/orgs/{org}/members`."""
    from app import app  # with the whole product behind it
    from chalicelib.web.routing import declarations

    return sorted({each.path for each in declarations(app) if each.kind == "page" and not LOADED.fullmatch(each.path)})


def addresses(page: Page, url: str, *, start: str, routes: Iterable[str]) -> dict[str, str]:
    """One address of every page that may be seen, by the path that its route declares.

    Links come first, since only they know the parameters; then the pages that are shown after a form was sent.
    """
    patterns = {path: _pattern(path) for path in routes}
    found: dict[str, str] = {}
    visited: defaultdict[str, set[str]] = defaultdict(set)
    waiting = deque([start, QUESTION, *(path for path in patterns if "{" not in path)])
    while waiting:
        address = url + waiting.popleft()
        path = _route(urlsplit(address).path, patterns)
        if path is None or address in visited[path] or len(visited[path]) == ENOUGH:
            continue
        visited[path].add(address)
        answer = page.goto(address)
        if answer is None or answer.url != address or not answer.ok:
            continue  # it leads elsewhere, or is not for whoever asks
        found.setdefault(path, address)
        links: list[str] = page.eval_on_selector_all("a[href]", _ADDRESSES)
        within = [link.removeprefix(url).partition("#")[0] for link in links if link.startswith(url + "/")]
        within.sort(key=lambda link: _OPENED not in link)
        waiting.extendleft(reversed(within))
    return found


def sign_in(page: Page, running: Product) -> None:
    """Signs in as the first account."""
    page.goto(f"{running.url}/sign-in")
    _send(page, "Sign in", {"E-mail": running.account["email"], "Password": running.account["password"]})
    page.wait_for_url(f"{running.url}{HOME}**")


def furnish(page: Page, running: Product) -> None:
    """Signs in, and makes something to look at: events, a deploy, a project without any, an invitation, an app that may
    read, letters of every kind."""
    _send_events(running)
    page.goto(f"{running.url}/sign-up")
    password = {"Password": "a password for looking at pages"}
    _send(page, "Sign up", {"Your name": "Grace", "E-mail": "grace@example.com", "Organisation": "Lab", **password})
    page.goto(f"{running.url}/reset")
    _send(page, "Send the link", {"E-mail": running.account["email"]})
    sign_in(page, running)
    org = f"{running.url}{HOME}/{running.account['org']}"
    page.goto(org)
    _send(page, "Create the project", {"Name": "Quiet"})
    page.goto(f"{org}/members")
    _send(page, "Invite", {"E-mail": "katherine@example.com"})
    _connect(page, running)


def _connect(page: Page, running: Product) -> None:
    """Lets an app read the first project."""
    with app.listening() as asking:
        project = f"{running.account['org']}/{running.account['project']}"
        page.goto(asking.question(running.url, resource=f"{running.url}/mcp/{project}"))
        page.get_by_role("button", name="Allow").click()
        asking.redeem(running.url, asking.told()["code"])


def _send(page: Page, button: str, fields: Mapping[str, str]) -> None:
    """Fills a form by its labels and sends it."""
    main = page.get_by_role("main")
    for label, text in fields.items():
        main.get_by_label(label, exact=True).fill(text)
    with page.expect_navigation():
        main.get_by_role("button", name=button, exact=True).click()


def _send_events(running: Product) -> None:
    now = int(time.time() * 1000)
    events: list[dict[str, Any]] = [
        {"timestamp": now - 1000 * number, "level": level, "service": service, "message": message, "trace_id": "7d4a91"}
        for number, (level, service, message) in enumerate(SAMPLE)
    ]
    _tell(running, "ingest", {"events": events})
    _tell(running, "deploys", {"version": "v1.4.2", "service": "checkout", "at": now - 3_000})


def _tell(running: Product, what: str, body: object) -> None:
    request = urllib.request.Request(f"{running.url}/api/{what}", json.dumps(body).encode())
    request.add_header("Authorization", f"Bearer {running.account['ingest_key']}")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request).close()


_OPENED: Final = "open="
"""In links to an opened row, which leads on to pages that nothing else leads to: it comes first."""

_ADDRESSES: Final = "links => links.map(link => new URL(link.getAttribute('href'), document.baseURI).href)"
"""A drawing's links too, whose `href` is no text."""


def _route(path: str, patterns: Mapping[str, re.Pattern[str]]) -> str | None:
    """The declared path of an address: with two that match, the one with fewer parameters."""
    matching = [declared for declared, pattern in patterns.items() if pattern.fullmatch(path)]
    return min(matching, key=lambda declared: declared.count("{"), default=None)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))

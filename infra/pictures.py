"""The pictures of the README and the landing page: the running product, light and dark, in a shop's worst minutes.

    python -m infra.pictures [--only NAME ...] [FOLDER]

It starts the product with data of its own, sends it three hours of the shop up to now, signs in, lets an app connect,
and takes each picture of `PICTURES` in both schemes. The shop is computed from a seed and the window is that of its
last incident, so two runs show the same story; times of day and random ids differ.
"""

import argparse
import json
import os
import shutil
import sys
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from playwright.sync_api import Page, ViewportSize

from infra import lifeline
from infra.browser import BrowserUnavailable, app, site
from infra.browser.app import App
from infra.demo.incidents import CYCLE, MINUTE, PAYMENTS_CRASHED, SECOND
from infra.product import Product, ProductFailed, product
from infra.screenshots import SCHEMES, launched

FOLDER: Final = Path("docs/pictures")
WELCOME: Final = Path("chalicelib/static")
"""Where the product's own first page has its picture from."""
WELCOMING: Final = "explorer"
SIZE: Final[ViewportSize] = {"width": 1280, "height": 800}
SCALE: Final = 2
HEAVIEST: Final = 120_000
"""Bytes of a picture: the README loads one of each."""
QUALITIES: Final = (90, 80, 70, 60, 50)
"""Of WebP, the first that is light enough."""

RATE: Final = 5
HISTORY: Final = "3h"
PATIENCE_SECONDS: Final = 300
BEFORE: Final = 40 * MINUTE
"""How much of the time before the crash the explorer shows."""
AFTER: Final = 5 * SECOND
ASSISTANT: Final = "Incident assistant"
ORGANISATION, PROJECT = "Acme", "Web shop"


class NoPictures(Exception):
    """What was to be seen did not come, or is too heavy."""


@dataclass(frozen=True)
class Shop:
    """What the pictures are of: the product, the crash of payments in it, and an app that asks to read."""

    running: Product
    crash: int
    """Its time, in milliseconds."""
    crash_id: str
    deploy_id: str
    """Of what was deployed before it."""
    asking: App

    @property
    def project(self) -> str:
        return f"/orgs/{self.running.account['org']}/projects/{self.running.account['project']}"

    @property
    def resource(self) -> str:
        return f"{self.running.url}/mcp/{self.running.account['org']}/{self.running.account['project']}"


def explorer(shop: Shop) -> str:
    asked = {
        "q": "level>=warn", "from": shop.crash - BEFORE, "to": shop.crash + AFTER, "open": shop.crash_id,
    }  # fmt: skip
    return f"{shop.running.url}{shop.project}/explore?{urlencode(asked)}"


def patterns(shop: Shop) -> str:
    asked = {"q": "level>=warn", "from": shop.crash - BEFORE, "to": shop.crash + AFTER}
    return f"{shop.running.url}{shop.project}/patterns?{urlencode(asked)}"


def deploy(shop: Shop) -> str:
    return f"{shop.running.url}{shop.project}/deploys/{shop.deploy_id}"


def consent(shop: Shop) -> str:
    return shop.asking.question(shop.running.url, resource=shop.resource)


def connections(shop: Shop) -> str:
    return f"{shop.running.url}{shop.project}/connections"


PICTURES: Final[dict[str, Callable[[Shop], str]]] = {
    "explorer": explorer,
    "patterns": patterns,
    "deploy": deploy,
    "consent": consent,
    "connections": connections,
}
"""Name and address of each, in the order in which they are taken. The app connects after `consent`, whoever looks."""


def main(given: Sequence[str] | None = None) -> int:
    """Takes the pictures. Returns 1 where there is no browser, no product or nothing to see."""
    options = _parser().parse_args(given)
    try:
        written = take(options.folder, options.only or tuple(PICTURES))
    except (BrowserUnavailable, ProductFailed, NoPictures) as reason:
        print(f"No pictures: {reason}.", file=sys.stderr)
        return 1
    for path in written:
        if path.parent == FOLDER and path.name.startswith(WELCOMING):
            shutil.copy(path, WELCOME)
        print(f"{path} ({path.stat().st_size / 1000:.0f} kB)")
    return 0


def take(folder: Path, names: Sequence[str]) -> list[Path]:
    """Writes `explorer-light.webp` and so on; returns what it wrote. Raises `NoPictures`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        launched() as browser,
        product() as running,
        _demo(running),
        browser.new_context(viewport=SIZE, device_scale_factor=SCALE) as context,
        app.listening() as listening,
    ):
        page = context.new_page()
        site.sign_in(page, running)
        _name(page, running)
        shop = _shop(running, listening)
        written: list[Path] = []
        for name, address in PICTURES.items():
            if name in names:
                written += _pictures(page, address(shop), folder / name)
            if name == "consent":
                _connect(page, shop)
        return written


def last_crash(now: int) -> int:
    """When payments crashed last, by what the explorer shows after it. Milliseconds, as `now`."""
    within = PAYMENTS_CRASHED + AFTER
    return (now - within) // CYCLE * CYCLE + PAYMENTS_CRASHED


def lightest(taken: Callable[[int], bytes]) -> bytes:
    """The picture in the best quality that is light enough. Raises `NoPictures` where none is."""
    for quality in QUALITIES:
        picture = taken(quality)
        if len(picture) <= HEAVIEST:
            return picture
    raise NoPictures(f"a picture has {len(picture)} bytes in the lowest quality, and may have {HEAVIEST}")


def _pictures(page: Page, address: str, stem: Path) -> Iterator[Path]:
    answer = page.goto(address)
    if answer is None or not answer.ok:
        raise NoPictures(f"{stem.name} is not at {address}")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")  # a caret blinks
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        path = stem.with_name(f"{stem.name}-{scheme}.webp")
        path.write_bytes(lightest(lambda quality: _webp(page, quality)))
        yield path


def _webp(page: Page, quality: int) -> bytes:
    # Playwright itself writes PNG and JPEG only.
    session = page.context.new_cdp_session(page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
    session.detach()
    return b64decode(taken["data"])


@contextmanager
def _demo(running: Product) -> Iterator[None]:
    command = [sys.executable, "-m", "infra.demo", "--url", running.url, "--rate", str(RATE), "--history", HISTORY]
    process = lifeline.start(command, env={**os.environ, "SCRY_KEY": running.account["ingest_key"]})
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _name(page: Page, running: Product) -> None:
    """The names of the first organisation and project, as their owner changes them."""
    org = f"{running.url}/orgs/{running.account['org']}"
    project = f"{org}/projects/{running.account['project']}"
    for place, label, name in (
        (org, "Name of the organisation", ORGANISATION),
        (project, "Name", PROJECT),
    ):
        page.goto(f"{place}/settings")
        page.get_by_label(label, exact=True).fill(name)
        with page.expect_navigation():
            page.get_by_role("button", name="Rename").click()


def _shop(running: Product, listening: App) -> Shop:
    """Once the demo has caught up with the present. It sends in the order of time, so all else is there then."""
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    while not _events(running, since="1m", limit=1):
        if time.monotonic() > gives_up_at:
            raise NoPictures(f"the demo did not reach the present within {PATIENCE_SECONDS} seconds")
        time.sleep(0.5)
    crash = last_crash(int(time.time() * 1000))
    about = {"from": crash - BEFORE, "to": crash + AFTER}
    fatal = _events(running, q="level:fatal service:payments", **about)
    deployed = _found(running, "deploys", **about)
    if not fatal or not deployed:
        raise NoPictures("payments did not crash, or nothing was deployed before")
    asking = replace(listening, client_id=_registered(running, listening.callback))
    return Shop(running, crash, fatal[0]["id"], deployed[0]["id"], asking)


def _events(running: Product, **asked: object) -> list[dict[str, Any]]:
    return _found(running, "logs", **asked)


def _found(running: Product, what: str, **asked: object) -> list[dict[str, Any]]:
    account = running.account
    path = f"/api/orgs/{account['org']}/projects/{account['project']}/{what}?{urlencode(asked)}"
    found: list[dict[str, Any]] = _json(running, path, bearer=account["query_key"])["data"]
    return found


def _registered(running: Product, callback: str) -> str:
    made = _json(running, "/oauth/register", {"client_name": ASSISTANT, "redirect_uris": [callback]})
    return str(made["client_id"])


def _connect(page: Page, shop: Shop) -> None:
    """Allows what the app asked for; it comes back with its token and looks for the errors."""
    page.goto(consent(shop))
    page.get_by_role("button", name="Allow").click()
    token = shop.asking.redeem(shop.running.url, shop.asking.told()["code"])["access_token"]
    arguments = {"q": "level>=error", "since": "2h"}
    for number, tool in enumerate(("search_events", "get_project_info", "search_events")):
        call = {"name": tool, "arguments": arguments if tool == "search_events" else {}}
        body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
        _json(shop.running, shop.resource.removeprefix(shop.running.url), body, bearer=token)


def _json(running: Product, path: str, body: object = None, *, bearer: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{running.url}{path}", data, {"Content-Type": "application/json"})
    if bearer:
        request.add_header("Authorization", f"Bearer {bearer}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.pictures", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, metavar="FOLDER", help=f"({FOLDER})")
    parser.add_argument("--only", choices=PICTURES, nargs="+", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""What strangers' tools think of our pages: Lighthouse, pa11y and html-validate, each in one call for many pages.

Lighthouse and pa11y drive a Chromium of their own with an empty profile, so that nothing else on the page's browser
changes what they see; who is signed in comes as cookies. `audit.mjs` is the part that runs in Node.
"""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, convert

from infra import lifeline
from infra.browser import NODE, TOOLS, arguments, chromium

SCRIPT: Final = Path(__file__).with_name("audit.mjs")
SECONDS: Final = 300

Cookies = Sequence[Mapping[str, Any]]
"""As Playwright's `context.cookies()` gives them."""


class AuditFailed(Exception):
    """A tool ended without a judgement; the message is what it said."""


class Category(Struct, frozen=True):
    """Of 100 points, and the audits that took some of them."""

    score: int
    failing: list[str]


class Lighthouse(Struct, frozen=True):
    """The judgement of one page: its address after redirects, and the four categories by name."""

    address: str
    categories: dict[str, Category]


class Pa11y(Struct, frozen=True):
    """The judgement of one page: its address after redirects, and what breaks WCAG 2 AA."""

    address: str
    issues: list[str]


def lighthouse(urls: Sequence[str], cookies: Cookies = ()) -> dict[str, Lighthouse]:
    """Judges pages as Lighthouse does by default: on a slow phone with a slow network."""
    return convert(_in_browser("lighthouse", urls, cookies), dict[str, Lighthouse])


def pa11y(urls: Sequence[str], cookies: Cookies = ()) -> dict[str, Pa11y]:
    """Judges pages with both of pa11y's runners, axe and HTML_CodeSniffer."""
    return convert(_in_browser("pa11y", urls, cookies), dict[str, Pa11y])


def invalid_html(documents: Mapping[str, str]) -> dict[str, list[str]]:
    """What breaks the HTML standard in each document, by the names they came with."""
    return convert(_judged({"name": "html", "documents": documents}), dict[str, list[str]])


def axe() -> str:
    """The source of axe-core, to be evaluated in a page."""
    return (TOOLS.installed() / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _in_browser(name: str, urls: Sequence[str], cookies: Cookies) -> Any:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        task = {
            "name": name,
            "urls": urls,
            "cookies": cookies,
            "chromium": str(chromium()),
            "arguments": arguments(),
            "profile": profile,
        }
        return _judged(task)


def _judged(task: Mapping[str, Any]) -> Any:
    command = [NODE, SCRIPT]
    with lifeline.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            said, complained = process.communicate(
                json.dumps({**task, "tools": str(TOOLS.installed())}).encode(), timeout=SECONDS
            )
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise AuditFailed(complained.decode(errors="replace").strip())
    return json.loads(said)

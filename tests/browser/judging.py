"""Whether a page is fit to be seen: valid, accessible, as wide as the screen."""

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from infra.browser import audit

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def accessibility_violations(page: Page) -> list[str]:
    """What axe finds in the page as it stands, down to best practices."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(audit.axe())
    found: list[dict[str, Any]] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules}).then(result => result.violations)", RULES
    )
    return [
        f"{rule['id']}: {rule['help']}: {' '.join(map(str, node['target']))}"
        for rule in found
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> list[str]:
    """What stands further right than the screen reaches, so that people would have to scroll sideways."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll('body *')]
                .filter(each => each.getBoundingClientRect().right > width + 0.5)
                .map(each => each.outerHTML.slice(0, 120));
        }"""
    )
    return found


def check_accessible(page: Page) -> None:
    assert accessibility_violations(page) == [], page.url


def check_fits(page: Page) -> None:
    assert overflow(page) == [], page.url


def check_valid_html(html: str) -> None:
    assert audit.invalid_html({"page": html})["page"] == []


def keep_picture(page: Page, name: str) -> None:
    """Keeps a picture of the whole page in the folder that SCREENSHOTS names, if it does."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

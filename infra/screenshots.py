"""A picture of every page, wide and narrow, light and dark, for somebody to look at.

    python -m infra.screenshots [--pages PATTERN ...] FOLDER

It starts the product with data of its own and follows the links, as a visitor and as the first account; what both may
see is taken as the visitor sees it.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from infra.browser import BrowserUnavailable, arguments, chromium, site
from infra.product import ProductFailed, product

SIZES: Final = ((1440, 900), (768, 1024), (320, 640))
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


def main(given: Sequence[str] | None = None) -> int:
    """Takes the pictures. Returns 1 where there is no browser or no product to take them of."""
    options = _parser().parse_args(given)
    try:
        taken = take(options.folder, options.pages)
    except (BrowserUnavailable, ProductFailed) as reason:
        print(f"No pictures: {reason}.", file=sys.stderr)
        return 1
    print(f"{taken} pictures are in {options.folder}")
    return 0


def take(folder: Path, patterns: Sequence[str]) -> int:
    """Writes `orgs-local-members-320-dark.png` and so on; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    routes = site.page_routes()
    with (
        product() as running,
        launched() as browser,
        browser.new_context() as inside,
        browser.new_context() as outside,
    ):
        first_account, visitor = inside.new_page(), outside.new_page()
        site.furnish(first_account, running)
        open_to_all = site.addresses(visitor, running.url, start=site.WELCOME, routes=routes)
        signed_in = site.addresses(
            first_account, running.url, start=site.HOME, routes=[path for path in routes if path not in open_to_all]
        )
        return _pictures(visitor, _chosen(open_to_all, patterns), folder) + _pictures(
            first_account, _chosen(signed_in, patterns), folder
        )


def _pictures(page: Page, addresses: Sequence[str], folder: Path) -> int:
    taken = 0
    for address in addresses:
        page.goto(address)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                page.screenshot(path=folder / f"{_name(address)}-{width}-{scheme}.png", full_page=True)
                taken += 1
    return taken


def _chosen(addresses: Mapping[str, str], patterns: Sequence[str]) -> list[str]:
    """The addresses whose path, declared or real, matches one of the patterns."""
    return [
        address
        for declared, address in addresses.items()
        if any(fnmatch(path, pattern) for path in (declared, urlsplit(address).path) for pattern in patterns)
    ]


def _name(address: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", urlsplit(address).path).strip("-") or "landing"


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser that ends with the block. Raises `BrowserUnavailable`."""
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments())
        yield browser
        browser.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--pages", nargs="+", default=["*"], metavar="PATTERN", help="only these: /sign-in, '/orgs/*', '*members'"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

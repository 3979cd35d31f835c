"""Real people at a real browser: the running product, Chromium, and a context of their own for each of them.

SCREENSHOTS=folder keeps what the tests saw.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from infra.browser import arguments, chromium, site
from infra.product import Product, product
from tests.browser.person import Person, person


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    """The product with fresh data, for the tests of one file: a source may sign up ten times an hour."""
    with product() as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all; it knows nothing between two contexts."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=arguments())
        yield started
        started.close()


@pytest.fixture(scope="module")
def session(running: Product, browser: Browser) -> Any:
    """The cookies of the first account, who signs in once for all tests of a file: an account may do it ten times."""
    with browser.new_context() as context:
        site.sign_in(context.new_page(), running)
        return context.cookies()


@pytest.fixture
def somebody(running: Product, browser: Browser) -> Iterator[Callable[..., Person]]:
    """Makes people: `somebody("Alice", width=320, scheme="dark")`. At the end no page of theirs has complained."""
    with ExitStack() as contexts:
        people: list[Person] = []

        def made(name: str, **looks: object) -> Person:
            people.append(contexts.enter_context(person(browser, running.url, name, **looks)))
            return people[-1]

        yield made
        complaints = {who.name: who.complaints for who in people}
        assert complaints == {who.name: [] for who in people}

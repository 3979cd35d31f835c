"""Somebody at a browser: says what people do in words that people use, by the labels and roles that they meet."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

HEIGHTS = {1440: 900, 768: 1024, 320: 640}

MILLISECONDS = 60_000
"""How long somebody waits for what should be there."""


@dataclass
class Person:
    """One browser context with one page, and who sits there."""

    name: str
    url: str
    page: Page
    email: str
    password: str
    complaints: list[str] = field(default_factory=list)
    """What the browser had to say against our pages: script errors, violated policies, requests to strangers."""

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def opens(self, path: str) -> None:
        self.page.goto(self.url + path)

    def fills(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def chooses(self, label: str) -> None:
        self.page.get_by_role("radio", name=re.compile(f"^{re.escape(label)}")).check()

    def presses(self, button: str) -> None:
        self.main.get_by_role("button", name=button, exact=True).click()

    def follows(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).first.click()

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    def reads(self, text: str | re.Pattern[str]) -> None:
        """Waits until the page says so."""
        expect(self.main.get_by_text(text).first).to_be_visible()

    def reads_heading(self, text: str | re.Pattern[str]) -> None:
        expect(self.main.get_by_role("heading", name=text).first).to_be_visible()

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def signs_up(self, organisation: str) -> None:
        """Up to the page that waits for the first event, through the letter in the outbox."""
        self.opens("/sign-up")
        self.fills("Your name", self.name)
        self.fills("E-mail", self.email)
        self.fills("Password", self.password)
        self.fills("Organisation", organisation)
        self.presses("Sign up")
        self.reads_heading("Look into your mail")
        self.opens_letter()
        self.fills("The password that you chose", self.password)
        self.presses("Make the account")
        self.reads_heading("Waiting for the first event")

    def opens_letter(self) -> None:
        """Follows the link in the newest letter to this person: the outbox shows the newest first."""
        self.opens("/outbox")
        letter = self.main.get_by_role("article").filter(has_text=self.email).first
        letter.get_by_role("link").first.click()

    def signs_in(self) -> None:
        self.opens("/sign-in")
        self.fills("E-mail", self.email)
        self.fills("Password", self.password)
        self.presses("Sign in")
        expect(self.page.get_by_role("button", name="Sign out")).to_be_attached()

    def copies(self, within: str) -> str:
        """Presses the one visible Copy button of a part of the page, and takes what is on the clipboard then."""
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        button = self.main.get_by_role("region", name=within).get_by_role("button", name="Copy").filter(visible=True)
        button.click()
        expect(self.main.get_by_role("button", name="Copied")).to_be_visible()
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text


@contextmanager
def person(
    browser: Browser,
    url: str,
    name: str,
    *,
    width: int = 1440,
    scheme: Literal["light", "dark"] = "light",
    scripts: bool = True,
) -> Iterator[Person]:
    """Opens a context that looks as asked, and closes it with everything in it."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHTS[width]}, color_scheme=scheme, java_script_enabled=scripts
    )
    context.set_default_timeout(MILLISECONDS)
    somebody = Person(
        name=name,
        url=url,
        page=context.new_page(),
        email=f"{name.lower()}.{secrets.token_hex(4)}@example.com",
        password=f"correct {secrets.token_hex(8)} staple",
    )

    def console(message: ConsoleMessage) -> None:
        # A refused request is an answer that the test itself looks at, not a mistake of the page.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            somebody.complaints.append(message.text)

    def requested(request: Request) -> None:
        if request.url.startswith(("http:", "https:", "ws:", "wss:")) and not request.url.startswith(url + "/"):
            somebody.complaints.append(f"asked a stranger: {request.url}")

    context.on("console", console)
    context.on("weberror", lambda error: somebody.complaints.append(str(error.error)))
    context.on("request", requested)
    try:
        yield somebody
    finally:
        context.close()

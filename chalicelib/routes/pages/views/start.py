"""Pages for somebody who is not signed in yet, or just now."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.web.templates import View

Link = tuple[str, str]
"""Words, and the path that they lead to."""


class Promise(Struct, frozen=True):
    number: str
    words: str


class Group(Struct, frozen=True):
    heading: str
    promises: tuple[Promise, ...]


class Price(Struct, frozen=True):
    """US dollars for a million events that come `batch` at once."""

    batch: str
    requests: float
    writes: float
    storage: float

    @property
    def total(self) -> float:
        return self.requests + self.writes + self.storage


class Landing(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/landing.html"
    title: str = "Production events, sent and asked"
    curl: str
    sign_up: bool
    promises: tuple[Promise, ...]
    promised: int
    prices: tuple[Price, ...]


class Promises(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/promises.html"
    title: str = "What Scrywatch promises"
    groups: tuple[Group, ...]


class SignUp(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/sign_up.html"
    title: str = "Sign up"
    open: bool
    form: Form = BLANK


class SignIn(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/sign_in.html"
    title: str = "Sign in"
    next: str = ""
    form: Form = BLANK


class SecondFactor(View, frozen=True, kw_only=True):
    """After the right password, where the account has a second factor."""

    template: ClassVar[str] = "pages/second_factor.html"
    title: str = "One more step"
    ticket: str
    next: str = ""
    form: Form = BLANK


class Again(View, frozen=True, kw_only=True):
    """Asks somebody who is signed in to prove it, before what is sensitive."""

    template: ClassVar[str] = "pages/again.html"
    title: str = "Confirm that it is you"
    email: str
    second_factor: bool
    next: str
    form: Form = BLANK


class Reset(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/reset.html"
    title: str = "Forgot the password"
    mailer: bool
    form: Form = BLANK


class NewPassword(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/new_password.html"
    title: str = "Choose a new password"
    token: str
    form: Form = BLANK


class Confirm(View, frozen=True, kw_only=True):
    """The page behind a mailed link. Opening it changes nothing: mail programs open links by themselves."""

    template: ClassVar[str] = "pages/confirm.html"
    token: str
    sentence: str
    action: str
    password: bool
    """Whether the link alone is not enough."""
    form: Form = BLANK


class Invitation(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/invitation.html"
    token: str
    org: str
    role: str
    meaning: str
    inviter: str
    email: str
    mismatch: bool
    """Whether somebody else is signed in than the one who was invited."""
    way_back: str
    """To this page, for who signs in first."""
    may_register: bool = False
    """Whether the invited address may make its account here."""
    form: Form = BLANK


class SignOut(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/sign_out.html"
    title: str = "Sign out?"


class Told(View, frozen=True, kw_only=True):
    """Nothing to do here but to read."""

    template: ClassVar[str] = "pages/told.html"
    sentences: tuple[str, ...]
    links: tuple[Link, ...] = ()
    mailed: bool = False
    """Whether it is about a letter, which a deployment may keep instead of sending it."""


class Example(Struct, frozen=True):
    """One way to send an event."""

    id: str
    name: str
    about: str
    text: str


class Arrived(Struct, frozen=True):
    """An event in words, as the page and its script show it."""

    level: str
    service: str
    message: str
    received: str


class FirstEvent(View, frozen=True, kw_only=True):
    """Waits for the first event of a project, with everything that is needed to send it."""

    template: ClassVar[str] = "pages/first_event.html"
    title: str = "Send the first event"
    crumbs: tuple[Link, ...]
    here: str
    project: str
    keys: str
    key: str
    """The ingest key where it was made just now; else empty."""
    examples: tuple[Example, ...]
    assistant: str
    """The command that lets an assistant ask."""
    since: int
    """When the waiting began, in seconds."""
    elapsed: str
    event: Arrived | None = None
    rejected: tuple[str, ...] = ()

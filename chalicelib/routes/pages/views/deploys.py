"""Deploys, listed, and one of them with what it changed. Times are in milliseconds.

Fields called `next`, and those that end in `_link`, are what stands behind the `?` of an address of the explorer, or of
the page itself.
"""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.explore.wording import Part
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class DeployRow(Struct, frozen=True, kw_only=True):
    id: str
    at: str
    iso: str
    ago: str
    version: str
    service: str
    environment: str
    by: str
    note: str = ""
    url: str = ""


class Deploys(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/deploys.html"
    title: str = "Deploys"
    crumbs: tuple[Link, ...]
    here: str
    rows: tuple[DeployRow, ...]
    range: str = ""
    """In words, where not all is shown."""
    wrong: str = ""
    older_link: str = ""
    curl: str
    may_write: bool
    form: Form = BLANK
    saved: Form = BLANK


class Way(Struct, frozen=True):
    words: str
    next: str
    current: bool


class Counted(Struct, frozen=True, kw_only=True):
    """How often something occurred before and after, and what that is in a word."""

    name: str
    before: int
    after: int
    change: str
    next: str = ""


class Service(Struct, frozen=True, kw_only=True):
    name: str
    errors: Counted
    events: Counted
    next: str


class PatternLine(Struct, frozen=True, kw_only=True):
    """`next` is empty where no phrase finds its messages. Of the template, what differs is a hit."""

    level: str
    template: tuple[Part, ...]
    before: int
    after: int
    next: str = ""


class PatternGroup(Struct, frozen=True):
    """Patterns that had the same happen to them; so many `more` are in the twin alone."""

    id: str
    heading: str
    lines: tuple[PatternLine, ...]
    more: int = 0


class Difference(Struct, frozen=True, kw_only=True):
    """What changed between two windows of one length."""

    verdict: str
    kind: str
    """How the verdict looks: `bad`, `care` or `good`."""
    notes: tuple[str, ...]
    length: str
    before: str
    after: str
    before_link: str
    after_link: str
    levels: tuple[Counted, ...]
    services: tuple[Service, ...]
    groups: tuple[PatternGroup, ...]


class Deploy(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/deploy.html"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    deploy: DeployRow
    wrong: str = ""
    lengths: tuple[Way, ...]
    scopes: tuple[Way, ...] = ()
    difference: Difference | None
    """None while it is too early."""
    twin_link: str
    may_delete: bool
    form: Form = BLANK

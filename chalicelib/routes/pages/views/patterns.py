"""Patterns of messages as they are shown: the list, one of them opened, and the page of one.

What ends in `_link` stands behind the `?` of an address, or is nothing where there is no such way. Times are words;
`exact` says them to the millisecond, `iso` for machines.
"""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.explore.wording import Part
from chalicelib.routes.pages.views.explore import Caret, Chip, Hidden, Range
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class When(Struct, frozen=True):
    short: str
    words: str
    exact: str
    iso: str


class Spark(Struct, frozen=True):
    """Counts by the hour: strokes on a ground of 96 by 20, and the same in words."""

    path: str
    words: str


class Tally(Struct, frozen=True):
    """A level or a service, how often, and how much of the whole in hundredths of a bar's width."""

    name: str
    count: int
    share: str
    bar: float


class Flag(Struct, frozen=True):
    """`kind` is `new`, `rising`, `regressed` or `resolved`."""

    kind: str
    words: str
    title: str


class Settled(Struct, frozen=True, kw_only=True):
    """Who resolved it and when, or that nobody has."""

    who: str = ""
    when: When | None = None
    note: str = ""
    back: str = ""
    """That it came back, how often, if it did."""
    may_resolve: bool = False
    may_reopen: bool = False
    here: str = ""
    """Below which the forms are sent: the pattern's own path."""
    place: str = ""
    """The list that leads back, as its parameters; empty on the page of the pattern alone."""
    form: Form = BLANK


class Opened(Struct, frozen=True, kw_only=True):
    """A pattern, whole."""

    id: str
    sample: str
    change: str
    """How many, against the same time before; nothing on the page of the pattern alone."""
    levels: tuple[Tally, ...]
    services: tuple[Tally, ...]
    rest: str = ""
    """What the table of services leaves out."""
    settled: Settled


class Row(Struct, frozen=True, kw_only=True):
    id: str
    template: tuple[Part, ...]
    """In pieces: those that are a hit are chips, in place of what differs."""
    count: int
    share: str
    bar: float
    spark: Spark
    level: str
    """The heaviest, and below how much of it has that, if not all."""
    part: str
    levels: str
    service: str
    others: int
    """Services beside the first."""
    first: When
    last: When
    flags: tuple[Flag, ...] = ()
    next: str = ""
    """The same page with this one open; or closed, if it is."""
    events_link: str = ""
    only_link: str = ""
    exclude_link: str = ""
    no_link: str = ""
    """Why no query finds its events."""
    opened: Opened | None = None


class Tab(Struct, frozen=True):
    words: str
    count: int
    next: str
    current: bool


class Sorting(Struct, frozen=True):
    words: str
    next: str
    current: bool


class Empty(Struct, frozen=True, kw_only=True):
    """Why there is nothing, and the way to where there is something, or what fills it."""

    heading: str
    sentence: str
    words: str = ""
    next: str = ""
    curl: str = ""


class Patterns(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/patterns.html"
    title: str = "Patterns"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    q: str
    hidden: Hidden
    range: Range
    caret: Caret | None = None
    notices: tuple[str, ...] = ()
    saved: Form = BLANK
    chips: tuple[Chip, ...] = ()
    tabs: tuple[Tab, ...] = ()
    sorted_words: str = ""
    sortings: tuple[Sorting, ...] = ()
    said: str = ""
    back: str = ""
    """How many resolved ones came back, where the list is not about them already."""
    back_link: str = ""
    rows: tuple[Row, ...] = ()
    more: str = ""
    more_link: str = ""
    events_link: str = ""
    twin_link: str = ""
    empty: Empty | None = None


class Pattern(View, frozen=True, kw_only=True):
    """One pattern under an address of its own, over all that is kept."""

    template: ClassVar[str] = "pages/pattern.html"
    title: str = "Pattern"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    row: Row
    said: str
    saved: Form = BLANK

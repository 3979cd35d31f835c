"""The explorer, one event and one trace, as they are shown. Times are in milliseconds.

Fields called `next`, and those that end in `_link`, are what stands behind the `?` of an address, or nothing where
there is no such way.
"""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.explore.wording import Part
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View

Hidden = tuple[tuple[str, str], ...]
"""Names and values of a form's hidden fields."""


class Caret(Struct, frozen=True):
    """A query in three pieces, of which the second is at fault; `next` is the mended one."""

    before: str
    bad: str
    after: str
    message: str
    suggestion: str = ""
    next: str = ""


class Preset(Struct, frozen=True):
    words: str
    next: str
    current: bool


class Range(Struct, frozen=True, kw_only=True):
    """The stretch of time, and the ways to another one."""

    words: str
    presets: tuple[Preset, ...]
    hidden: Hidden
    start: str = ""
    end: str = ""
    wrong: str = ""


class Chip(Struct, frozen=True):
    """A term of the query, and the query without it."""

    text: str
    next: str


class Example(Struct, frozen=True):
    text: str
    words: str
    next: str


class Slice(Struct, frozen=True):
    """The part of a bar that is of one level."""

    level: str
    y: float
    height: float


class Bar(Struct, frozen=True):
    x: int
    words: str
    next: str
    slices: tuple[Slice, ...]
    counts: tuple[int, ...]
    """By level, heaviest first."""


class Histogram(Struct, frozen=True, kw_only=True):
    """Places on a ground of `width` by 96, stretched to whatever room there is."""

    width: int
    bars: tuple[Bar, ...]
    first: str
    last: str
    said: str
    out_link: str
    uncounted: int = 0
    """How far from the left nothing was counted, or not all."""


class Flag(Struct, frozen=True):
    """Deploys on a histogram: how far from its left, in hundredths, and where the link leads."""

    x: float
    words: str
    path: str
    count: int = 1


class FacetValue(Struct, frozen=True):
    text: str
    count: int
    only_link: str
    include_link: str
    exclude_link: str
    how: str = ""


class Facet(Struct, frozen=True):
    """The values of a field, counted among `of` events."""

    name: str
    of: int
    values: tuple[FacetValue, ...]
    levels: bool = False


class Field(Struct, frozen=True):
    """A line of an event's tree. Lines without a value are the heads of those below them."""

    depth: int
    key: str
    value: str
    only_link: str = ""
    exclude_link: str = ""
    column_link: str = ""


class Snippet(Struct, frozen=True):
    """A text to be copied."""

    id: str
    name: str
    about: str
    text: str


class Opened(Struct, frozen=True, kw_only=True):
    """An event, whole."""

    id: str
    message: str
    fields: tuple[Field, ...]
    left_out: int
    snippets: tuple[Snippet, ...]
    trace: str = ""
    service: str = ""


class Row(Struct, frozen=True, kw_only=True):
    id: str
    at: int
    level: str
    service: str
    message: tuple[Part, ...]
    more: int = 0
    """Characters of the message that are not shown."""
    cells: tuple[str, ...] = ()
    next: str = ""
    """Leads to the same page with this row open; or closed, if it is."""
    opened: Opened | None = None
    ago: str = ""


class Column(Struct, frozen=True):
    name: str
    next: str
    """The page without it."""


class Lens(Struct, frozen=True):
    """A saved view, and whether it is what the page shows."""

    name: str
    next: str
    current: bool


class CopyChoice(Struct, frozen=True):
    words: str
    next: str
    current: bool


class Empty(Struct, frozen=True, kw_only=True):
    """Why there is nothing, and what fills it: the way to where there is something, or a command."""

    heading: str
    newest: str = ""
    next: str = ""
    curl: str = ""


class Live(Struct, frozen=True, kw_only=True):
    """What the page's rows go on from, where it is followed."""

    cursor: str
    here_link: str
    end_link: str
    """The page as it stands."""
    blank: Row
    """A row that says nothing, which others are made of."""


class Explore(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/explore.html"
    title: str = "Explore"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    q: str
    hidden: Hidden
    caret: Caret | None = None
    notices: tuple[str, ...] = ()
    range: Range
    chips: tuple[Chip, ...] = ()
    examples: tuple[Example, ...] = ()
    suggestions: tuple[str, ...] = ()
    histogram: Histogram | None = None
    flags: tuple[Flag, ...] = ()
    facets: tuple[Facet, ...] = ()
    columns: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()
    said: str = ""
    order_words: str = "newest first"
    order_link: str = ""
    newer: str = ""
    newer_link: str = ""
    older: str = ""
    older_link: str = ""
    copies: tuple[CopyChoice, ...] = ()
    snippet: Snippet | None = None
    export_link: str = ""
    twin_link: str = ""
    patterns_link: str = ""
    empty: Empty | None = None
    lenses: tuple[Lens, ...] = ()
    keep_link: str = ""
    """Leads to saving the page as a view."""
    live: Live | None = None
    live_link: str = ""


class Event(View, frozen=True, kw_only=True):
    """One event under an address of its own, and what happened around it, newest first."""

    template: ClassVar[str] = "pages/event.html"
    title: str = "Event"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    at: int
    level: str
    opened: Opened
    late: str
    same: str
    ways: tuple[tuple[str, str, str], ...]
    """Whose neighbours may be shown: a value, words, and the address behind the `?`."""
    more_link: str = ""
    rows: tuple[Row, ...] = ()
    """The event itself is among them."""
    partial: bool = False
    wrong: str = ""
    minute_link: str = ""


class Step(Struct, frozen=True, kw_only=True):
    """An event of a trace. `left` and `gap` are hundredths of the trace's length."""

    row: Row
    offset: str
    gap: str
    depth: int
    span: str
    left: float


class Trace(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/trace.html"
    title: str = "Trace"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    trace: str
    said: str
    steps: tuple[Step, ...]
    wrong: str = ""
    further_link: str = ""
    query_link: str = ""


class TraceRow(Struct, frozen=True, kw_only=True):
    """What was met of a trace. `trace` is empty where its id can stand in no address."""

    trace: str
    last: int
    events: int
    took: str
    services: str
    row: Row
    """The heaviest of its events."""


class Traces(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/traces.html"
    title: str = "Traces"
    crumbs: tuple[Link, ...]
    project: str
    here: str
    q: str
    hidden: Hidden
    caret: Caret | None = None
    notices: tuple[str, ...] = ()
    range: Range
    chips: tuple[Chip, ...] = ()
    rows: tuple[TraceRow, ...] = ()
    said: str = ""
    twin_link: str = ""

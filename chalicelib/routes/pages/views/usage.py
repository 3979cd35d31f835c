"""The pages on what a project uses, and on how the service is. Numbers are words already, as they are shown."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.explore import Slice
from chalicelib.routes.pages.views.forms import Form
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class Figure(Struct, frozen=True):
    """One number, what it is of, and what must be known of it."""

    name: str
    value: str
    about: str


class DayBar(Struct, frozen=True):
    """A day in the drawing; `next` is its range in the explorer."""

    x: int
    words: str
    next: str
    slices: tuple[Slice, ...]


class DayRow(Struct, frozen=True):
    """A day in the table. `counts` are by level, the heaviest first; `more` marks what is counted at least."""

    day: str
    next: str
    counts: tuple[str, ...]
    stored: str
    accepted: str
    sent: str
    duplicates: str
    rejected: str
    more: str


class Part(Struct, frozen=True):
    """A level or a service: its share, and the query that finds its events, if there can be one."""

    name: str
    count: str
    share: str
    next: str


class KeyRow(Struct, frozen=True):
    """`id` leads to the key; empty where it was revoked."""

    id: str
    label: str
    prefix: str
    accepted: str
    sent: str
    duplicates: str
    rejected: str


class ReasonRow(Struct, frozen=True):
    reason: str
    count: str
    advice: str


class Preset(Struct, frozen=True):
    words: str
    next: str
    current: bool


class Usage(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/usage.html"
    title: str = "Usage"
    crumbs: tuple[Link, ...]
    here: str
    project: str
    form: Form
    presets: tuple[Preset, ...]
    twin: str
    """The query of the JSON twin."""
    fresh: tuple[str, ...]
    figures: tuple[Figure, ...] = ()
    width: int = 0
    bars: tuple[DayBar, ...] = ()
    days: tuple[DayRow, ...] = ()
    levels: tuple[Part, ...] = ()
    services: tuple[Part, ...] = ()
    services_of: str = ""
    keys: tuple[KeyRow, ...] = ()
    reasons: tuple[ReasonRow, ...] = ()
    window: str = ""
    allowance: str = ""
    warnings: tuple[str, ...] = ()
    """Of the daily allowance."""
    curl: str = ""
    """What fills it, where there is nothing."""


class Status(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/status.html"
    title: str = "Status"
    state: str
    """`ok`, `degraded` or `down`."""
    heading: str
    detail: str
    facts: tuple[tuple[str, str], ...]
    checked_at: int
    """In seconds."""

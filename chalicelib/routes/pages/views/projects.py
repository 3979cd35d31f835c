"""Pages of a project: its keys, its settings. Times are in seconds where nothing else is said."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.forms import BLANK, Choice, Form, Option
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class KeyRow(Struct, frozen=True):
    id: str
    label: str
    prefix: str
    use: str
    made: int
    by: str
    used: int | None
    expires: int | None
    flagged: bool = False
    """Whether somebody knows it who has left."""


class Keys(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/keys.html"
    title: str = "Keys"
    crumbs: tuple[Link, ...]
    here: str
    keys: tuple[KeyRow, ...]
    may_write: bool
    kinds: tuple[Choice, ...]
    lifetimes: tuple[Option, ...]
    form: Form = BLANK
    saved: Form = BLANK


class KeyMade(View, frozen=True, kw_only=True):
    """The one page that has a key in full."""

    template: ClassVar[str] = "pages/key_made.html"
    title: str = "The new key"
    crumbs: tuple[Link, ...]
    here: str
    label: str
    use: str
    key: str
    curl: str
    sentence: str = ""


class Key(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/key.html"
    crumbs: tuple[Link, ...]
    here: str
    key: KeyRow
    label: Form
    overlaps: tuple[Option, ...]
    lifetimes: tuple[Option, ...]
    breaks: str
    may_write: bool
    form: Form = BLANK
    saved: Form = BLANK


class ProjectSettings(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/project_settings.html"
    title: str = "Settings"
    crumbs: tuple[Link, ...]
    here: str
    may_write: bool
    may_delete: bool = False
    name: Form
    window: Form
    kept: str
    longest: int
    """Days that the window may have."""
    plan: str
    shorter: tuple[tuple[str, int], ...]
    """Windows that would delete something, in words and in days, to see what."""
    warnings: tuple[str, ...] = ()
    """Of the daily allowance."""
    saved: Form = BLANK


class Shorter(View, frozen=True, kw_only=True):
    """What a shorter window deletes, before it does."""

    template: ClassVar[str] = "pages/shorter.html"
    crumbs: tuple[Link, ...]
    here: str
    days: int
    version: int
    now: str
    then: str
    goes: str
    any: bool
    """Whether anything goes, or may."""
    look: str
    """Where to look at it."""
    may_write: bool
    form: Form = BLANK

"""Pages of what is deleted for good: what goes, how far its erasure is, its receipt. Times are in seconds."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class Delete(View, frozen=True, kw_only=True):
    """A project, an organisation or an account, before it is deleted."""

    template: ClassVar[str] = "pages/delete.html"
    crumbs: tuple[Link, ...] = ()
    here: str
    name: str
    """What is typed to mean it."""
    typed: str
    """What that is: `the name of the project`, say."""
    facts: tuple[tuple[str, str], ...]
    """What goes, in words and counts."""
    ends: tuple[str, ...]
    stays: tuple[str, ...]
    first: tuple[Link, ...] = ()
    """What to do before: where to look at it and export it; what keeps it from being deleted."""
    refusal: str = ""
    version: int = 0
    form: Form = BLANK


class Running(Struct, frozen=True):
    """An erasure that goes on."""

    what: str
    asked: int
    by: str
    passes: int
    removed: str
    earliest: int
    """When its receipt can come."""


class Done(Struct, frozen=True):
    """A receipt."""

    what: str
    asked: int
    at: int
    by: str
    passes: int
    removed: str


class Deletions(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/deletions.html"
    title: str = "Deletions"
    crumbs: tuple[Link, ...] = ()
    running: tuple[Running, ...]
    done: tuple[Done, ...]
    saved: Form = BLANK

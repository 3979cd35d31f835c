"""Pages of saved views: their list, and the one that saves another. Times are in seconds."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.forms import BLANK, Choice, Form, Option
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class LensRow(Struct, frozen=True, kw_only=True):
    """A view in its list. `next` is what stands behind the `?` of the explorer's address."""

    id: str
    name: str
    next: str
    query: str
    about: str
    address: str
    at: int
    by: str = ""
    may_change: bool = True
    wrong: str = ""
    """Why it does not read any more, if it does not."""
    form: Form = BLANK


class Lenses(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/views.html"
    title: str = "Views"
    crumbs: tuple[Link, ...]
    here: str
    project: str
    own: tuple[LensRow, ...]
    shared: tuple[LensRow, ...]
    saved: Form = BLANK


class NewLens(View, frozen=True, kw_only=True):
    template: ClassVar[str] = "pages/view_new.html"
    title: str = "Save a view"
    crumbs: tuple[Link, ...]
    here: str
    project: str
    next: str
    query: str = ""
    about: str = ""
    wrong: str = ""
    """Why the question cannot be kept, if it cannot."""
    kinds: tuple[Choice, ...] = ()
    others: tuple[Option, ...] = ()
    """Views that this one may be put in the place of."""
    form: Form = BLANK
    replacing: Form = BLANK

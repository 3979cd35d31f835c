"""Pages: a view, which is a plain value, and the frame around it become HTML that can run nothing.

    view + shell -- template, autoescaped --> HTML -- content security policy from 'none' --> browser

Every value is escaped, every name must exist, and neither style nor script stands on a page: both are files under an
address that holds their content's hash.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import quote, urlsplit

from msgspec import Struct

from chalicelib import settings
from chalicelib.web import responses, timing
from chalicelib.web.responses import Answer

if TYPE_CHECKING:
    from jinja2 import Environment  # importing it costs 45 ms of a cold start, which the first page pays

HTML: Final = "text/html; charset=utf-8"
STATIC: Final = "/static/{digest}/{name}"

Theme = Literal["system", "light", "dark"]


class View(Struct, frozen=True, kw_only=True):
    """What one page says. A subclass names its template, which knows the view as `page`."""

    template: ClassVar[str]

    title: str


class Person(Struct, frozen=True):
    """Who is signed in."""

    name: str
    email: str


class Place(Struct, frozen=True):
    """An organisation or a project, as links to it need it."""

    slug: str
    name: str


class Shell(Struct, frozen=True, kw_only=True):
    """What the frame around every page knows of the request: who is asking, where they are, what they may see."""

    path: str = "/"
    """Of this page, without the query: the way back from a form that is on every page."""
    csrf: str = ""
    theme: Theme = "system"
    person: Person | None = None
    org: Place | None = None
    project: Place | None = None
    projects: tuple[Place, ...] = ()
    """Of the organisation, to switch between."""
    reads_audit: bool = False
    outbox: bool = False
    """Whether mail is kept here and can be looked at."""
    sign_up: bool = True
    """Whether anybody may sign up."""


class Refusal(View, frozen=True, kw_only=True):
    """An error, as people meet it."""

    template: ClassVar[str] = "pages/refusal.html"
    status: int
    detail: str
    request_id: str
    links: tuple[tuple[str, str], ...] = ()
    """Ways on: words, and where they lead."""


def page(view: View, shell: Shell, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """The view as an answer."""
    return responses.content(document(view, shell), HTML, status=status, headers=headers)


def document(view: View, shell: Shell) -> bytes:
    """The view as an HTML document. Raises `jinja2.UndefinedError` if the template asks for what is not there."""
    with timing.rendering():
        template = _environment().get_template(view.template)
        return template.render(page=view, shell=shell).encode()


class StaticFile(Struct, frozen=True):
    """A file that pages refer to."""

    name: str
    digest: str
    media_type: str
    content: bytes


_FOLDER: Final = Path(__file__).resolve().parent.parent
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


@cache
def static_files() -> dict[str, StaticFile]:
    """All files of `chalicelib/static`, by name."""
    return {path.name: _static_file(path) for path in sorted((_FOLDER / "static").iterdir())}


def _static_file(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(path.name, sha256(content).hexdigest()[:16], _MEDIA_TYPES[path.suffix], content)


def address(path: str) -> str:
    """The path as links need it, below the path that the product is reached at (a stage of API Gateway, say)."""
    return urlsplit(settings.current().url).path.rstrip("/") + path


def _static_address(name: str) -> str:
    file = static_files()[name]
    return address(STATIC.format(digest=file.digest, name=file.name))


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {"to": address, "static": _static_address, "icons": ICONS}
    environment.filters |= {
        "clock": clock, "day": _day, "dollars": _dollars, "iso": _iso, "minute": _minute, "segment": _segment,
    }  # fmt: skip
    return environment


def _day(seconds: int) -> str:
    return f"{_utc(seconds):%-d %b %Y}"


def _minute(seconds: int) -> str:
    return f"{_utc(seconds):%-d %b %Y, %H:%M} UTC"


def clock(milliseconds: int) -> str:
    """`24 Nov 14:03:20.123`: the time of a row."""
    moment = _utc(milliseconds // 1000)
    return f"{moment:%d %b %H:%M:%S}.{milliseconds % 1000:03d}"


def _iso(seconds: int) -> str:
    return f"{_utc(seconds):%Y-%m-%dT%H:%M:%SZ}"


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if amount >= 0.005 else "under 1 ¢"


def _segment(text: Any) -> str:
    """One segment of a path, whatever is in it."""
    return quote(str(text), safe="")


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# Each is drawn on 16 px, in strokes of 1.5: paths of an `<svg>` that the stylesheet sizes and colours.
ICONS: Final[Mapping[str, str]] = {
    "events": "M2 4h12M2 8h8M2 12h10",
    "patterns": "M2 4h5M10 4h4M2 8h2M7 8h7M2 12h8M13 12h1",
    "traces": "M2 4h7M5 8h6M9 12h5",
    "deploys": "M4 14V2.2M4 3h8.5l-2 3 2 3H4",
    "usage": "M2 14h12M3.5 11.5v-4M8 11.5v-9M12.5 11.5v-6",
    "key": "M6.5 9.5 13.5 2.5M11 5l2 2M7.5 11.5a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z",
    "assistant": "M2 3h12v8H7l-3 2.5V11H2zM5 7h.01M8 7h.01M11 7h.01",
    "settings": "M2 5h6M12 5h2M2 11h2M8 11h6M12 5a2 2 0 1 1-4 0 2 2 0 0 1 4 0ZM8 11a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z",
    "people": (
        "M8 5.5a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0ZM1.5 13.5a4 4 0 0 1 8 0"
        "M10.5 3.2a2.5 2.5 0 0 1 0 4.6M12 10a4 4 0 0 1 2.5 3.5"
    ),
    "audit": "M4 1.8h8v12.4H4zM6.5 5h3M6.5 8h3M6.5 11h2",
    "projects": "M2 2.5h5v5H2zM9 2.5h5v5H9zM2 9.5h5v4H2zM9 9.5h5v4H9z",
    "mail": "M1.8 3.5h12.4v9H1.8zM2 4l6 5 6-5",
    "person": "M11 5a3 3 0 1 1-6 0 3 3 0 0 1 6 0ZM2.5 14.2a5.5 5.5 0 0 1 11 0",
    "leave": "M9.5 2.5h-6v11h6M6.5 8h8M12 5.5 14.5 8 12 10.5",
}

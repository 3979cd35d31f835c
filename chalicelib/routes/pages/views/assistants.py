"""Pages about assistants: the question whether one may, and those that may. Times are in seconds."""

from typing import ClassVar

from msgspec import Struct

from chalicelib.routes.pages.views.forms import BLANK, Choice, Form
from chalicelib.routes.pages.views.start import Link
from chalicelib.web.templates import View


class Consent(View, frozen=True, kw_only=True):
    """Whether an app may read a project. The title is the question."""

    template: ClassVar[str] = "pages/consent.html"
    path: str
    """Where the answer is sent to."""
    question: str
    """Signed: what exactly is asked."""
    client: str
    proof: str
    """What proves that it is this client; empty where nothing does."""
    back_to: str
    """The host that the answer goes to."""
    warning: str = ""
    project: str = ""
    """The one that is asked for; empty where it is to be chosen."""
    choices: tuple[Choice, ...] = ()
    left_out: str = ""
    """Why projects that the person knows are not among the choices."""
    until: int
    form: Form = BLANK


class HandedBack(View, frozen=True, kw_only=True):
    """An app's request that cannot be asked about, and the way back to it."""

    template: ClassVar[str] = "pages/handed_back.html"
    client: str
    detail: str
    url: str


class ConnectionRow(Struct, frozen=True, kw_only=True):
    path: str
    client: str
    proof: str
    back_to: str
    project: str
    by: str
    made: int
    used: int | None
    ends: int
    limit: int
    may_revoke: bool


class Way(Struct, frozen=True):
    """One way to connect: what to do, what to paste, and a link that does the same where the program has one."""

    id: str
    name: str
    about: str
    text: str = ""
    link: str = ""


class Connections(View, frozen=True, kw_only=True):
    """The assistants that may read a project, and how to connect another one."""

    template: ClassVar[str] = "pages/connections.html"
    title: str = "Connections"
    crumbs: tuple[Link, ...]
    url: str
    """Of the project's MCP server."""
    local: bool
    """Whether that address leads nowhere but on this computer."""
    ways: tuple[Way, ...]
    keys: str
    connections: tuple[ConnectionRow, ...]
    saved: Form = BLANK


class CallRow(Struct, frozen=True):
    """One call of a connection; `at` is in milliseconds."""

    at: int
    what: str
    outcome: str
    rows: int
    took_ms: int


class Connection(View, frozen=True, kw_only=True):
    """One assistant that may read a project, and what it read."""

    template: ClassVar[str] = "pages/connection.html"
    crumbs: tuple[Link, ...]
    here: str
    connection: ConnectionRow
    calls: tuple[CallRow, ...]
    may_limit: bool
    form: Form = BLANK
    saved: Form = BLANK


class OwnConnections(View, frozen=True, kw_only=True):
    """The assistants that somebody let in, wherever."""

    template: ClassVar[str] = "pages/own_connections.html"
    title: str = "Your connections"
    connections: tuple[ConnectionRow, ...]

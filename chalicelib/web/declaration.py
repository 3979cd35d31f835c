"""What a route declares next to its path. The guard, `openapi.json` and the tests of permissions are made from it."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from chalicelib.identity.permissions import GRANTS, MAY, READS, SIGNED_IN, Permission

ORG: Final = "org"
PROJECT: Final = "project"
"""The path parameters that name an organisation and a project of it, on every route that has them."""

Limit = Literal["requests", "ingest"]
"""What a request counts as: the limits `requests-…` and `ingest-…` of `storage.limits`."""

Kind = Literal["api", "file", "mcp", "page", "form"]
"""An API and files are asked for by programs and refused in `problem+json`; pages and forms are met by people. `mcp` is
an API for programs alone, which says more of how to get in (`web.resource_server`)."""


class RouteWrong(Exception):
    """A declaration that must not be served."""


class Body(Struct, frozen=True):
    """What a route reads, by media type: the description of each."""

    description: str
    media_types: tuple[str, ...]
    shape: Any
    headers: Mapping[str, str] = {}


class Declaration(Struct, frozen=True, kw_only=True):
    """All that is known of a route but what it does."""

    method: str
    path: str
    permission: Permission
    summary: str
    description: str
    kind: Kind = "api"
    fresh: bool = False
    """Whether a password must have been given in the last 30 minutes."""
    ignores_cookies: bool = False
    """Whether it asks nobody who they are, so that a cookie is no reason to prove that a page of ours sent it."""
    noted: bool = True
    """Whether the security log has a line where it was done. Reading and sending events never has."""
    shown_at: str | None = None
    """Where somebody comes back to who has to sign in before they can send a form; its own path if left out."""
    limit: Limit = "requests"
    query: type[Struct] | None = None
    body: Body | type[Struct] | None = None
    """A struct alone is read from JSON, or from a form where this is one."""
    answers: Mapping[int, Any] = {}
    """The type of the answer by status; bytes are described by their media type alone, None is no content."""
    media_types: tuple[str, ...] = ("application/json",)
    refusals: tuple[int, ...] = ()
    """Statuses of what the handler refuses. What the door does stands for all (`web.openapi`)."""
    refusal: type[Struct] | None = None
    """The type of every refusal, in JSON, where it is no problem of RFC 9457."""

    def __post_init__(self) -> None:
        if problem := self._problem():
            raise RouteWrong(f"{self.method} {self.path} {problem}")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names in the path, in their order."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    def _problem(self) -> str | None:
        if self.method in ("GET", "HEAD") and self.permission not in READS:
            return f"declares {self.permission}, which is no permission to read"
        if self.fresh and self.permission is Permission.PUBLIC:
            return "wants a fresh password of somebody whom it does not know"
        if (
            self.permission in _OF_PROJECT_PEOPLE
            and self.permission in READS
            and PROJECT not in self.parameters
            and self.kind != "mcp"  # whoever comes there comes with a project
        ):
            return f"declares {self.permission}, and its path names no {{{PROJECT}}}"
        if self.permission in _OF_ORG and ORG not in self.parameters:
            return f"declares {self.permission}, and its path names no {{{ORG}}}"
        if isinstance(self.body, type) and not self.body.__struct_config__.forbid_unknown_fields:
            return f"reads {self.body.__name__}, which does not forbid unknown fields"
        return None


_OF_PROJECT_PEOPLE: Final = frozenset().union(*MAY.values()) - {Permission.PUBLIC}
_OF_ORG: Final = frozenset().union(*GRANTS.values()) - SIGNED_IN - _OF_PROJECT_PEOPLE

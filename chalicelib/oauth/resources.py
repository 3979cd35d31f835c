"""Resources (RFC 8707): what a client wants a token for. Each is an address of ours, written in one way only.

https://logs.example/mcp/acme/shop     one project
https://logs.example/mcp               whatever project the connection is for; what is left out, and the site, too
"""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity.slugs import SLUG
from chalicelib.oauth.errors import OAuthError

PATH: Final = "/mcp"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine: they are one host."""


class Resource(Struct, frozen=True):
    """The address of a project, or of any if both are None."""

    org_slug: str | None = None
    project_slug: str | None = None


def parse_resource(text: str) -> Resource:
    """The resource that a text names. Slashes at the end and the case of the host mean nothing.

    Raises `OAuthError` (`invalid_target`) for what is none of ours.
    """
    if not text:
        return Resource()
    named = _named(_split(text))
    if named is None:
        raise OAuthError("invalid_target", f"the resources here are {written(Resource())} and {_pattern()}")
    return named


def written(resource: Resource) -> str:
    """The one way in which it is written."""
    base = settings.current().url + PATH
    if resource.project_slug is None:
        return base
    return f"{base}/{resource.org_slug}/{resource.project_slug}"


def _pattern() -> str:
    return written(Resource("{organisation}", "{project}"))


def _split(text: str) -> SplitResult:
    if _PLAIN.fullmatch(text) is None:
        raise OAuthError("invalid_target", "a resource has no query, no fragment, and nothing but visible ASCII")
    try:
        return urlsplit(text)
    except ValueError as wrong:
        raise OAuthError("invalid_target", "the resource is no URL") from wrong


def _named(url: SplitResult) -> Resource | None:
    ours = urlsplit(settings.current().url)
    if _origin(url) != _origin(ours):
        return None
    path = url.path.rstrip("/").removeprefix(ours.path)
    if path in ("", PATH):
        return Resource()
    found = _PROJECT.fullmatch(path)
    return Resource(found["org"], found["project"]) if found else None


def _origin(url: SplitResult) -> tuple[str, str, int | None] | None:
    """Scheme, host and port; None for what has a user, or no origin at all."""
    try:
        port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    except ValueError:  # a port that is no number
        return None
    if url.hostname is None or "@" in url.netloc:
        return None
    return url.scheme, "localhost" if url.hostname in LOOPBACK else url.hostname, port


_PLAIN: Final = re.compile(r'[!"$->@-~]+')
_PROJECT: Final = re.compile(rf"{PATH}/(?P<org>{SLUG.pattern})/(?P<project>{SLUG.pattern})")

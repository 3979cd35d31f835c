"""Scopes (RFC 6749, section 3.3): sets of words. There is one, `events:read`; a second needs no other code."""

from typing import Final

from chalicelib.oauth.errors import OAuthError

SUPPORTED: Final = frozenset({"events:read"})
DEFAULT: Final = frozenset({"events:read"})
"""What who asks for nothing gets: to read."""


def parse(text: str) -> frozenset[str]:
    """The scope that a text asks for; the default if it names none. Raises `OAuthError` (`invalid_scope`)."""
    asked = frozenset(filter(None, text.split(" ")))
    if not asked <= SUPPORTED:
        raise OAuthError("invalid_scope", f"the only scope is {written(SUPPORTED)}")
    return asked or DEFAULT


def narrowed(asked: str, granted: frozenset[str]) -> frozenset[str]:
    """The part of what was granted that a text asks for; all of it if it names none (RFC 6749, section 6).

    Raises `OAuthError` (`invalid_scope`) for anything that was not granted.
    """
    wanted = frozenset(filter(None, asked.split(" ")))
    if not wanted <= granted:
        raise OAuthError("invalid_scope", f"what was granted is {written(granted)}, and nothing more")
    return wanted or granted


def written(scope: frozenset[str]) -> str:
    """As it stands in requests, answers and stored items."""
    return " ".join(sorted(scope))

"""Redirect addresses: which may be registered, and whether one that is asked for is one of them (RFC 8252, RFC 9700).

Equal means equal, character by character. The one exception is the port of an address on the user's own machine, which
apps get anew each time (RFC 8252, section 7.3).
"""

import re
from collections.abc import Sequence
from typing import Final

LONGEST: Final = 2000

KNOWN_SCHEMES: Final = frozenset({"cursor://anysphere.cursor-mcp/oauth/callback"})
"""Addresses of apps whose scheme is nobody's domain: taken as they stand here, and in no other way."""

_WRITTEN: Final = re.compile(r"[!$-;=?-\[\]_a-z~]*")
"""Characters that stand in a URL as they are (RFC 3986). No fragment, no backslash, which browsers take for a slash."""

_HOST: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_WEB: Final = re.compile(rf"https://(?P<host>{_HOST}(?::[0-9]{{1,5}})?)(?:[/?].*)?")
_LOOPBACK: Final = re.compile(
    r"http://(?P<host>localhost|127\.0\.0\.1|\[::1\])(?P<port>:[0-9]{1,5})?(?P<rest>(?:[/?].*)?)"
)
_LOOPBACK_TLS: Final = re.compile(r"https://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(?:[/?].*)?")
_REVERSE_DOMAIN: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+):/.*")
"""The scheme of an app that has a domain: `com.example.app:/callback` (RFC 8252, section 7.1)."""


_AUTHORITY: Final = re.compile(r"//[^/?]+")


class RedirectRefused(Exception):
    """An address that no answer is sent to. The text says what is wrong with it, and shows nothing of it."""


def check_registrable(uri: str) -> None:
    """Raises `RedirectRefused` for an address that no client may have."""
    if not 1 <= len(uri) <= LONGEST:
        raise RedirectRefused(f"a redirect URI has 1 to {LONGEST} characters")
    if not _WRITTEN.fullmatch(uri):
        raise RedirectRefused("a redirect URI has no fragment, and all but the characters of URLs percent-encoded")
    if uri.startswith("https://") and not _WEB.fullmatch(uri):
        raise RedirectRefused("an https redirect URI names a host, and no user")
    if uri.startswith("http://") and not _LOOPBACK.fullmatch(uri):
        raise RedirectRefused("an http redirect URI leads to localhost, 127.0.0.1 or [::1]; elsewhere it is https")
    if not uri.startswith(("https://", "http://")) and not _is_of_an_app(uri):
        raise RedirectRefused("a redirect URI is https, http on loopback, or a reverse domain (com.example.app:/…)")


def matches(registered: Sequence[str], presented: str) -> bool:
    """Whether answers may go to the presented address."""
    try:
        check_registrable(presented)
    except RedirectRefused:
        return False
    return presented in registered or any(_differ_in_port(each, presented) for each in registered)


def is_loopback(uri: str) -> bool:
    """Whether the address is on the user's own machine, where any program may listen."""
    return bool(_LOOPBACK.fullmatch(uri) or _LOOPBACK_TLS.fullmatch(uri))


def origin_of(uri: str) -> str:
    """What `form-action` of a content security policy must name for a redirect there to be followed.

    Where a policy cannot name the host (no IPv6 address, no scheme of an app), it is the scheme.
    """
    scheme = uri.partition(":")[0]
    if scheme not in ("https", "http") or "[" in uri:
        return f"{scheme}:"
    return f"{scheme}://{host_of(uri)}"


def host_of(uri: str) -> str:
    """Where answers go, for people to read: a host with its port, or an app's scheme and what stands for a host."""
    if web := _WEB.fullmatch(uri):
        return web["host"]
    if local := _LOOPBACK.fullmatch(uri):
        return local["host"] + (local["port"] or "")
    scheme, _, rest = uri.partition(":")
    return f"{scheme}:{named[0]}" if (named := _AUTHORITY.match(rest)) else f"{scheme}:"


def _is_of_an_app(uri: str) -> bool:
    return uri in KNOWN_SCHEMES or _REVERSE_DOMAIN.fullmatch(uri) is not None


def _differ_in_port(registered: str, presented: str) -> bool:
    one, other = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(presented)
    return one is not None and other is not None and one.group("host", "rest") == other.group("host", "rest")

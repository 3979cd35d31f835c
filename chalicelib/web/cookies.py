"""Cookies: those there are, how they are read, and the one form in which they are set.

All that mean anything carry the prefix `__Host-`: a browser takes them only from this very host over HTTPS, for every
path, and no neighbouring host can plant one (RFC 6265bis, section 4.1.3.2).
"""

import re
from collections.abc import Mapping
from typing import Final

from chalicelib.web.problems import HeaderWrong
from chalicelib.web.request import Request

SESSION: Final = "__Host-session"
"""Who is signed in."""

PRE: Final = "__Host-pre"
"""What forms are bound to before anybody is signed in."""

DEVICE: Final = "__Host-device"
"""A browser that signed in before, which strangers' wrong guesses cannot lock out."""

THEME: Final = "__Host-theme"
"""Light or dark: kept by the browser alone, and set by the page's own script too."""

LONGEST: Final = 512
"""Characters in one of our values."""


def cookies(request: Request) -> Mapping[str, str]:
    """The request's cookies by name. Raises `HeaderWrong` where one of ours came twice: which counts is a guess."""
    if "cookie" in request.repeated_headers:
        raise HeaderWrong("`Cookie` was sent more than once.")
    found: dict[str, str] = {}
    for pair in request.headers.get("cookie", "").split(";"):
        name, _, value = pair.strip(" \t").partition("=")
        if name in found and name in (SESSION, PRE, DEVICE):
            raise HeaderWrong(f"The cookie `{name}` was sent more than once.")
        found[name] = value
    return found


def cookie(request: Request, name: str) -> str | None:
    """The value of one of our cookies, if it has the form of one. Raises `HeaderWrong`."""
    value = cookies(request).get(name)
    return value if value is not None and _VALUE.fullmatch(value) else None


def kept(name: str, value: str, *, seconds: int) -> str:
    """What `Set-Cookie` says to keep a value. Raises `ValueError` for a value that is more than a value."""
    if not _VALUE.fullmatch(value):
        raise ValueError(f"the value of the cookie {name} cannot be sent")
    return f"{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"


def dropped(name: str) -> str:
    """What `Set-Cookie` says to forget a value at once."""
    return f"{name}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"


_VALUE: Final = re.compile(rf"[A-Za-z0-9_.~-]{{1,{LONGEST}}}")

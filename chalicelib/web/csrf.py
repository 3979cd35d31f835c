"""Requests that a browser was talked into: refused before they change anything (S22).

    unsafe request
      with `Authorization`           no browser adds that by itself, and cookies are ignored beside it: nothing to check
      `Sec-Fetch-Site` or `Origin`   where present, both must say that a page of ours sent it; `Origin: null`, which a
                                     page says that tells nobody its address, is believed only beside the other
      neither of them                no browser of today: only JSON, and only without cookies
      and a token                    HMAC of what it is bound to and its purpose, in a form's field or in `X-CSRF-Token`

A token is bound to the session, before sign-in to the cookie `__Host-pre`. Its purpose is where it may be sent back:
`FORM` or `API`. Nothing is stored. Headers that name another method (`X-HTTP-Method-Override`) are read nowhere.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final
from urllib.parse import urlsplit

from chalicelib import settings
from chalicelib.web.problems import CsrfRefused
from chalicelib.web.request import Request

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

FIELD: Final = "csrf_token"
HEADER: Final = "x-csrf-token"
FORM: Final = "form"
API: Final = "api"
"""The purpose of the token that `/api/auth/login` and `/api/auth/me` give away."""

PRE_SECONDS: Final = 86_400


def check_origin(request: Request) -> None:
    """Raises `CsrfRefused` unless the request says that it comes from here, or cannot come from a browser."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and (site != "same-origin" or "sec-fetch-site" in request.repeated_headers):
        raise CsrfRefused("A page of another site sent this. Only pages of this site may.")
    # `null` beside `same-origin`: a page of ours with `Referrer-Policy: no-referrer` (Fetch, section 3.2). A frame
    # without an origin says `null` too, and `cross-site` beside it.
    ours = (own_origin(),) if site is None else (own_origin(), "null")
    if origin is not None and (origin not in ours or "origin" in request.repeated_headers):
        raise CsrfRefused(f"A page of another origin sent this. This site is {own_origin()}: open it there.")
    if site is None and origin is None and ("cookie" in request.headers or request.media_type != "application/json"):
        raise CsrfRefused("Send `Origin` or `Sec-Fetch-Site`. Only JSON without cookies needs neither.")


def check_token(presented: str | None, binding: str | None, purpose: str) -> None:
    """Raises `CsrfRefused` unless the token was made here for this binding and this purpose."""
    if not presented or binding is None:
        raise CsrfRefused("The form's token, or the header `X-CSRF-Token`, is missing. Load the page again.")
    given = presented.encode("utf-8", "surrogatepass")
    expected = (_token(secret, binding, purpose).encode() for secret in settings.current().secrets)
    if not any(hmac.compare_digest(given, each) for each in expected):
        raise CsrfRefused("The token is not of this session, or not for this. Load the page again.")


def token(binding: str, purpose: str) -> str:
    """What proves that a page of ours was made for this binding."""
    return _token(settings.current().secrets[0], binding, purpose)


def new_binding() -> str:
    """A value for `__Host-pre`."""
    return secrets.token_urlsafe(24)


def own_origin() -> str:
    """Where the pages are, as browsers write it."""
    url = urlsplit(settings.current().url.lower())
    port = "" if url.port in (None, {"http": 80, "https": 443}[url.scheme]) else f":{url.port}"
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f"{url.scheme}://{host}{port}"


def _token(secret: bytes, binding: str, purpose: str) -> str:
    mac = hmac.digest(secret, b"csrf\0" + binding.encode() + b"\0" + purpose.encode(), "sha256")
    return urlsafe_b64encode(mac).decode().rstrip("=")

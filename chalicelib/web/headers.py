"""The headers of every answer, whatever it is: errors, preflights and the gateway's own answers have them too."""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from chalicelib import settings

REPORTS: Final = "/reports"
"""Where browsers say that something went against a policy, below the path that the product is reached at."""

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What an answer says that says nothing else; its own headers win."""


def of_page(*, form_action: str = "'self'") -> dict[str, str]:
    """What a page says beside that: our own style, scripts and pictures, and forms that come back here.

    Its referrer is told to this site alone: with `no-referrer` browsers send forms with `Origin: null`, which nobody
    can check. `form_action` may name one more origin, where a form's answer redirects to: Chromium blocks it otherwise.
    """
    reports = urlsplit(settings.current().url).path.rstrip("/") + REPORTS
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"form-action {form_action}; base-uri 'none'; frame-ancestors 'none'; "
        f"require-trusted-types-for 'script'; trusted-types 'none'; report-uri {reports}; report-to csp"
    )
    return {
        "Content-Security-Policy": policy,
        "Reporting-Endpoints": f'csp="{reports}"',
        "Referrer-Policy": "same-origin",
    }


SIGNED_OUT: Final[Mapping[str, str]] = {"Clear-Site-Data": '"cache", "storage"'}
"""What the answer to a sign-out says. Cookies are dropped one by one: the device's stays, for its sign-in allowance."""


def finished(headers: Mapping[str, str], cookies: Iterable[str] = (), *, request_id: str) -> dict[str, str]:
    """An answer's own headers with those of every answer. Raises `ValueError` for a value that would not stay one."""
    own = {name.lower() for name in headers}
    whole = {name: value for name, value in SECURITY_HEADERS.items() if name.lower() not in own}
    whole |= {"X-Request-Id": request_id} | dict(headers)
    for name, value in (*whole.items(), *(("Set-Cookie", cookie) for cookie in cookies)):
        if _FORBIDDEN.search(name) or _FORBIDDEN.search(value):
            raise ValueError(f"the header {name!r} has a control character in it")
    return whole


_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""A line break in a value begins another header: Chalice lets a bare carriage return pass."""

"""Answers, before they are HTTP."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from chalice import Response
from msgspec import Struct

from chalicelib.web.headers import finished

JSON: Final = "application/json"


class Answer(Struct, frozen=True):
    """What a handler gives back. The headers of every answer are added on its way out."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    cookies: tuple[str, ...] = ()
    """Values of `Set-Cookie`, as `web.cookies` makes them."""


def json(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return content(msgspec.json.encode(value), JSON, status=status, headers=headers)


def content(body: bytes, media_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, body, {"Content-Type": media_type} | dict(headers or {}))


def see_other(path: str, *, cookies: tuple[str, ...] = (), headers: Mapping[str, str] | None = None) -> Answer:
    """On to another page of ours, with GET (RFC 9110, section 15.4.4). Raises `ValueError` for any other address."""
    if not is_local(path):
        raise ValueError("a redirect leads to a path of this site only")
    return Answer(303, b"", {"Location": path} | dict(headers or {}), cookies)


def nothing(*, cookies: tuple[str, ...] = (), headers: Mapping[str, str] | None = None) -> Answer:
    """Done, and nothing to say."""
    return Answer(204, b"", dict(headers or {}), cookies)


def is_local(path: str) -> bool:
    """Whether a text is a path on this site to every browser: `//host` and `/\\host` are other sites."""
    return _LOCAL.fullmatch(path) is not None


_LOCAL: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""Visible ASCII without a backslash, which browsers take for a slash."""


def response(answer: Answer, *, request_id: str, with_body: bool = True) -> Response:
    """The answer as Chalice wants it."""
    headers: dict[str, str | list[str]] = {**finished(answer.headers, answer.cookies, request_id=request_id)}
    if answer.cookies:
        headers["Set-Cookie"] = list(answer.cookies)
    return Response(body=answer.body if with_body else b"", headers=headers, status_code=answer.status)

"""Answers, before they are HTTP."""

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


def json(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return content(msgspec.json.encode(value), JSON, status=status, headers=headers)


def content(body: bytes, media_type: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, body, {"Content-Type": media_type} | dict(headers or {}))


def response(answer: Answer, *, request_id: str, with_body: bool = True) -> Response:
    """The answer as Chalice wants it."""
    headers = finished(answer.headers, request_id=request_id)
    return Response(body=answer.body if with_body else b"", headers={**headers}, status_code=answer.status)

"""An HTTP request as the event that API Gateway gives a function, and the function's answer as HTTP again.

Shapes and rules are those of a REST API with Lambda proxy integration (payload format 1.0), from AWS's developer guide.
Nothing here opens a socket or calls the function: `infra.gateway` does.
"""

import base64
import binascii
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

Headers = Sequence[tuple[str, str]]

ACCOUNT: Final = "000000000000"
API_ID: Final = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What arrived. `path` is still percent-encoded, `query` has no `?`, header names keep the order of arrival."""

    method: str
    path: str
    query: str = ""
    headers: Headers = ()
    body: bytes = b""
    source: str = "127.0.0.1"

    def header(self, name: str) -> str | None:
        """The last value of a header, as API Gateway's single-value map has it."""
        values = [value for key, value in self.headers if key.lower() == name]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What leaves. Header names may repeat."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Match:
    """The route that a path means: its declared `resource` and its decoded path parameters."""

    resource: str
    parameters: Mapping[str, str]


class AnswerMalformed(Exception):
    """The function's answer is not one that API Gateway can turn into HTTP: it answers 502."""


class Routes:
    """Finds the declared route of a path, literal segments before parameters, as API Gateway does."""

    def __init__(self, resources: Iterable[str], *, stage: str) -> None:
        routes = [(resource, _segments(resource)) for resource in resources]
        self._routes = sorted(routes, key=lambda route: [_is_parameter(segment) for segment in route[1]])
        self._stage = stage

    def match(self, path: str) -> Match | None:
        """The route of an encoded path, which may start with the stage's name.

        Clients that join by concatenation send `//api/ingest`. API Gateway refuses that, but an edge function in front
        of it can collapse leading slashes, and this gateway does.
        """
        segments = _segments("/" + path.lstrip("/"))
        found = self._match(segments)
        if found is None and segments[0] == self._stage:
            found = self._match(_segments("/" + "/".join(segments[1:]).lstrip("/")))
        return found

    def _match(self, segments: Sequence[str]) -> Match | None:
        # Decoded segment by segment: an encoded slash is a character of a parameter and never splits the path.
        decoded = [unquote(segment) for segment in segments]
        for resource, pattern in self._routes:
            if len(pattern) == len(decoded) and all(map(_fits, pattern, decoded)):
                named = zip(pattern, decoded, strict=True)
                return Match(resource, {name[1:-1]: value for name, value in named if _is_parameter(name)})
        return None


def _segments(path: str) -> list[str]:
    # API Gateway takes `/logs/` for `/logs`.
    trimmed = path[:-1] if path != "/" and path.endswith("/") else path
    return trimmed[1:].split("/")


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _fits(pattern: str, segment: str) -> bool:
    return segment != "" if _is_parameter(pattern) else pattern == segment


def event(
    request: Request, match: Match, *, stage: str, request_id: str, now: float, binary_types: Sequence[str]
) -> dict[str, Any]:
    """The proxy event of a request. `now` is in seconds since the epoch."""
    headers = _several(_forwarded(request))
    query = _several(_query(request.query))
    is_binary = _is_binary(request.header("content-type") or "application/json", binary_types)
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": _last_of_each(headers),
        "multiValueHeaders": headers,
        "queryStringParameters": _last_of_each(query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(match.parameters) or None,
        "stageVariables": None,
        "requestContext": _context(request, match, stage=stage, request_id=request_id, now=now),
        "body": _body(request.body, is_binary=is_binary) if request.body else None,
        "isBase64Encoded": bool(request.body) and is_binary,
    }


# What concerns one connection only and never reaches a function.
_HOP_BY_HOP: Final = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


def _forwarded(request: Request) -> list[tuple[str, str]]:
    headers = [
        (name.title(), value)
        for name, value in request.headers
        if name.lower() not in _HOP_BY_HOP and name.lower() not in ("cookie", "x-forwarded-for")
    ]
    # RFC 9113, section 8.2.3: cookies that came as several fields reach the application as one.
    if cookies := [value for name, value in request.headers if name.lower() == "cookie"]:
        headers.append(("Cookie", "; ".join(cookies)))
    before = [value for name, value in request.headers if name.lower() == "x-forwarded-for"]
    headers.append(("X-Forwarded-For", ", ".join([*before, request.source])))
    headers.append(("X-Forwarded-Proto", "http"))
    return headers


def _query(query: str) -> list[tuple[str, str]]:
    # AWS's important notes for REST APIs: a plain semicolon in a query string results in the data being split.
    return parse_qsl(query.replace(";", "&"), keep_blank_values=True, errors="replace")


def _several(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    return several


def _last_of_each(several: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: values[-1] for name, values in several.items()}


def _context(request: Request, match: Match, *, stage: str, request_id: str, now: float) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": request.header("host"),
        "extendedRequestId": request_id,
        "httpMethod": request.method,
        "identity": {
            "accessKey": None,
            "accountId": None,
            "caller": None,
            "sourceIp": request.source,
            "user": None,
            "userAgent": request.header("user-agent"),
            "userArn": None,
        },
        "path": request.path,
        "protocol": "HTTP/1.1",
        "requestId": request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": match.resource,
        "resourcePath": match.resource,
        "stage": stage,
    }


def _body(body: bytes, *, is_binary: bool) -> str:
    # What is not declared binary is text to API Gateway, and bytes that are no UTF-8 are lost.
    return base64.b64encode(body).decode("ascii") if is_binary else body.decode("utf-8", "replace")


def _is_binary(media_range: str, binary_types: Sequence[str]) -> bool:
    media_type = media_range.partition(";")[0].strip().lower()
    return any(fnmatchcase(media_type, pattern.lower()) for pattern in binary_types)


# API Gateway keeps these names for itself and renames them in a function's answer.
_REMAPPED: Final = frozenset(
    {"authorization", "connection", "content-length", "date", "host", "server", "www-authenticate"}
)
_BODILESS: Final = frozenset({204, 304})


def answer(request: Request, result: object, *, binary_types: Sequence[str]) -> Answer:
    """The HTTP answer that a function's result means. Raises `AnswerMalformed`.

    A base64 body is decoded only if the first type of the request's `Accept` is a binary type of the API; otherwise the
    client gets the base64 text. AWS documents it so, and it is why an API that calls JSON binary wants `*/*` there.
    """
    if not isinstance(result, dict):
        raise AnswerMalformed(f"a {type(result).__name__} instead of an object")
    status = result.get("statusCode")
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise AnswerMalformed(f"the status code {status!r}")
    body = b"" if status in _BODILESS else _answered(result, request, binary_types)
    return Answer(status=status, headers=_answered_headers(result), body=body)


def _answered(result: Mapping[str, Any], request: Request, binary_types: Sequence[str]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise AnswerMalformed(f"a body of type {type(body).__name__}")
    accepted = (request.header("accept") or "application/json").partition(",")[0]
    if not (result.get("isBase64Encoded") and _is_binary(accepted, binary_types)):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise AnswerMalformed("a body that says it is base64 and is not") from error


def _answered_headers(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    several = {name: [value] for name, value in (result.get("headers") or {}).items()}
    several |= result.get("multiValueHeaders") or {}
    headers = [(_renamed(name), _single_line(name, str(value))) for name, values in several.items() for value in values]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return headers


def _renamed(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name


def _single_line(name: str, value: str) -> str:
    if any(character in value for character in "\r\n\0"):
        raise AnswerMalformed(f"a line break in the value of {name}")
    return value

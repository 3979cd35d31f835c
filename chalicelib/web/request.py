"""A request as everything below the door sees it: one frozen value, made in the one place that reads the global one."""

import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
from chalice import Blueprint
from msgspec import Struct

GATEWAY_SECONDS: Final = 29.0
"""API Gateway answers for a function that has not by then."""

MARGIN_SECONDS: Final = 1.0
"""Of the time left, kept for the way back."""


class Request(Struct, frozen=True, kw_only=True):
    """What arrived, and when. Header names are in lower case; a repeated name has its last value here."""

    method: str
    path: str
    """As the client wrote it, stage prefix included."""
    local_path: str = ""
    """The same without the stage, as links of ours name it."""
    parameters: dict[str, str]
    """The named parts of the path."""
    query: dict[str, str]
    headers: dict[str, str]
    repeated: frozenset[str]
    """Names of query parameters that were given more than once."""
    repeated_headers: frozenset[str]
    body: bytes
    source: str
    """The client's address, as the gateway saw it. Forwarding headers change nothing."""
    id: str
    now_ms: int
    deadline: float
    """In `time.monotonic()` seconds: by then the answer must have left."""

    @property
    def media_type(self) -> str:
        """Of the body, in lower case, without parameters; empty if the client did not say."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def now(self) -> int:
        """In seconds, as accounts count time."""
        return self.now_ms // 1000

    @property
    def agent(self) -> str:
        """What the client calls itself, shortened to what a list of sessions shows."""
        return "".join(each for each in self.headers.get("user-agent", "") if each.isprintable())[:200]

    def deadline_within(self, seconds: float) -> float:
        """The deadline of an answer that is wanted sooner."""
        return min(self.deadline, time.monotonic() + seconds)


def current_request(routes: Blueprint) -> Request:
    """The request that Chalice serves now. Nothing else reads it."""
    current = routes.current_request
    event = current.to_original_event()
    query = event.get("multiValueQueryStringParameters") or {}
    headers = _header_values(event)
    return Request(
        method=current.method,
        path=event["requestContext"].get("path") or event.get("path") or current.path,
        local_path=local_path(current.context.get("resourcePath") or "", event.get("pathParameters") or {}),
        parameters=event.get("pathParameters") or {},
        query={name: values[-1] for name, values in query.items()},
        headers={name: values[-1] for name, values in headers.items()},
        repeated=frozenset(name for name, values in query.items() if len(values) > 1),
        repeated_headers=frozenset(name for name, values in headers.items() if len(values) > 1),
        body=_body(event),
        source=event["requestContext"].get("identity", {}).get("sourceIp", ""),
        id=request_id(event, current.lambda_context),
        now_ms=time.time_ns() // 1_000_000,
        deadline=time.monotonic() + _seconds_left(current.lambda_context),
    )


def request_id(event: dict[str, Any], context: Any) -> str:
    """The gateway's id of the request, else the function's."""
    return event.get("requestContext", {}).get("requestId") or getattr(context, "aws_request_id", "") or "-"


def local_path(resource: str, parameters: Mapping[str, str]) -> str:
    """The path of a declared route with its parameters in place."""
    return resource.format_map({name: quote(value, safe="") for name, value in parameters.items()})


def _body(event: Mapping[str, Any]) -> bytes:
    body: str | bytes = event.get("body") or b""  # bytes only from `chalice local`
    if isinstance(body, str) and event.get("isBase64Encoded"):
        return msgspec.convert(body, bytes)  # as `base64` does it, four times as fast
    return body.encode() if isinstance(body, str) else body


def _header_values(event: dict[str, Any]) -> dict[str, list[str]]:
    many = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    values: dict[str, list[str]] = {}
    for name, given in many.items():
        values.setdefault(name.lower(), []).extend(given)
    return values


def _seconds_left(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    left = remaining() / 1000 if remaining else GATEWAY_SECONDS
    return max(0.0, min(GATEWAY_SECONDS, left) - MARGIN_SECONDS)

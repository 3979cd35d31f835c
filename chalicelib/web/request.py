"""A request as everything below the door sees it: one frozen value, made in the one place that reads the global one."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from chalice import Blueprint
from msgspec import Struct

GATEWAY_SECONDS: Final = 29.0
"""API Gateway answers for a function that has not by then."""

MARGIN_SECONDS: Final = 1.0
"""Of the time left, kept for the way back."""

clock: Callable[[], int] = time.time_ns
"""What time it is, in nanoseconds since 1970: everything that a request decides by time comes from here. Whoever runs
the product for a test may put another in its place, so that hours pass without waiting."""

IN_QUERY: Final = "/:?@!$'()*,"
"""What a value in a query may hold as it is (RFC 3986, section 3.4), and what no reader takes for a delimiter."""


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
    query_text: str = ""
    """All parameters once more, as a link of ours repeats them: in their order, with what came twice, and as short as
    may be (a gateway takes 10 KB of address and headers)."""
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
        query_text=urlencode(query, doseq=True, safe=IN_QUERY, quote_via=quote),
        headers={name: values[-1] for name, values in headers.items()},
        repeated=frozenset(name for name, values in query.items() if len(values) > 1),
        repeated_headers=frozenset(name for name, values in headers.items() if len(values) > 1),
        body=_body(event),
        source=event["requestContext"].get("identity", {}).get("sourceIp", ""),
        id=request_id(event, current.lambda_context),
        now_ms=clock() // 1_000_000,
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

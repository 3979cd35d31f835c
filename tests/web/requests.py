"""Requests as the door's own parts see them, for tests of one part."""

from typing import Any

from chalicelib.web.request import Request


def request(method: str = "POST", body: bytes = b"", repeated: str = "", **headers: str) -> Request:
    """`headers` in lower case with `_` for `-`; names in `repeated` came twice."""
    fields: dict[str, Any] = {
        "path": "/", "parameters": {}, "query": {}, "repeated": frozenset(), "source": "192.0.2.7", "id": "r-1",
        "now_ms": 0, "deadline": 0.0,
    }  # fmt: skip
    return Request(
        method=method, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()},
        repeated_headers=frozenset(repeated.split()), **fields,
    )  # fmt: skip

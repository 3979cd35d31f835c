"""Changes that happen only to what was seen: `ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1)."""

from hashlib import sha256
from typing import Any

import msgspec

from chalicelib.web.problems import ChangedMeanwhile
from chalicelib.web.request import Request


def etag(value: Any) -> str:
    """The strong validator of what a client is shown: the same value has the same, any other has another."""
    return f'"{sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:22]}"'


def check_if_match(request: Request, current: Any) -> None:
    """Raises `ChangedMeanwhile` where the request names a state, and it is not the current one. Naming none is fine."""
    named = request.headers.get("if-match")
    if named is None or named.strip() == "*":
        return
    if etag(current) not in {each.strip() for each in named.split(",")}:
        raise ChangedMeanwhile

"""Which routes browsers of other origins may call, and what their preflights are told."""

from collections.abc import Sequence
from typing import Final

from chalice import CORSConfig

from chalicelib.web.headers import SECURITY_HEADERS


class OpenCors(CORSConfig):
    """Any origin, without credentials: who calls says so with a key. A preflight has the headers of every answer."""

    def __init__(self, *, allow: Sequence[str], expose: Sequence[str], max_age: int = 7200) -> None:
        super().__init__(allow_origin="*", allow_headers=list(allow), expose_headers=list(expose), max_age=max_age)
        self._allowed = ", ".join(allow)

    @property
    def allow_headers(self) -> str:
        """Only what was declared: Chalice would add headers of AWS's own."""
        return self._allowed

    def get_access_control_headers(self) -> dict[str, str]:
        return dict(SECURITY_HEADERS) | super().get_access_control_headers()


INGEST: Final = OpenCors(
    allow=("authorization", "content-type", "content-encoding", "idempotency-key"),
    expose=("retry-after", "x-request-id"),
)

OAUTH: Final = OpenCors(
    allow=("authorization", "content-type", "mcp-protocol-version"),
    expose=("retry-after", "www-authenticate", "x-request-id"),
)
"""For clients that run in a browser. `mcp-protocol-version` is what theirs send with every request, these too."""

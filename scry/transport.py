"""One kept-alive HTTP connection to one address: no redirects, bounded answers, bounded waiting.

A redirect is an answer like any other here: following one would carry the key to an address nobody configured.
"""

import gzip
import http.client
import importlib
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from scry.errors import Unreachable

TIMEOUT: Final = 30.0
"""Seconds; API Gateway answers within 29."""

LARGEST_ANSWER: Final = 32 * 1024 * 1024


def _zstd_of_this_python() -> Callable[[bytes, int], bytes] | None:
    for module in ("compression.zstd", "backports.zstd"):
        try:
            found: Callable[[bytes, int], bytes] = importlib.import_module(module).compress
        except ImportError:
            continue
        return found
    return None


_ZSTD: Final = _zstd_of_this_python()

CODINGS: Final = ("zstd", "gzip", "identity") if _ZSTD else ("gzip", "identity")
"""The content codings that this Python can write, the best first."""


class NoAnswer(Exception):
    """The connection failed before a whole answer had come. Whether the request was carried out is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def object(self) -> dict[str, Any] | None:
        """The JSON object in it, or None if there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


class Connection:
    """Requests to the address below `url`, one after the other; opened when needed, and again after a failure."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        self._prefix = parts.path.rstrip("/")
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=timeout, context=context
            )
        else:
            self._http = http.client.HTTPConnection(host, port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def request(
        self, method: str, path: str, *, key: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """The answer, whatever its status; an empty `key` is none.

        Raises `NoAnswer` for anything less, `Unreachable` for a bad certificate.
        """
        who = {"Authorization": f"Bearer {key}"} if key else {}
        sent = {**who, "Accept": "application/json", "User-Agent": "scry", **(headers or {})}
        try:
            self._http.request(method, self._prefix + path, body=body, headers=sent)
            response = self._http.getresponse()
            content = response.read(LARGEST_ANSWER + 1)
        except ssl.SSLCertVerificationError as error:
            self._http.close()
            raise Unreachable(f"The server's certificate cannot be trusted: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            raise NoAnswer(str(error) or type(error).__name__) from error
        if len(content) > LARGEST_ANSWER:
            self._http.close()
            raise Unreachable(f"The server's answer to {path} is larger than {LARGEST_ANSWER:,} bytes")
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def compressed(body: bytes, coding: str) -> bytes:
    """The body in that coding. The same body is the same bytes every time."""
    if coding == "zstd" and _ZSTD is not None:
        return _ZSTD(body, 3)
    return gzip.compress(body, 6, mtime=0) if coding == "gzip" else body

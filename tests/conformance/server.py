"""The product's own door and dispatch with the suite's tools behind them, on a port of this machine."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app import app
from chalicelib.web.headers import SECURITY_HEADERS
from infra.gateway import Gateway, serving

Asgi = Callable[[Mapping[str, Any], Any, Any], Awaitable[None]]


@contextmanager
def server(key: str, port: int) -> Iterator[str]:
    """Serves until the block ends; gives the URL. Every request arrives with the key, since the suite brings none."""
    with serving(_with_key(Gateway(app, stage="test", headers=SECURITY_HEADERS), key), port) as url:
        yield url


def _with_key(gateway: Asgi, key: str) -> Any:
    credentials = (b"authorization", f"Bearer {key}".encode())

    async def asgi(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        await gateway({**scope, "headers": [*scope["headers"], credentials]}, receive, send)

    return asgi

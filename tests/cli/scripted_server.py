"""A server on loopback that plays the answers it is given and keeps what it was sent."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from backports import zstd


@dataclass(frozen=True)
class Sent:
    """A request as it arrived, its body inflated."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return json.loads(self.body)["events"]


@dataclass(frozen=True)
class Reply:
    """An answer; without a status the connection is cut instead."""

    status: int | None
    said: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Sent], Reply]


def accepting(sent: Sent) -> Reply:
    """What a server answers that has room for everything."""
    return Reply(202, {"accepted": len(sent.events), "duplicates": 0, "rejected": []})


class ScriptedServer:
    """Plays its queued replies first, and then what `otherwise` makes of each request."""

    def __init__(self) -> None:
        self.requests: list[Sent] = []
        self.replies: list[Reply] = []
        self.otherwise: Script = accepting
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                owner.play(self)

            do_POST = do_GET  # noqa: N815 - the library looks for this name

            def log_message(self, *_: Any) -> None:
                """Quiet: what matters is asserted."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """Of all ingest requests, in order."""
        return [event for sent in self.requests for event in sent.events]

    def play(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        raw = handler.rfile.read(int(headers.get("content-length", 0)))
        body = zstd.decompress(raw) if headers.get("content-encoding") == "zstd" else raw
        sent = Sent(handler.command, handler.path, headers, body)
        self.requests.append(sent)
        reply = self.replies.pop(0) if self.replies else self.otherwise(sent)
        if reply.status is None:
            handler.close_connection = True
            return
        content = reply.said.encode() if isinstance(reply.said, str) else json.dumps(reply.said).encode()
        handler.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(content))} | reply.headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

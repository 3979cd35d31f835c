"""An app that asks to read a project, as far as a browser can tell: it opens a question and listens for the answer.

It is the client `scry`, which is built in, on a port that happens to be free.
"""

import hashlib
import http.server
import json
import queue
import secrets
import threading
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT: Final = "scry"
SECONDS: Final = 15


@dataclass(frozen=True)
class App:
    """Where it listens, and what it was told so far."""

    callback: str
    client_id: str = CLIENT
    state: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    answers: "queue.Queue[dict[str, str]]" = field(default_factory=queue.Queue)

    def question(self, product: str, **more: str) -> str:
        """The address that it opens in the browser."""
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "client_id": self.client_id, "redirect_uri": self.callback, "response_type": "code", "state": self.state,
            "code_challenge": challenge, "code_challenge_method": "S256", **more,
        }  # fmt: skip
        return f"{product}/oauth/authorize?{urlencode(asked)}"

    def told(self) -> dict[str, str]:
        """What it is told next. Raises `queue.Empty` if nobody tells it anything."""
        return self.answers.get(timeout=SECONDS)

    def redeem(self, product: str, code: str) -> Any:
        """The answer of the token endpoint."""
        form = {
            "grant_type": "authorization_code", "code": code, "client_id": self.client_id,
            "redirect_uri": self.callback, "code_verifier": self.verifier,
        }  # fmt: skip
        with urllib.request.urlopen(f"{product}/oauth/token", urlencode(form).encode(), timeout=SECONDS) as answer:
            return json.load(answer)


@contextmanager
def listening(client_id: str = CLIENT) -> Iterator[App]:
    """An app that listens until the end of the block."""
    answers: queue.Queue[dict[str, str]] = queue.Queue()

    class Callback(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/callback":
                answers.put(dict(parse_qsl(url.query, keep_blank_values=True)))
            self.send_response(200 if url.path == "/callback" else 404)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"Back at the app.")

        def log_message(self, *_: object) -> None:
            """Says nothing: what it is told is for the app."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield App(f"http://127.0.0.1:{server.server_port}/callback", client_id, answers=answers)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

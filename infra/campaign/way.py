"""The way from the product to its engine, on which requests meet what they meet in a data centre."""

import http.client
import http.server
import json
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

HANG_SECONDS: Final = 3.5
"""Longer than the product waits for an answer."""

OUTAGE_SECONDS: Final = 1.0

FAULTS: Final = ("throttled", "server error", "answer lost", "no answer", "hang", "half a batch", "outage")


class Way:
    """Forwards to the engine. Each fault that is armed meets one request, the next that it can."""

    def __init__(self, engine_port: int) -> None:
        self.met: Counter[str] = Counter()
        self._engine_port = engine_port
        self._armed: deque[str] = deque()
        self._out_until = 0.0
        self._quiet = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def arm(self, fault: str) -> None:
        with self._lock:
            self._armed.append(fault)

    @property
    def waits(self) -> bool:
        """Whether a fault is armed that any request may meet."""
        with self._lock:
            return any(fault != "half a batch" for fault in self._armed)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nothing is met meanwhile. What is armed stays so."""
        with self._lock:
            self._quiet += 1
        try:
            yield
        finally:
            with self._lock:
                self._quiet -= 1

    def fault_for(self, operation: str) -> str:
        """What the request of this operation meets; mostly nothing."""
        with self._lock:
            if self._quiet:
                return ""
            if time.monotonic() < self._out_until:
                return "no answer"
            if not self._armed or (self._armed[0] == "half a batch") != (operation == "BatchWriteItem"):
                return self._later(operation)
            fault = self._armed.popleft()
            self.met[fault] += 1
            if fault == "outage":
                self._out_until = time.monotonic() + OUTAGE_SECONDS
                return "no answer"
            return fault

    def _later(self, operation: str) -> str:
        """The first in the queue waits for another operation: it lets the next one pass before it."""
        if self._armed and operation != "BatchWriteItem":
            self._armed.rotate(-1)
        return ""

    def forwarded(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """The engine's answer. Raises `OSError` and `HTTPException` where there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._engine_port, timeout=10)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @contextmanager
    def open(self) -> Iterator["Way"]:
        thread = threading.Thread(target=self._server.serve_forever, name="way", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Says nothing: that connections break is what this is for."""


def _handler(way: Way) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            fault = way.fault_for(operation)
            try:
                answer = ANSWERS.get(fault, _carried)(way, dict(self.headers.items()), body)
            except (OSError, http.client.HTTPException):
                answer = None  # the engine is down: so nobody answers here either
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


Answer = tuple[int, bytes] | None


def _carried(way: Way, headers: dict[str, str], body: bytes) -> Answer:
    return way.forwarded(headers, body)


def _refused(status: int, code: str) -> Callable[[Way, dict[str, str], bytes], Answer]:
    content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "the campaign"}).encode()
    return lambda _way, _headers, _body: (status, content)


def _lost(way: Way, headers: dict[str, str], body: bytes) -> Answer:
    way.forwarded(headers, body)
    return None


def _hangs(way: Way, headers: dict[str, str], body: bytes) -> Answer:
    time.sleep(HANG_SECONDS)
    way.forwarded(headers, body)  # and what nobody waits for any more is done all the same
    return None


def _half(way: Way, headers: dict[str, str], body: bytes) -> Answer:
    [(table, writes)] = json.loads(body)["RequestItems"].items()
    done, left = (writes[::2], writes[1::2]) if len(writes) > 1 else ([], writes)
    if done:
        content = json.dumps({"RequestItems": {table: done}}).encode()
        status, answer = way.forwarded({**headers, "Content-Length": str(len(content))}, content)
        if status != 200:
            return status, answer
    return 200, json.dumps({"UnprocessedItems": {table: left}}).encode()


ANSWERS: Final[dict[str, Callable[[Way, dict[str, str], bytes], Answer]]] = {
    "throttled": _refused(400, "ProvisionedThroughputExceededException"),
    "server error": _refused(500, "InternalServerError"),
    "answer lost": _lost,
    "no answer": lambda _way, _headers, _body: None,
    "hang": _hangs,
    "half a batch": _half,
}

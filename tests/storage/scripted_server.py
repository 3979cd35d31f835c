"""An HTTP server that answers as the test says, and remembers what it was asked and over which connections."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Act = Callable[[socket.socket], bool]
"""What the server does with one request. False closes the connection."""


def answers(status: int, body: bytes = b"{}", *, last: bool = False) -> Act:
    """An answer; after the `last` one of a connection the server says that it closes it."""

    def act(connection: socket.socket) -> bool:
        closing = b"Connection: close\r\n" if last else b""
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n".encode()
        connection.sendall(head + closing + b"\r\n" + body)
        return not last

    return act


def refuses(code: str, status: int = 400) -> Act:
    return answers(status, b'{"__type":"com.amazonaws.dynamodb.v20120810#' + code.encode() + b'","message":"no"}')


def hangs_up(connection: socket.socket) -> bool:
    """The request was read, and no answer comes."""
    return False


def breaks_off(connection: socket.socket) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    return False


def closes_later(connection: socket.socket) -> bool:
    """Answers, and closes the idle connection without a word, as DynamoDB does after a while."""
    answers(200)(connection)
    return False


def keeps_silent(connection: socket.socket) -> bool:
    """Until the client gives up."""
    connection.settimeout(10)
    connection.recv(1)
    return False


@dataclass
class Server:
    port: int
    acts: list[Act]
    bodies: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            while self._read(connection):
                if not self.acts.pop(0)(connection):
                    return

    def _read(self, connection: socket.socket) -> bool:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := connection.recv(65536)):
                return False
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        size = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        while len(body) < size:
            body += connection.recv(65536)
        self.heads.append(head)
        self.bodies.append(body)
        return True


@contextmanager
def scripted(*acts: Act) -> Iterator[Server]:
    """Serves one request after the other by these acts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(listening.getsockname()[1], list(acts))
        thread = threading.Thread(target=server.serve, args=(listening,), daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def wait_until(holds: Callable[[], bool]) -> None:
    """For what another thread is about to do."""
    gives_up_at = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < gives_up_at
        threading.Event().wait(0.001)

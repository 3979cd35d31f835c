"""An HTTPS server on loopback that says exactly what a test wants, under a name that only a test's resolver knows."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.outside.fetch import Way
from infra.hosts import PUBLIC

HOST = "client.example"

Speak = Callable[[ssl.SSLSocket, bytes], None]
"""Answers one request, given its head."""


class Server:
    """What arrived, and the way to it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[bytes] = []
        self.resolved: list[str] = []
        self.connected: list[str] = []

    def way(self, *answers: Sequence[str], trust: Callable[[], ssl.SSLContext] | None = None) -> Way:
        """A way on which each question for a name has its own answer, the last one for ever: by default one public
        address."""
        given = list(answers or [[PUBLIC]])

        def resolve(host: str) -> Sequence[str]:
            self.resolved.append(host)
            return given.pop(0) if len(given) > 1 else given[0]

        def connect(address: str, seconds: float) -> socket.socket:
            self.connected.append(address)
            return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

        return Way(resolve, connect, trust or trusting)


@contextmanager
def serving(speak: Speak, host: str = HOST) -> Iterator[Server]:
    """The server, until the end of the block. Each connection has a thread of its own."""
    context = _context(host)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])
        threads: list[threading.Thread] = []

        def accept() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                thread = threading.Thread(target=_one, args=(server, context, plain, speak), daemon=True)
                threads.append(thread)
                thread.start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join(5)
            for thread in threads:
                thread.join(5)


def saying(body: bytes, *headers: str, status: str = "200 OK") -> Speak:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", "")
    whole = "\r\n".join(lines).encode() + body

    def speak(connection: ssl.SSLSocket, _: bytes) -> None:
        connection.sendall(whole)

    return speak


def trusting() -> ssl.SSLContext:
    """Trusts the authority of these tests and no other."""
    return _trust()


def authority() -> bytes:
    """The certificate of that authority, in PEM."""
    return _authority()[0].public_bytes(serialization.Encoding.PEM)


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority().decode())


def _one(server: Server, context: ssl.SSLContext, plain: socket.socket, speak: Speak) -> None:
    with suppress(OSError), plain:  # a client that hangs up is what some tests are about
        plain.settimeout(10)
        with context.wrap_socket(plain, server_side=True) as connection:
            head = b""
            while b"\r\n\r\n" not in head and (more := connection.recv(4096)):
                head += more
            server.requests.append(head)
            speak(connection, head)


@cache
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    return _signed(_named("tests"), key, _named("tests"), key, x509.BasicConstraints(ca=True, path_length=None)), key


@cache
def _context(host: str) -> ssl.SSLContext:
    issuer, issuer_key = _authority()
    key = ec.generate_private_key(ec.SECP256R1())
    alternative = x509.SubjectAlternativeName([x509.DNSName(host)])
    certificate = _signed(_named(host), key, issuer.subject, issuer_key, alternative)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(path)
    return context


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    today = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(extension, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

"""Fetching what a stranger's URL names, without becoming the stranger's hands inside our network.

    URL -> https, a name, port 443 -> resolved once, in time -> every address public -> connected to that very address
        -> TLS for the name -> 200, no coding, not too long, not too late

Nothing here looks at proxies or follows redirects. A name that would resolve to another address a moment later is not
asked again (DNS rebinding). ASVS 1.3.6, RFC 9700 4.14; the ranges are those of IANA's special-purpose registries.
"""

import io
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from http.client import HTTPException, HTTPResponse
from queue import Empty, SimpleQueue
from typing import Any, Final

from msgspec import Struct

LONGEST_URL: Final = 1024
PORT: Final = 443
MOST_ATTEMPTS: Final = 3
"""Addresses of one name that are tried: the first may be of a kind that has no route from here."""

HEAD_BYTES: Final = 16 * 1024
"""What an answer may have beside its body."""

_NAME: Final = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
"""A name of the public DNS, as it is written after IDNA. The last label begins with a letter: no address does."""

_URL: Final = re.compile(r"https://(?P<host>[^/?#:]+)(?::443)?(?P<target>(?:[/?][!$-;=?-\[\]_a-z~]*)?)")
"""Taken apart once, and only of characters that stand in a URL as they are: no two parsers can disagree (RFC 3986)."""

_REFUSED_4: Final = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # what Azure answers to its own machines under
    )
)  # fmt: skip

_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is given out. Loopback, private, link-local, multicast, mapped IPv4 and NAT64 lie outside."""

_REFUSED_6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


class FetchRefused(Exception):
    """The URL was not fetched, or its answer cannot be used. The text says why, for the owner of the URL."""


class Fetched(Struct, frozen=True):
    """An answer of 200. Header names are in lower case, with their last values."""

    body: bytes
    headers: Mapping[str, str]


class Way(Struct, frozen=True):
    """How names become addresses, addresses connections, and whose certificates count."""

    resolve: Callable[[str], Sequence[str]]
    """All addresses of a name, as text. Raises `OSError`."""
    connect: Callable[[str, float], socket.socket]
    """A connection to port 443 of an address, made within so many seconds. Raises `OSError`."""
    trust: Callable[[], ssl.SSLContext]


def checked_url(url: str) -> str:
    """The host that the URL would be fetched from. Raises `FetchRefused`."""
    return _parts(url)[0]


def fetch(url: str, *, most: int, seconds: float, way: Way | None = None) -> Fetched:
    """The content of the URL: at most `most` bytes, within `seconds` for all of it, name and handshake included.

    `way` is the internet's if left out. Raises `FetchRefused`.
    """
    host, target = _parts(url)
    way = way or TRUSTED.get(host, INTERNET)
    end = time.monotonic() + seconds
    addresses = _public(_resolved(way, host, end))
    try:
        with _connected(way, host, addresses, end) as connection:
            return _answer(connection, host, target, most=most, end=end)
    except TimeoutError as late:
        raise FetchRefused(f"{host} did not answer within {seconds:g} seconds") from late
    except ssl.SSLCertVerificationError as wrong:
        raise FetchRefused(f"the certificate of {host} does not hold: {wrong.verify_message}") from wrong
    except (OSError, HTTPException) as broken:
        raise FetchRefused(f"{host} did not answer properly: {type(broken).__name__}") from broken


def is_public(address: str) -> bool:
    """Whether an address is of the open internet, written as whatever it may be."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not any(ip in network for network in _REFUSED_4)
    return ip.scope_id is None and ip in _GLOBAL_6 and not any(ip in network for network in _REFUSED_6)


def _parts(url: str) -> tuple[str, str]:
    """Host and target."""
    if len(url) > LONGEST_URL:
        raise FetchRefused(f"a URL may have {LONGEST_URL} characters")
    found = _URL.fullmatch(url)
    if found is None or not _NAME.fullmatch(found["host"]):
        raise FetchRefused(
            "only the https URL of a public host is fetched: its name in lower case, the rest percent-encoded, without"
            " user, other port or fragment"
        )
    target = found["target"]
    return found["host"], target if target.startswith("/") else f"/{target}"


def _public(addresses: Sequence[str]) -> Sequence[str]:
    """One address that is not public refuses all: who mixes them in tries where we get."""
    if not addresses:
        raise FetchRefused("the host has no address")
    if not all(map(is_public, addresses)):
        raise FetchRefused("the host has an address that is not of the open internet")
    return addresses[:MOST_ATTEMPTS]


def _resolved(way: Way, host: str, end: float) -> Sequence[str]:
    """The name's addresses. The system's resolver takes no timeout, so it is waited for from outside."""
    answers: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(way.resolve(host))
        except OSError as unknown:
            answers.put(unknown)

    threading.Thread(target=ask, name="resolving", daemon=True).start()
    try:
        answer = answers.get(timeout=_left(end))
    except (Empty, TimeoutError) as late:
        raise FetchRefused(f"the name {host} was not resolved in time") from late
    if isinstance(answer, OSError):
        raise FetchRefused(f"the name {host} does not resolve") from answer
    return answer


def _connected(way: Way, host: str, addresses: Sequence[str], end: float) -> ssl.SSLSocket:
    """A connection to the first address that takes one. Only that: what fails after it is not tried elsewhere."""
    for number, address in enumerate(addresses[:-1]):
        try:
            plain = way.connect(address, _left(end) / (len(addresses) - number))
        except OSError:
            continue
        return _encrypted(way, plain, host, end)
    return _encrypted(way, way.connect(addresses[-1], _left(end)), host, end)


def _encrypted(way: Way, plain: socket.socket, host: str, end: float) -> ssl.SSLSocket:
    try:
        plain.settimeout(_left(end))
        return way.trust().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _answer(connection: ssl.SSLSocket, host: str, target: str, *, most: int, end: float) -> Fetched:
    connection.settimeout(_left(end))
    connection.sendall(_request(host, target))
    reader: Any = _Opened(_Timed(connection, end=end, most=most + HEAD_BYTES))
    response = HTTPResponse(reader, method="GET")
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    if response.status != 200:
        raise FetchRefused(f"{host} answered {response.status}, and only 200 counts: redirects are not followed")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchRefused(f"{host} sent a packed answer, which was not asked for")
    body = response.read(most + 1)
    if len(body) > most:
        raise FetchRefused(f"{host} sent more than {most} bytes")
    if response.length:
        raise FetchRefused(f"{host} sent less than it said")
    return Fetched(body, headers)


def _request(host: str, target: str) -> bytes:
    lines = (
        f"GET {target} HTTP/1.1", f"Host: {host}", "Accept: application/json", "Accept-Encoding: identity",
        "User-Agent: scrywatch", "Connection: close", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode("ascii")


def _left(end: float) -> float:
    """Seconds until the end. Raises `TimeoutError` where none are: a timeout of 0 would mean not to wait at all."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed(io.RawIOBase):
    """What comes over a connection until the end, and no more bytes than `most`, however slowly they drip."""

    def __init__(self, connection: ssl.SSLSocket, *, end: float, most: int) -> None:
        self._connection = connection
        self._end = end
        self._room = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._end))
        count = self._connection.recv_into(buffer, min(len(buffer), self._room + 1))
        self._room -= count
        if self._room < 0:
            raise FetchRefused("the answer is too long")
        return count


class _Opened:
    """As much of a socket as a response wants: something that gives it a file."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self._raw)


def _resolve(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _connect(address: str, seconds: float) -> socket.socket:
    return socket.create_connection((address, PORT), timeout=seconds)


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


INTERNET: Final = Way(_resolve, _connect, _trust)

TRUSTED: Final[dict[str, Way]] = {}
"""Ways to single hosts that are not the internet's. Nothing that ships puts one here: `infra` does, and tests do."""

"""Headers and cookies as nobody sends them, on every route: no fault, nothing given back, and our own headers."""

import json
import socket
from collections.abc import Iterator

import pytest

from app import app
from chalicelib.web.cookies import DEVICE, PRE, SESSION, THEME
from chalicelib.web.declaration import Declaration
from chalicelib.web.headers import SECURITY_HEADERS
from infra.gateway import Gateway, serving
from infra.openapi import COMMITTED
from tests.api.client import Client, Response
from tests.long_form import FULL
from tests.permissions.cast import NOBODY, Somebody, Tenant, forget_limits, holder, signed_in
from tests.permissions.routes import ROUTES, path, title
from tests.permissions.stage import acme
from tests.permissions.test_headers import missing

__all__ = ["acme"]

MARK = "attack-mark"
"""In every odd value: by it what comes back is known."""

ODD = {
    "long": MARK * 800,
    "of another script": f"{MARK} Ünï-☃-\u202e-ﬀ",
    "of control characters": f"{MARK}\x00\x01\x1b[31m\x7f\x85",
    "of two lines": f"{MARK}\r\nSet-Cookie: planted=1\r\n\r\n<script>alert(1)</script>",
    "of markup": f"<b>{MARK}</b>\"'><script>alert(1)</script>",
    "of half a character": f"{MARK}\ud800",
    "of separators": f';,="{MARK}";;,,==\\"',
    "of a template": f"{MARK}${{7*7}}{{{{7*7}}}}%(s)s%n%s{{0.__class__}}",
}
HEADERS = (
    "Accept Accept-Encoding Accept-Language Content-Encoding Forwarded Host Idempotency-Key If-Match If-None- "
    "Match Last-Event-ID Mcp-Method Mcp-Name Mcp-Protocol-Version Mcp-Session-Id Prefer Range Referer Traceparent "
    "User-Agent Via X-Amzn-Trace-Id X-Forwarded-Host X-Forwarded-For X-Forwarded-Proto X-HTTP-Method-Override "
    "X-Original-URL X-Request-Id X-Rewrite-URL"
).split()
"""Those that may be odd while somebody is let in all the same: what is read here, and what others read."""

AT_THE_DOOR = ("Authorization", "Content-Type", "Cookie", "Origin", "Sec-Fetch-Site", "X-CSRF-Token")
COOKIES = (SESSION, PRE, DEVICE, THEME, "__Host-else", "")

DECLARED = {
    f"{method.upper()} {where}": {int(status) for status in operation["responses"]}
    for where, methods in json.loads(COMMITTED.read_bytes())["paths"].items()
    for method, operation in methods.items()
}


def some_routes(kind: str) -> list[Declaration]:
    """All of them; in the short form each route meets one kind of each test, and the next one another."""
    return ROUTES if FULL else ROUTES[list(ODD).index(kind) :: len(ODD)]


def wrong(answer: Response, where: str) -> list[str]:
    """What is the matter with an answer to an odd request."""
    found = missing(answer)
    if answer.status >= 500 or answer.status not in DECLARED.get(where, {answer.status}):
        found.append(f"status {answer.status}")
    told = [each for values in answer.headers.values() for each in ([values] if isinstance(values, str) else values)]
    if any(MARK in each or "planted" in each or "\r" in each or "\n" in each for each in told):
        found.append("a header that was sent")
    if answer.headers.get("Content-Type", "").startswith("text/html") and b"<script>alert" in answer.body:
        found.append("markup that was sent")
    return found


def asked(who: Somebody, route: Declaration, acme: Tenant, headers: list[tuple[str, str]]) -> list[str]:
    """What is wrong with the answer to somebody who also, or instead, sends these headers."""
    body = b"{}" if route.method in ("POST", "PUT", "PATCH") else b""
    own = {**who.headers, **who._proof(route.method), "Content-Type": "application/json"}
    given = [(name, value) for name, value in own.items() if name not in {each for each, _ in headers}]
    answer = Client().send(route.method, path(route, acme), body=body, headers=[*given, *headers])
    return wrong(answer, title(route))


@pytest.mark.requirement("S35", "I9", "W6", "V1.2.1", "V1.3.7", "V1.3.10", "V3.2.1")
@pytest.mark.parametrize("kind", ODD)
def test_no_odd_header_makes_a_fault_or_comes_back(kind: str, acme: Tenant) -> None:
    key = holder("key", acme.query_key)
    headers = [(name, ODD[kind]) for name in HEADERS]
    found = {}
    for number, route in enumerate(some_routes(kind)):
        forget_limits()
        who = signed_in("owner", acme.owner) if number % 2 else key
        if complaints := asked(who, route, acme, headers):
            found[title(route)] = complaints
    assert found == {}


@pytest.mark.requirement("S35", "S18", "W6")
@pytest.mark.parametrize("kind", ODD)
def test_nor_does_an_odd_credential_or_cookie(kind: str, acme: Tenant) -> None:
    odd = ODD[kind]
    sets = [
        [(name, odd) for name in AT_THE_DOOR],
        [("Authorization", f"Bearer {odd}")],
        [("Cookie", "; ".join(f"{name}={odd}" for name in COOKIES)), ("Origin", odd)],
        [("X-CSRF-Token", odd), ("Content-Type", odd)],
    ]
    found = {}
    for number, route in enumerate(some_routes(kind)):
        forget_limits()
        owner = signed_in("owner", acme.owner)  # anew: a route may end what they had
        if complaints := asked(owner, route, acme, sets[number % len(sets)]):
            found[title(route), number % len(sets)] = complaints
    assert found == {}


@pytest.mark.requirement("S35", "W6", "V4.2.1", "V15.3.7")
def test_nor_does_any_header_that_comes_twice(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    twice = [(name, value) for name in (*HEADERS, *AT_THE_DOOR) for value in ("one", "two")]
    cookies = [("Cookie", f"{SESSION}={owner.binding}; {SESSION}={owner.binding}")]
    two = [("Cookie", owner.headers["Cookie"]), ("Cookie", owner.headers["Cookie"])]
    found = {}
    for number, route in enumerate(ROUTES):
        forget_limits()
        headers = (twice, cookies, two)[number % 3]
        if complaints := asked(NOBODY, route, acme, headers):
            found[title(route), headers[0][0]] = complaints
    assert found == {}


GET = b"GET /healthz HTTP/1.1\r\nHost: here\r\n"
POST = b"POST /api/ingest HTTP/1.1\r\nHost: here\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MALFORMED = {
    "no colon": GET + b"nonsense\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost : here\r\n\r\n",
    "a folded line": GET + b"X-A: 1\r\n 2\r\n\r\n",
    "a zero byte": GET + b"X-A: a\x00b\r\n\r\n",
    "a bare carriage return": GET + b"X-A: a\rSet-Cookie: planted=1\r\n\r\n",
    "bytes of no script": GET + b"X-A: \xff\xfe\xc0\r\n\r\n",
    "an empty name": GET + b": a\r\n\r\n",
    "very many headers": GET + b"X-A: 1\r\n" * 5_000 + b"\r\n",
    "a very long header": GET + b"X-A: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a very long name": GET + b"X" * 70_000 + b": a\r\n\r\n",
    "a very long path": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: there\r\n\r\n",
    "another version": b"GET /healthz HTTP/9.9\r\nHost: here\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "no method": b" /healthz HTTP/1.1\r\nHost: here\r\n\r\n",
    "a method of markup": b"<b> /healthz HTTP/1.1\r\nHost: here\r\n\r\n",
    "a whole address": b"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: here\r\n\r\n",
    "an authority": b"CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: here\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n",
    "a path that goes up": b"GET /static/../../etc/passwd HTTP/1.1\r\nHost: here\r\n\r\n",
    "an encoded path that goes up": b"GET /static/%2e%2e%2f%2e%2e/%2fetc%2fpasswd HTTP/1.1\r\nHost: here\r\n\r\n",
    "a broken escape": b"GET /static/%zz/%2 HTTP/1.1\r\nHost: here\r\n\r\n",
    "an encoded zero": b"GET /static/%00/%00 HTTP/1.1\r\nHost: here\r\n\r\n",
    "an escape of no script": b"GET /orgs/%ff%fe?q=%ff%c0 HTTP/1.1\r\nHost: here\r\n\r\n",
    "a line break in the query": b"GET /sign-in?next=%0d%0aSet-Cookie:%20planted=1 HTTP/1.1\r\nHost: here\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "a length of letters": POST + b"Content-Length: two\r\n\r\n{}",
    "an endless length": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}",
    "a length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown transfer": POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "a chunk of letters": CHUNKED + b"zz\r\n{}\r\n",
    "an endless chunk": CHUNKED + b"f" * 20 + b"\r\n{}",
    "a protocol to change to": GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
}  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a gateway without a store: none of these may come that far."""
    with serving(Gateway(app, stage="api", headers=SECURITY_HEADERS), header_seconds=1) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.requirement("V4.2.1", "S35")
@pytest.mark.parametrize("kind", MALFORMED)
def test_what_is_no_request_is_refused_without_a_fault(port: int, kind: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        said = exchange(connection, MALFORMED[kind])
    head = said.partition(b"\r\n\r\n")[0]
    assert not head.startswith(b"HTTP/1.1 5")
    assert b"planted" not in head
    assert b"root:" not in said
    assert said.count(b"HTTP/1.1 ") <= 1 + said.startswith(b"HTTP/1.1 100 "), "one request, one answer"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        assert exchange(connection, GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def exchange(connection: socket.socket, sent: bytes) -> bytes:
    """What is answered until the other side ends the connection, politely or not."""
    heard = b""
    try:
        connection.sendall(sent)
        while part := connection.recv(65_536):
            heard += part
    except (BrokenPipeError, ConnectionResetError):
        return heard
    return heard

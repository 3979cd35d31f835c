"""Clients that take their time: the gateway waits so long and no longer, and others are served meanwhile."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from app import app
from chalicelib.web.headers import SECURITY_HEADERS
from infra.gateway import BODY_SECONDS, HEADER_SECONDS, Gateway, serving

MANY = 300
"""More connections than there are threads to serve them."""

HEAD = b"POST /api/ingest HTTP/1.1\r\nHost: here\r\n"


@pytest.fixture(scope="module")
def patient() -> Iterator[int]:
    """The port of a gateway that waits as long as it does."""
    with serving(Gateway(app, stage="api", headers=SECURITY_HEADERS)) as url:
        yield int(url.rpartition(":")[2])


@pytest.fixture(scope="module")
def impatient() -> Iterator[int]:
    """The port of a gateway that waits for a moment only, so that nobody has to wait for it."""
    gateway = Gateway(app, stage="api", headers=SECURITY_HEADERS, body_seconds=0.2)
    with serving(gateway, header_seconds=0.2) as url:
        yield int(url.rpartition(":")[2])


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def said(connection: socket.socket) -> bytes:
    """Everything until the other side ends the connection, whether politely or not."""
    heard = b""
    try:
        while part := connection.recv(65_536):
            heard += part
    except ConnectionResetError:
        return heard
    return heard


def is_served(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status == 200


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: here\r\nX-Slow: ",
        HEAD + b"Content-Length: 1000\r\n\r\n{",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
    ids=["nothing", "half of the headers", "a body that does not go on", "a chunk that does not go on"],
)
def test_many_that_begin_and_do_not_go_on_keep_nobody_else_out(patient: int, begun: bytes) -> None:
    with ExitStack() as held:
        for _ in range(MANY):
            held.enter_context(connected(patient)).sendall(begun)
        assert is_served(patient)


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(
    "begun", [b"", b"P", HEAD, b"PRI * HTTP/2.0\r\n\r\n"], ids=["nothing", "a letter", "headers", "another protocol"]
)
def test_who_begins_no_request_or_half_of_one_is_cut_off(impatient: int, begun: bytes) -> None:
    with connected(impatient) as slow:
        slow.sendall(begun)
        assert not said(slow).startswith(b"HTTP/1.1 2")
    assert is_served(impatient)


@pytest.mark.requirement("I9")
def test_who_stays_after_an_answer_and_asks_nothing_more_is_cut_off(impatient: int) -> None:
    with connected(impatient) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert said(slow).startswith(b"HTTP/1.1 200 ")


@pytest.mark.requirement("I9", "S35")
@pytest.mark.parametrize(
    "begun",
    [HEAD + b"Content-Length: 1000\r\n\r\n{", HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"],
    ids=["with a length", "in chunks"],
)
def test_who_does_not_finish_the_body_is_told_so_and_cut_off(impatient: int, begun: bytes) -> None:
    with connected(impatient) as slow:
        slow.sendall(begun)
        answer = said(slow)
    assert answer.startswith(b"HTTP/1.1 408 ")
    for name, value in SECURITY_HEADERS.items():
        assert f"{name}: {value}".lower().encode() in answer.lower()
    assert is_served(impatient)


@pytest.mark.requirement("I9")
def test_a_body_that_trickles_ends_as_one_that_stands_still(impatient: int) -> None:
    """The time is for the whole body: a byte now and then buys none."""
    with connected(impatient) as slow:
        slow.sendall(HEAD + b"Content-Length: 9000000\r\n\r\n")
        assert trickled(slow) < 9_000_000
    assert is_served(impatient)


@pytest.mark.requirement("I9")
def test_it_waits_a_little_for_headers_and_about_as_long_for_a_body_as_a_function_may_take() -> None:
    assert (HEADER_SECONDS, BODY_SECONDS) == (10, 30)


def trickled(connection: socket.socket) -> int:
    """Sends byte after byte until the other side does not want any more."""
    sent = 0
    try:
        while True:
            connection.sendall(b" ")
            sent += 1
    except OSError:
        return sent

"""Where a message ends is said once: whoever says it twice, or in words that two could read differently, is refused."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from chalice import Chalice

from infra.gateway import Gateway, serving

served = Chalice("messages")


@served.route("/size", methods=["POST"], content_types=["*/*"])
def size() -> dict[str, int]:
    return {"size": len(served.current_request.raw_body)}


@served.route("/other", methods=["GET"])
def other() -> dict[str, str]:
    return {"other": "reached"}


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with serving(Gateway(served, stage="dev", headers={})) as url:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


def said(address: tuple[str, int], message: bytes) -> bytes:
    """Everything that comes back until the server closes."""
    with socket.create_connection(address, timeout=2) as connection:
        connection.sendall(message)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


SMUGGLED = b"GET /other HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + SMUGGLED


@pytest.mark.requirement("V4.2.1")
@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 4\r\nContent-Length: 60\r\n",
        b"Content-Length: 4, 60\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: 0x4\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length : 4\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\nContent-Length: 60\r\n",
    ],
)
def test_a_length_that_can_be_read_in_two_ways_is_refused(address: tuple[str, int], lengths: bytes) -> None:
    answer = said(address, b"POST /size HTTP/1.1\r\nHost: a\r\n" + lengths + b"\r\n" + CHUNKED)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.requirement("V4.2.1")
@pytest.mark.parametrize("length", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_what_follows_a_message_of_one_length_is_the_next_message(address: tuple[str, int], length: bytes) -> None:
    answer = said(address, b"POST /size HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n\r\n" + CHUNKED)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b"reached" in answer


@pytest.mark.requirement("V4.2.1")
def test_beside_chunks_a_length_counts_for_nothing(address: tuple[str, int]) -> None:
    """RFC 9112, section 6.3: what follows the last chunk is the next message, and never a part of the body."""
    head = b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n"
    answer = said(address, head + b"3\r\n[1]\r\n0\r\n\r\n" + SMUGGLED)
    assert b'{"size":3}' in answer
    assert answer.count(b"HTTP/1.1 ") == 1, "and the connection ends with it"


@pytest.mark.requirement("V4.2.1")
@pytest.mark.parametrize(
    "chunks", [b"3;\n\r\n[1]\r\n0\r\n\r\n", b"-1\r\n", b"0x3\r\n[1]\r\n0\r\n\r\n", b"3\n[1]\n0\n\n"]
)
def test_a_chunk_whose_size_is_none_ends_the_connection(address: tuple[str, int], chunks: bytes) -> None:
    head = b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b'{"size"' not in said(address, head + chunks + SMUGGLED)

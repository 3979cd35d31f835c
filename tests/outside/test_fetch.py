"""What a stranger's URL may make us do: ask one public host, once, for a little, and not for long."""

import gzip
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from chalicelib.outside import fetch
from chalicelib.outside.fetch import FetchRefused, Way, checked_url, is_public
from tests.outside.tls_server import HOST, PUBLIC, Server, saying, serving, trusting

URL = f"https://{HOST}/client.json"
ENOUGH = 5.0
"""Seconds, for what is answered at once."""

pytestmark = pytest.mark.requirement("O21")


def fetched(way: Way, *, most: int = 100, seconds: float = ENOUGH) -> bytes:
    return fetch.fetch(URL, most=most, seconds=seconds, way=way).body


def refused(way: Way, match: str, *, most: int = 100, seconds: float = ENOUGH) -> None:
    with pytest.raises(FetchRefused, match=match):
        fetched(way, most=most, seconds=seconds)


def test_it_asks_for_the_path_by_the_hosts_name_and_for_nothing_packed() -> None:
    with serving(saying(b"{}", "Cache-Control: max-age=60")) as server:
        answer = fetch.fetch(f"{URL}?v=1", most=100, seconds=ENOUGH, way=server.way())
    assert answer.body == b"{}"
    assert answer.headers["cache-control"] == "max-age=60"
    [request] = server.requests
    assert request.startswith(b"GET /client.json?v=1 HTTP/1.1\r\nHost: client.example\r\n")
    assert b"\r\nAccept-Encoding: identity\r\n" in request
    assert b"Cookie" not in request
    assert b"Authorization" not in request


@pytest.mark.requirement("V1.3.6")
def test_the_name_is_resolved_once_and_that_address_is_connected_to() -> None:
    """DNS rebinding: a second question would get an address inside our network."""
    with serving(saying(b"{}")) as server:
        assert fetched(server.way([PUBLIC], ["169.254.169.254"])) == b"{}"
    assert (server.resolved, server.connected) == ([HOST], [PUBLIC])


REFUSED = """
    0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.1.2.3 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1
    192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::ffff:10.0.0.1 ::ffff:93.184.216.34 ::93.184.216.34 64:ff9b::10.0.0.1 64:ff9b::93.184.216.34 64:ff9b:1::1
    100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 2002:a00:1:: 2002:5db8:d822::
    3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2606:4700::1111%eth0
""".split()


@pytest.mark.requirement("V1.3.6")
@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_not_connected_to(address: str) -> None:
    with serving(saying(b"{}")) as server:
        refused(server.way([address]), "not of the open internet")
        refused(server.way([PUBLIC, address]), "not of the open internet")
        refused(server.way([address, PUBLIC]), "not of the open internet")
    assert server.connected == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("text", ["", "x", "0x7f.1", "2130706433", "127.1", "0177.0.0.1"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


def test_a_host_without_an_address_is_refused() -> None:
    def unknown(_: str) -> Sequence[str]:
        raise socket.gaierror

    refused(Way(lambda _: [], fetch.INTERNET.connect, trusting), "has no address")
    refused(Way(unknown, fetch.INTERNET.connect, trusting), "does not resolve")


BAD_URLS = {
    "plain": "http://client.example/c",
    "upper case scheme": "HTTPS://client.example/c",
    "upper case host": "https://Client.example/c",
    "user": "https://user@client.example/c",
    "user and word": "https://user:word@client.example/c",
    "another port": "https://client.example:8443/c",
    "port 22": "https://client.example:22/c",
    "two ports": "https://client.example:443:443/c",
    "empty port": "https://client.example:/c",
    "fragment": "https://client.example/c#f",
    "empty fragment": "https://client.example/c#",
    "IPv4": "https://93.184.216.34/c",
    "IPv4 as a number": "https://1572395042/c",
    "IPv4 in hex": "https://0x5d.0xb8.0xd8.0x22/c",
    "IPv6": "https://[2606:4700::1111]/c",
    "broken bracket": "https://[/c",
    "localhost": "https://localhost/c",
    "trailing dot": "https://client.example./c",
    "two dots": "https://client..example/c",
    "empty host": "https:///c",
    "backslash": "https://client.example\\@evil.example/c",
    "space": "https://client.example/a b",
    "line break": "https://client.example/a\r\nX: 1",
    "tab in the host": "https://client\t.example/c",
    "not ASCII": "https://cl\u0456ent.example/c",
    "not ASCII path": "https://client.example/\u00fc",
    "full width dot": "https://client\uff0eexample/c",
    "long label": f"https://{'a' * 64}.example/c",
    "long": f"https://client.example/{'a' * 1024}",
    "underscore": "https://cli_ent.example/c",
}


@pytest.mark.requirement("V1.3.6")
@pytest.mark.parametrize("name", BAD_URLS)
def test_a_url_that_is_not_plainly_of_a_public_host_is_refused_before_anything_is_asked(name: str) -> None:
    asked: list[str] = []
    way = Way(lambda host: asked.append(host) or [PUBLIC], fetch.INTERNET.connect, trusting)
    with pytest.raises(FetchRefused):
        fetch.fetch(BAD_URLS[name], most=1, seconds=ENOUGH, way=way)
    assert asked == []


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://client.example", b"/"),
        ("https://client.example:443/a/b?c=d&e", b"/a/b?c=d&e"),
        ("https://client.example?x=https://evil.example/", b"/?x=https://evil.example/"),
        ("https://client.example/@evil.example:22/", b"/@evil.example:22/"),
    ],
)
def test_a_url_is_taken_apart_in_one_way(url: str, target: bytes) -> None:
    assert checked_url(url) == HOST
    with serving(saying(b"{}")) as server:
        fetch.fetch(url, most=10, seconds=ENOUGH, way=server.way())
    assert server.requests[0].startswith(b"GET " + target + b" HTTP/1.1\r\nHost: client.example\r\n")


@pytest.mark.requirement("V15.3.2")
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_redirects_are_not_followed(status: str) -> None:
    with serving(saying(b"", f"Location: {URL}2", status=status)) as server:
        refused(server.way(), "redirects are not followed")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "status", ["201 Created", "204 No Content", "206 Partial", "304 Not Modified", "404 x", "500 x"]
)
def test_only_200_counts(status: str) -> None:
    with serving(saying(b"{}", status=status)) as server:
        refused(server.way(), f"answered {status[:3]}")


def test_an_answer_may_be_as_long_as_was_said_and_no_longer() -> None:
    with serving(saying(b"x" * 100)) as server:
        assert len(fetched(server.way(), most=100)) == 100
        refused(server.way(), "more than 99 bytes", most=99)


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "],
    ids=["body", "chunks", "header"],
)
def test_what_never_ends_is_not_read_to_its_end(head: bytes) -> None:
    sent = 0

    def speak(connection: ssl.SSLSocket, _: bytes) -> None:
        nonlocal sent
        connection.sendall(head)
        while sent < 100_000_000:
            connection.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            sent += 4096

    with serving(speak) as server:
        refused(server.way(), "too long|more than|properly")
    assert sent < 50_000_000


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_what_drips_is_cut_off_when_the_time_is_up(head: bytes) -> None:
    """Each byte comes well in time, and the whole would take minutes."""
    gone = threading.Event()

    def speak(connection: ssl.SSLSocket, _: bytes) -> None:
        connection.sendall(head)
        while not gone.wait(0.05):
            connection.sendall(b"x")

    with serving(speak) as server:
        refused(server.way(), "within 0.4 seconds", seconds=0.4)
        gone.set()


def test_who_takes_the_connection_and_says_nothing_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Server(silent.getsockname()[1])
        refused(server.way(), "within 0.3 seconds", seconds=0.3)


def test_a_resolver_that_does_not_answer_is_left_in_time() -> None:
    answered = threading.Event()

    def slow(_: str) -> Sequence[str]:
        answered.wait(10)
        return [PUBLIC]

    refused(Way(slow, fetch.INTERNET.connect, trusting), "not resolved in time", seconds=0.2)
    answered.set()


def test_no_time_is_no_fetch() -> None:
    with serving(saying(b"{}")) as server:
        refused(server.way(), "in time", seconds=-1)
    assert server.connected == []


def test_a_packed_answer_is_refused_and_never_unpacked() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    with serving(saying(bomb, "Content-Encoding: gzip")) as server:
        refused(server.way(), "packed", most=1_000_000)


def test_an_answer_that_ends_early_is_refused() -> None:
    def speak(connection: ssl.SSLSocket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}")

    with serving(speak) as server:
        refused(server.way(), "less than it said")


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 50])
def test_what_is_no_answer_is_refused(said: bytes) -> None:
    with serving(lambda connection, _: connection.sendall(said)) as server:
        refused(server.way(), "did not answer properly")


@pytest.mark.requirement("V12.3.2")
def test_a_certificate_of_another_name_is_refused_before_anything_is_said() -> None:
    with serving(saying(b"{}"), host="other.example") as server:
        refused(server.way(), "certificate of client.example does not hold")
    assert server.requests == []


@pytest.mark.requirement("V12.3.2")
def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with serving(saying(b"{}")) as server:
        refused(server.way(trust=fetch.INTERNET.trust), "certificate of client.example does not hold")
    assert server.requests == []


def test_an_address_without_a_route_leads_on_to_the_next() -> None:
    with serving(saying(b"{}")) as server:
        working = server.way()

        def connect(address: str, seconds: float) -> socket.socket:
            if ":" in address:
                raise OSError
            return working.connect(address, seconds)

        way = Way(lambda _: ["2606:4700::1111", PUBLIC], connect, trusting)
        assert fetched(way) == b"{}"
        refused(Way(lambda _: ["2606:4700::1111"], connect, trusting), "did not answer properly")


def test_no_more_addresses_are_tried_than_a_few() -> None:
    tried: list[str] = []

    def connect(address: str, _: float) -> socket.socket:
        tried.append(address)
        raise OSError

    refused(Way(lambda _: [PUBLIC] * 50, connect, trusting), "properly")
    assert len(tried) == fetch.MOST_ATTEMPTS


def test_proxies_that_the_environment_names_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(saying(b"{}")) as server:
        assert fetched(server.way()) == b"{}"


@pytest.mark.requirement("V12.3.2")
def test_the_internet_is_checked_with_the_systems_authorities_and_names() -> None:
    context = fetch.INTERNET.trust()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_another_way_to_a_host_is_installed_by_nothing_that_ships() -> None:
    """`TRUSTED` is for tests of the running product: what ships only looks into it, and it is empty."""
    assert fetch.TRUSTED == {}
    root = Path(fetch.__file__).parents[2]
    sources = [root / "app.py", *(root / "chalicelib").rglob("*.py")]
    lines = [line.strip() for path in sources for line in path.read_text().splitlines() if "TRUSTED" in line]
    assert sorted(lines) == [
        "TRUSTED: Final[dict[str, Way]] = {}",
        "way = way or TRUSTED.get(host, INTERNET)",
    ]


def test_a_way_to_one_host_is_no_way_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(saying(b"{}")) as server:
        monkeypatch.setitem(fetch.TRUSTED, HOST, server.way())
        assert fetch.fetch(URL, most=10, seconds=ENOUGH).body == b"{}"
    assert fetch.TRUSTED.get(f"www.{HOST}") is None

"""Bodies that are small on the wire and huge where they are read: refused, and for the price of a body (I9)."""

import gzip
import http.client
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from chalicelib.compression import zstd
from chalicelib.events.decode import MOST_EVENTS
from chalicelib.events.decode.coding import INFLATED_LIMIT
from infra.product import Product, product

MEGABYTE = 1024 * 1024
SIZE = 3 * INFLATED_LIMIT
DEEP = 500_000
MANY = 1_000_000


def unsized(content: bytes) -> bytes:
    """A zstd frame that does not say how large it becomes."""
    compressor = zstd.ZstdCompressor()
    return compressor.compress(content) + compressor.flush()


def within(event: bytes) -> bytes:
    return b'{"events":[' + event + b"]}"


COMPRESSED: Mapping[str, tuple[Callable[[], bytes], int]] = {
    "gzip of zeros": (lambda: gzip.compress(bytes(SIZE)), 413),
    "zlib of zeros": (lambda: zlib.compress(bytes(SIZE)), 413),
    "zstd of zeros that says so": (lambda: zstd.compress(bytes(SIZE)), 413),
    "zstd of zeros that does not say so": (lambda: unsized(bytes(SIZE)), 413),
    "gzip within gzip": (lambda: gzip.compress(gzip.compress(bytes(SIZE))), 400),
    "zstd within zstd": (lambda: zstd.compress(zstd.compress(bytes(SIZE))), 400),
    "gzip in very many parts": (lambda: gzip.compress(bytes(MEGABYTE)) * 1_000, 413),
    "gzip in very many empty parts": (lambda: gzip.compress(b"") * 100_000, 400),
    "zstd in very many empty parts": (lambda: zstd.compress(b"") * 100_000, 400),
    "zstd that wants a huge window": (lambda: b"\x28\xb5\x2f\xfd\x00\xff" + bytes(64), 400),
}
PLAIN: Mapping[str, tuple[Callable[[], bytes], int]] = {
    "brackets that never close": (lambda: b"[" * DEEP, 400),
    "an event of brackets": (lambda: within(b'{"metadata":' + b"[" * DEEP + b"]" * DEEP + b"}"), 400),
    "an event of objects": (lambda: within(b'{"metadata":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}"), 400),
    "a number of very many digits": (lambda: within(b'{"timestamp":' + b"9" * 250_000 + b"}"), 400),
    "an exponent of very many digits": (lambda: within(b'{"timestamp":1e' + b"9" * 250_000 + b"}"), 400),
    "very many names": (lambda: within(b"{" + b",".join(b'"%x":0' % n for n in range(300_000)) + b"}"), 400),
    "very many empty events": (lambda: within(b",".join([b"{}"] * MANY)), 413),
    "very many numbers": (lambda: b"[" + b",".join([b"1"] * MANY) + b"]", 413),
    "very many lines": (lambda: b"{}\n" * MANY, 413),
    "very many batches in one": (lambda: b"{" + b",".join([b'"events":[{}]'] * 200_000) + b"}", 413),
    "very many events, the first broken": (lambda: within(b"{,}" + b",{}" * MANY), 413),
    "as many bad events as are read": (lambda: b"[" + b",".join([b"1"] * MOST_EVENTS) + b"]", 400),
}


def zipped(make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: zstd.compress(make())


BOMBS = {
    **COMPRESSED, **PLAIN, **{f"{name}, in zstd": (zipped(make), status) for name, (make, status) in PLAIN.items()},
}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product() as served:
        yield served


def sent(running: Product, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=60)
    headers = {"Authorization": f"Bearer {running.account['ingest_key']}", "Content-Type": "application/json"}
    connection.request("POST", "/api/ingest", body, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def peak(process: int) -> int:
    """The most memory that a process ever had, in bytes."""
    [line] = [each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.mark.requirement("I9", "W2", "V15.2.2")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_and_the_next_request_is_served(running: Product, name: str) -> None:
    make, status = BOMBS[name]
    answered, content = sent(running, make())
    assert answered == status, content[:500]
    assert sent(running, b'{"message":"after the bomb"}')[0] == 202


@pytest.mark.requirement("I9")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process had at most is asked of Linux")
@pytest.mark.parametrize("kind", ["compressed", "plain"])
def test_bombs_cost_no_more_memory_than_a_few_bodies_that_may_be_sent(running: Product, kind: str) -> None:
    """What is inflated ends at a limit, and events are counted before they are made."""
    bombs = COMPRESSED if kind == "compressed" else {name: (zipped(make), 0) for name, (make, _) in PLAIN.items()}
    before = peak(running.process)
    for make, _ in bombs.values():
        sent(running, make())
    assert peak(running.process) - before < 4 * INFLATED_LIMIT

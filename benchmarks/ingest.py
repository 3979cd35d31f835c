"""CPU of a request through the whole handler, from the gateway's event to its answer, and where in it the time goes.

    request ── door: Chalice, key, project ── decode ── pack ── client: sign, send, read DynamoDB's answers ── rest

DynamoDB is another process, and its time is not in any figure.
"""

import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from statistics import median
from types import ModuleType
from typing import Any, Final

import msgspec

from benchmarks import corpus
from benchmarks.figures import Beside, Figure, Goal
from benchmarks.laboratory import Laboratory, cpu_seconds, laboratory
from benchmarks.run import Run
from chalicelib.events.event import Event
from infra.gateway import Context
from infra.proxy import Match, Request, event

MOST_TIMES_THE_FLOOR: Final = 14
LARGE: Final = 500
"""The batch size that this is promised for."""
CLIENT: Final = "the DynamoDB client"
PATH: Final = "/api/ingest"


class Floor(msgspec.Struct):
    """What no handler can be faster than: the body as typed records."""

    events: list[Event]


def measure(run: Run) -> Iterator[Figure]:
    with laboratory() as project:
        project.train(run.training, now_ms=_now_ms())
        for size, requests in sorted(run.scale.handled.items(), reverse=True):
            yield from _figures(project, _bodies(size, requests), size)


def _figures(project: Laboratory, bodies: Sequence[bytes], size: int) -> Iterator[Figure]:
    handle = _handler(project)
    half = len(bodies) // 2
    handle(bodies[0])  # the first request pays for what a container does once
    floors, wholes = zip(
        *((cpu_seconds(partial(_FLOOR.decode, body)), handle(body)) for body in bodies[1:half]), strict=True
    )
    with project.charging() as charges:
        handle(bodies[half])
    with _stages() as stages:
        timed = sum(handle(body) for body in bodies[half + 1 :])
    whole = median(wholes)
    yield Figure(
        name=f"CPU of a request of {size}",
        value=whole * 1e6 / size,
        unit="µs an event",
        beside=(Beside("msgspec decodes the body", median(floors) * 1e6 / size),),
        goal=Goal("at most", MOST_TIMES_THE_FLOOR, of="ratio") if size == LARGE else None,
    )
    stages["the rest"] = timed - sum(stages.values())
    for stage, seconds in stages.items():
        goal = Goal("at least", 50) if (size, stage) == (1, CLIENT) else None
        yield Figure(name=f"  of it {stage}, N={size}", value=seconds / timed * 100, unit="%", goal=goal)
    yield Figure(name=f"write units of a request of {size}", value=charges.write_units, unit="units")
    yield Figure(name=f"read units of a request of {size}", value=charges.read_units, unit="units")


def _bodies(size: int, requests: int) -> list[bytes]:
    """Of the last minutes: the usual case, with nothing to mark and no receipt to keep."""
    rows = corpus.events(size * requests, seed=7, start_ms=_now_ms() - 15 * 60_000)
    return [corpus.ingest_body(islice(rows, size)) for _ in range(requests)]


def _handler(project: Laboratory) -> Callable[[bytes], float]:
    """Calls the app as the gateway does; gives the CPU seconds of it."""
    from app import app

    headers = (
        ("authorization", f"Bearer {project.ingest_key}"),
        ("content-type", "application/json"),
        ("host", "localhost"),
        ("user-agent", "benchmark"),
    )

    def handle(body: bytes) -> float:
        given = event(
            Request(method="POST", path=PATH, headers=headers, body=body),
            Match(PATH, {}),
            stage="bench",
            request_id="benchmark",
            now=time.time(),
            binary_types=app.api.binary_types,
        )
        context = Context("api", "benchmark", seconds=29)
        before = time.process_time()
        answer = app(given, context)
        seconds = time.process_time() - before
        assert answer["statusCode"] == 202, b64decode(answer["body"])
        return seconds

    return handle


@contextmanager
def _stages() -> Iterator[dict[str, float]]:
    """CPU seconds of the stages of every request meanwhile."""
    from chalicelib.events.store import append
    from chalicelib.routes import ingest
    from chalicelib.storage import dynamodb

    seconds = {"decoding": 0.0, "packing": 0.0, CLIENT: 0.0}
    with ExitStack() as stack:
        for module, function, stage in (
            (ingest, "decode", "decoding"),
            (append, "pack", "packing"),
            (dynamodb, "call", CLIENT),
        ):
            stack.enter_context(_clocked(module, function, seconds, stage))
        yield seconds


@contextmanager
def _clocked(module: ModuleType, name: str, seconds: dict[str, float], stage: str) -> Iterator[None]:
    function = getattr(module, name)

    def clocked(*given: Any, **named: Any) -> Any:
        before = time.thread_time()
        try:
            return function(*given, **named)
        finally:
            seconds[stage] += time.thread_time() - before

    setattr(module, name, clocked)
    try:
        yield
    finally:
        setattr(module, name, function)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


_FLOOR: Final = msgspec.json.Decoder(Floor)

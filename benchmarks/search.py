"""The newest 100 matches of a million: how long, and how much is read that need not be."""

import time
from collections.abc import Iterator
from heapq import nlargest
from statistics import median
from typing import Final

from benchmarks.figures import Beside, Figure, Goal
from benchmarks.laboratory import cpu_seconds, soon
from benchmarks.million import Million
from benchmarks.run import Run
from benchmarks.scan import MATCHING
from chalicelib.events.query import search
from chalicelib.events.query.answers import Page
from chalicelib.events.query.language import parse
from chalicelib.events.query.scan import Filter

LIMIT: Final = 100
CLOSE_TO_NEED: Final = 1.1


def measure(run: Run) -> Iterator[Figure]:
    million, repeats = run.million, run.scale.repeats * 2
    with million.project.charging() as charges:
        page = _search(million)
    needed = blocks_needed(million)
    seconds = [_seconds(million) for _ in range(repeats)]
    yield Figure(
        name=f"blocks scanned for the newest {LIMIT} matches",
        value=page.scanned.blocks,
        unit="blocks",
        beside=(Beside("that may hold one", needed), Beside("all blocks", len(million.blocks))),
        goal=Goal("at most", CLOSE_TO_NEED, of="ratio"),
    )
    yield Figure(
        name="  kilobytes read",
        value=charges.bytes_read / 1000,
        unit="kB",
        beside=(
            Beside("items of those blocks", needed * million.stored_bytes / len(million.blocks) / 1000),
            Beside("all that is stored", million.stored_bytes / 1000),
        ),
    )
    yield Figure(name="  requests to DynamoDB", value=charges.requests, unit="")
    yield Figure(name="  read units", value=charges.read_units, unit="units")
    yield Figure(name="  time by the clock", value=median(wall for wall, _ in seconds) * 1000, unit="ms")
    yield Figure(
        name="  CPU of this process",
        value=median(cpu for _, cpu in seconds) * 1000,
        unit="ms",
        beside=tuple(Beside(name, peer.newest * 1000 if peer else None) for name, peer in run.peers.items()),
    )


def blocks_needed(million: Million) -> int:
    """The blocks that end no earlier than the oldest of the newest matches: any of them might hold a newer one."""
    wanted = Filter(parse(MATCHING))
    opened = list(map(million.opened, million.blocks))
    times = (block.times[row] for block in opened for row in wanted.narrow(block).rows())
    oldest = min(nlargest(LIMIT, times), default=0)
    return sum(block.header.last >= oldest for block in opened)


def _search(million: Million) -> Page:
    return search.search(
        million.project.scope, parse(MATCHING), million.within, limit=LIMIT, now_ms=million.last_ms, deadline=soon()
    )


def _seconds(million: Million) -> tuple[float, float]:
    """Of the clock and of this process."""
    before = time.perf_counter()
    cpu = cpu_seconds(lambda: _search(million))
    return time.perf_counter() - before, cpu

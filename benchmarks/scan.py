"""From stored blocks in memory to an answer, on one core, beside a loop over NDJSON and two column stores."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import orjson

from benchmarks.figures import Beside, Figure, Goal
from benchmarks.laboratory import cpu_seconds
from benchmarks.million import BATCH, Million
from benchmarks.peers import Measured, Peers
from benchmarks.run import Run
from chalicelib.events.query.language import parse
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.timeline import MINUTE_MS, Timeline

MATCHING: Final = 'level:error "timed out"'
OF_ONE_SERVICE: Final = "service:gateway"


def measure(run: Run) -> Iterator[Figure]:
    million, peers = run.million, run.peers
    yield Figure(
        name=f"ingest CPU: decode, pack and put, N={BATCH}",
        value=million.ingest_seconds * 1e6 / million.events,
        unit="µs an event",
        beside=_beside(peers, lambda peer: peer.ingest * 1e6 / million.events),
    )
    yield Figure(
        name=f"bytes an event on disk, N={BATCH}",
        value=million.stored_bytes / million.events,
        unit="B",
        beside=_beside(peers, lambda peer: peer.bytes / million.events),
    )
    yield from _queries(run)


def matches(million: Million, query: str) -> int:
    """How many events match: opens every block and counts."""
    wanted = Filter(parse(query))
    blocks = map(million.opened, million.blocks)
    return sum(wanted.narrow(block).count() for block in blocks if wanted.admits(block.header))


def by_level_and_minute(million: Million, query: str = "") -> Timeline:
    """Events by level in every minute: what a histogram over the list of events shows."""
    wanted = Filter(parse(query))
    start = million.within.start // MINUTE_MS * MINUTE_MS
    timeline = Timeline(start, million.within.end, MINUTE_MS)
    for block in map(million.opened, million.blocks):
        timeline.add(block, wanted.narrow(block) if query else Mask.everything(block.header.count))
    return timeline


def matches_in_lines(lines: Sequence[bytes]) -> int:
    found = 0
    for line in lines:
        event = orjson.loads(line)
        if event["level"] == "error" and "timed out" in event["message"].lower():
            found += 1
    return found


def by_level_and_minute_in_lines(lines: Sequence[bytes]) -> Counter[tuple[int, str]]:
    counts: Counter[tuple[int, str]] = Counter()
    for line in lines:
        event = orjson.loads(line)
        counts[event["timestamp"] // MINUTE_MS, event["level"]] += 1
    return counts


def _queries(run: Run) -> Iterator[Figure]:
    million, peers, repeats = run.million, run.peers, run.scale.repeats
    with million.lines.open("rb") as file:
        lines = list(islice(file, run.scale.loop))

    def rate(act: Callable[[], object], events: int) -> float:
        return events / _best(act, repeats) / 1e6

    _agree(million, peers)
    yield Figure(
        name="level and substring",
        value=rate(lambda: matches(million, MATCHING), million.events),
        unit="M events/s",
        beside=(
            Beside("orjson over NDJSON", rate(lambda: matches_in_lines(lines), len(lines))),
            *_beside(peers, lambda peer: million.events / peer.filtered / 1e6),
        ),
        goal=Goal("at least", 10, of="ratio"),
    )
    loop = Beside("orjson over NDJSON", rate(lambda: by_level_and_minute_in_lines(lines), len(lines)))
    yield Figure(
        name="count by level and minute",
        value=rate(lambda: by_level_and_minute(million), million.events),
        unit="M events/s",
        beside=(loop, *_beside(peers, lambda peer: million.events / peer.counted / 1e6)),
        goal=Goal("at least", 30, of="ratio"),
    )
    yield Figure(
        name="count by level and minute of one service",
        value=rate(lambda: by_level_and_minute(million, OF_ONE_SERVICE), million.events),
        unit="M events/s",
        beside=(loop,),
    )


def _agree(million: Million, peers: Peers) -> None:
    """Everybody answered the same question."""
    found = matches(million, MATCHING)
    groups = sum(len(point.counts) for point in by_level_and_minute(million).result())
    for peer in filter(None, peers.values()):
        assert (peer.matches, peer.groups) == (found, groups), (peer, found, groups)


def _beside(peers: Peers, value: Callable[[Measured], float]) -> tuple[Beside, ...]:
    return tuple(Beside(name, value(peer) if peer else None) for name, peer in peers.items())


def _best(act: Callable[[], object], repeats: int) -> float:
    return min(cpu_seconds(act) for _ in range(repeats))

"""Patterns over a week: what an hour of them costs, and what a list costs beside looking at every event."""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Final

from benchmarks import corpus, prices
from benchmarks.charges import Charges
from benchmarks.figures import Beside, Figure, Goal
from benchmarks.laboratory import Laboratory, batches, cpu_seconds, laboratory, soon
from benchmarks.run import Run
from chalicelib.events import indexing
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.pattern_counts import CountedPatterns, from_events, from_hours
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store import index
from chalicelib.ids import HOUR_MS, Slot, slot_of

HOURS: Final = 168
BATCH: Final = 100
ALWAYS_MS: Final = corpus.START_MS + (HOURS + 3) * HOUR_MS
"""When everything is indexed and asked for."""
A_TENTH: Final = 0.1


def measure(run: Run) -> Iterator[Figure]:
    count = run.scale.week
    rows = list(corpus.events(count, per_second=count / HOURS / 3_600))
    with laboratory() as project:
        for batch in batches(rows, BATCH):
            project.append(batch)
        events = _bytes(project)
        slots = [Slot(slot) for slot in range(slot_of(corpus.START_MS), slot_of(rows[-1]["timestamp"]) + 1)]
        bare = [cpu_seconds(partial(_count, project, slot)) for slot in slots]
        with project.charging() as charges:
            whole = [cpu_seconds(partial(_index, project, slot)) for slot in slots]
        index.raise_watermark(project.scope, slot_of(ALWAYS_MS), now_ms=ALWAYS_MS, deadline=soon())
        yield from _hours(len(slots), _bytes(project) - events, events, charges, (median(whole), median(bare)))
        yield from _lists(project, repeats=run.scale.repeats)


def _hours(
    hours: int, patterns: int, events: int, charges: Charges, cpu: tuple[float, float]
) -> Iterator[Figure]:  # fmt: skip
    yield Figure(
        name="patterns and index of an hour", value=patterns / hours / 1000, unit="kB",
        beside=(Beside("its events", events / hours / 1000),),
    )  # fmt: skip
    yield Figure(
        name="  write units of indexing it", value=charges.write_units / hours, unit="units",
        beside=(Beside("without patterns", 1), Beside("writing its events", events / hours / 1000)),
    )  # fmt: skip
    yield Figure(
        name="  CPU of indexing it", value=cpu[0] * 1000, unit="ms",
        beside=(Beside("without patterns", cpu[1] * 1000),),
    )  # fmt: skip


def _lists(project: Laboratory, *, repeats: int) -> Iterator[Figure]:
    within = TimeRange(corpus.START_MS, corpus.START_MS + HOURS * HOUR_MS)

    def stored() -> CountedPatterns:
        return from_hours(project.scope, Filter(Everything()), within, now_ms=ALWAYS_MS, deadline=soon())

    def looked_at() -> CountedPatterns:
        return from_events(project.scope, Everything(), within, now_ms=ALWAYS_MS, deadline=soon())

    with project.charging() as charges:
        found = stored()
    with project.charging() as every:
        expected = looked_at()
    assert {name: each.levels for name, each in found.found.items()} == {
        name: each.levels for name, each in expected.found.items()
    }, "the two ways of counting differ"
    yield Figure(
        name="CPU of a list of patterns, 7 days", value=_best(stored, repeats) * 1000, unit="ms",
        beside=(Beside("looking at every event", _best(looked_at, repeats) * 1000),),
        goal=Goal("at most", A_TENTH, of="ratio"),
    )  # fmt: skip
    yield Figure(
        name="  kilobytes read", value=charges.bytes_read / 1000, unit="kB",
        beside=(Beside("looking at every event", every.bytes_read / 1000),),
    )  # fmt: skip
    yield Figure(name="  requests to DynamoDB", value=charges.requests, unit="",
                 beside=(Beside("looking at every event", every.requests),))  # fmt: skip
    yield Figure(name="  patterns", value=len(found.found), unit="")


def _count(project: Laboratory, slot: Slot) -> None:
    indexing.count_hour(project.scope, slot, deadline=soon())


def _index(project: Laboratory, slot: Slot) -> None:
    assert indexing.index_hour(project.scope, slot, deadline=soon()), "the hour was marked meanwhile"


def _best(act: Callable[[], object], repeats: int) -> float:
    return min(cpu_seconds(act) for _ in range(repeats))


def _bytes(project: Laboratory) -> int:
    return sum(map(prices.item_size, project.items().values()))

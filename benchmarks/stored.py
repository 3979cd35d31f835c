"""Bytes and write units: of the corpus in batches of several sizes, and of this machine's log files if it has some."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.figures import Beside, Figure, Goal
from benchmarks.laboratory import Row, laboratory
from benchmarks.run import Run
from benchmarks.sending import Weighed, weigh
from benchmarks.sizes import TARGETS
from chalicelib.ids import DAY_MS
from scry.errors import Unreadable
from scry.items import Found
from scry.sources import open_source

LOGS: Final = Path("/var/log")
FEWEST_LINES: Final = 3_600
"""Of which a third trains the dictionary. What has fewer is hardly a log."""
LOG_BATCH: Final = 500
LONG_AGO_DAYS: Final = 3_650
"""Logs that lie about are sent as a backfill: to a project that keeps events for as long as it may."""


def measure(run: Run) -> Iterator[Figure]:
    for size in sorted(TARGETS):
        weighed = run.sent(size).weighed
        yield _bytes_figure(f"stored bytes an event, N={size}", weighed, Goal("at most", TARGETS[size]))
    units = run.sent(10).weighed.batch_units
    yield Figure(name="write units of ten events, median", value=median(units), unit="units", goal=Goal("at most", 1))
    larger = sum(each > 1 for each in units) / len(units)
    yield Figure(name="  batches that need another unit", value=larger * 100, unit="%")
    logs = machine_logs(run.scale.log_lines)
    if len(logs) >= FEWEST_LINES:
        yield _bytes_figure(f"this machine's log files, {len(logs):,} lines, N={LOG_BATCH}", _weighed_logs(logs), None)


def machine_logs(most: int) -> list[Row]:
    """The lines of this machine's log files that have a time, as `scry send` would send them, by time."""
    rows = islice((row for path in sorted(LOGS.rglob("*.log")) for row in _lines(path)), most)
    return sorted(rows, key=lambda row: int(row["timestamp"]))


def _lines(path: Path) -> Iterator[Row]:
    # What cannot be read, or is no log, is none of this machine's log files.
    with suppress(Unreadable), open_source(str(path), standard_input=sys.stdin.buffer, now=datetime.now(UTC)) as source:
        for item in source.items("auto", None):
            if isinstance(item, Found) and "timestamp" in item.event:
                yield {"service": item.program or path.stem, **item.event}


def _weighed_logs(rows: list[Row]) -> Weighed:
    """Trained on every third line, as if it had come before the others, and weighed on the rest."""
    rest = [row for at, row in enumerate(rows) if at % 3]
    with laboratory(retention_days=LONG_AGO_DAYS) as project:
        project.train(rows[::3], now_ms=rows[-1]["timestamp"] + DAY_MS)
        return weigh(project, rest, LOG_BATCH)


def _bytes_figure(name: str, weighed: Weighed, goal: Goal | None) -> Figure:
    beside = (
        Beside("NDJSON, gzip -6", weighed.gzip),
        Beside("NDJSON, zstd -9", weighed.zstd),
        Beside("NDJSON", weighed.json),
    )
    return Figure(name=name, value=weighed.bytes_per_event, unit="B", beside=beside, goal=goal)

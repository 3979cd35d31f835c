"""Sends events in batches of one size, and weighs what the store made of them: items, units, and after merging."""

import gzip
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

import msgspec

from benchmarks import corpus, prices
from benchmarks.charges import Charges
from benchmarks.laboratory import Laboratory, Row, batches, laboratory, soon
from chalicelib.compression import zstd
from chalicelib.events import compaction
from chalicelib.events.query import counts
from chalicelib.events.query.aggregate import COUNT
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of

QUESTION: Final = '"timed out"'
"""Counting its matches reads all messages and no details."""

COMPRESSED_BATCHES: Final = 200
"""So many batches tell what gzip and zstd make of them."""


class Weight(msgspec.Struct, frozen=True):
    """What is stored: bytes as DynamoDB counts them, 100 B an item included."""

    bytes: int
    items: int


class Weighed(msgspec.Struct, frozen=True):
    """Events that were sent. The bytes of their NDJSON, plain and compressed batch by batch, are per event."""

    events: int
    json: float
    gzip: float
    zstd: float
    stored: Weight
    charges: Charges
    batch_units: list[int]
    """Write units of each batch. The first one also notes the hour's work."""

    @property
    def bytes_per_event(self) -> float:
        return self.stored.bytes / self.events


class Kept(msgspec.Struct, frozen=True):
    """What is stored at some time, what DynamoDB charged until then, and what counting matches of `QUESTION` reads."""

    stored: Weight
    charges: Charges
    question: Charges


class Sent(msgspec.Struct, frozen=True):
    """Events that were sent, and what became of them: at once, and when small blocks were merged."""

    weighed: Weighed
    at_once: Kept
    merged: Kept | None


def sent(rows: Sequence[Row], size: int, *, training: Sequence[Row]) -> Sent:
    """Sends events, ascending by time, to a project that has a dictionary from others like them."""
    with laboratory() as project:
        # The dictionary is made later than the events, so that it is not out of use before they all are sent.
        project.train(training, now_ms=rows[-1]["timestamp"] + DAY_MS)
        before = project.items().keys()
        weighed = weigh(project, rows, size)
        within = TimeRange(rows[0]["timestamp"], rows[-1]["timestamp"] + 1)
        at_once = Kept(weighed.stored, weighed.charges, _question(project, within))
        if size > compaction.SMALL_ROWS:
            return Sent(weighed, at_once, None)
        charges = weighed.charges + _merge(project, within)
        return Sent(weighed, at_once, Kept(_weight(_new(project, before)), charges, _question(project, within)))


def weigh(project: Laboratory, rows: Sequence[Row], size: int) -> Weighed:
    """Sends events in batches of so many, and reads back what is in the table."""
    before = project.items().keys()
    units: list[int] = []
    with project.charging() as charges:
        for batch in batches(rows, size):
            units.append(-charges.write_units)
            project.append(batch)
            units[-1] += charges.write_units
    items = _new(project, before)
    encoded = [corpus.ndjson(batch) for batch in islice(batches(rows, size), COMPRESSED_BATCHES)]
    count = min(len(rows), size * COMPRESSED_BATCHES)
    return Weighed(
        events=len(rows),
        json=sum(map(len, encoded)) / count,
        gzip=sum(len(gzip.compress(batch, 6, mtime=0)) for batch in encoded) / count,
        zstd=sum(len(zstd.compress(batch, 9)) for batch in encoded) / count,
        stored=_weight(items),
        charges=charges,
        batch_units=units,
    )


def _new(project: Laboratory, before: Collection[tuple[bytes, bytes]]) -> list[prices.Item]:
    return [item for place, item in project.items().items() if place not in before]


def _weight(items: Sequence[prices.Item]) -> Weight:
    return Weight(sum(prices.item_size(item) + prices.ITEM_OVERHEAD for item in items), len(items))


def _merge(project: Laboratory, within: TimeRange) -> Charges:
    """Merges what is small in these hours, a while later, and deletes what was merged when its grace is over."""
    later = within.end + 2 * HOUR_MS
    with project.charging() as charges:
        for hour in range(slot_of(within.start), slot_of(within.end) + 1):
            for now_ms in (later, later + compaction.GRACE_MS):
                compaction.compact(project.scope, Slot(hour), now_ms=now_ms, deadline=soon())
    return charges


def _question(project: Laboratory, within: TimeRange) -> Charges:
    with project.charging() as charges:
        counts.aggregate(
            project.scope, parse(QUESTION), within, by=(), metric=COUNT, now_ms=within.end, deadline=soon()
        )  # fmt: skip
    return charges

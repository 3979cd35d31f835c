"""The million events: as NDJSON in a file, in the store as batches of 500, and the blocks that came of it in memory."""

import time
from base64 import b64decode
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Final, Self

from benchmarks import corpus, prices
from benchmarks.laboratory import Laboratory, Row, laboratory, soon
from chalicelib.events.block import Block, Dictionary, open_block
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store import dictionaries
from chalicelib.ids import DAY_MS
from chalicelib.storage.tables import keys

BATCH: Final = 500


class Million:
    """Opened once a run: making it takes most of the run's time."""

    lines: Path
    project: Laboratory
    blocks: list[bytes]
    """Scan items, oldest first."""
    ingest_seconds: float
    """CPU of decoding, packing and putting, from the bodies' bytes on."""
    stored_bytes: int
    """As DynamoDB counts them, 100 B an item included."""

    def __init__(self, events: int, training: Sequence[Row], folder: Path) -> None:
        self.events = events
        self.lines = folder / "events.ndjson"
        self._training = training
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        self.project = self._opened.enter_context(laboratory())
        # A dictionary made later than the events is in use for all of them.
        self.project.train(self._training, now_ms=corpus.START_MS + DAY_MS)
        before = self.project.items().keys()
        self._send()
        items = {place: item for place, item in self.project.items().items() if place not in before}
        self.stored_bytes = sum(prices.item_size(item) + prices.ITEM_OVERHEAD for item in items.values())
        self.blocks = [b64decode(items[place]["b"]["B"]) for place in sorted(items) if place[1].startswith(keys.BLOCK)]
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def within(self) -> TimeRange:
        return TimeRange(corpus.START_MS, self.last_ms + 1)

    def opened(self, scan: bytes) -> Block:
        """A block as a reader opens it, with the project's dictionary."""
        return open_block(scan, self._dictionary)

    def _dictionary(self, version: int) -> Dictionary:
        return dictionaries.for_reading(self.project.scope, version, deadline=soon())

    def _send(self) -> None:
        rows = corpus.events(self.events)
        self.ingest_seconds = 0.0
        with self.lines.open("wb") as file:
            while batch := list(islice(rows, BATCH)):
                lines = corpus.ndjson(batch)
                file.write(lines)
                body = b'{"events":[%b]}' % b",".join(lines.splitlines())
                self.last_ms = batch[-1]["timestamp"]
                before = time.process_time()
                self.project.append_body(body, now_ms=self.last_ms + 200, count=len(batch))
                self.ingest_seconds += time.process_time() - before

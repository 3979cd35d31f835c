"""A project in empty tables: the real store on the embedded engine, which runs in memory and in another process."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from benchmarks import corpus, prices
from benchmarks.charges import Charges, Meter
from chalicelib import settings
from chalicelib.events import training
from chalicelib.events.decode.batch import decode
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries
from chalicelib.events.store.append import append
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from infra.engine import LOCAL_CREDENTIALS, engine

RETENTION_DAYS: Final = 30
Row = dict[str, Any]
"""An event as clients send it."""


class Laboratory:
    """Batches go in, and the items that came of them can be weighed."""

    def __init__(self, scope: Scope, ingest_key: str, meter: Meter) -> None:
        self.scope = scope
        self.ingest_key = ingest_key
        self._meter = meter

    def train(self, rows: Sequence[Row], *, now_ms: int) -> None:
        """Sends these events, as of the minutes before now, and lets the job train and publish the dictionary."""
        first = now_ms - 1000 - len(rows)
        sent = [row | {"timestamp": first + at} for at, row in enumerate(rows)]
        for batch in batches(sent, 500):
            self.append(batch)
        assert training.renew_dictionary(self.scope, now_ms=now_ms, deadline=soon()), "nothing was trained"
        dictionaries.forget(self.scope.project)

    def append(self, rows: Sequence[Row]) -> None:
        """Sends a batch, a moment after its newest event."""
        self.append_body(corpus.ingest_body(rows), now_ms=max(row["timestamp"] for row in rows) + 200, count=len(rows))

    def append_body(self, body: bytes, *, now_ms: int, count: int) -> None:
        outcome = append(
            self.scope, decode(body), body=body, idempotency_key=None, now_ms=now_ms, deadline=soon()
        )  # fmt: skip
        assert outcome.accepted == count, f"{outcome.accepted} of {count} events were accepted"

    def items(self) -> dict[tuple[bytes, bytes], prices.Item]:
        """Everything in the events table, by partition and sort key."""
        request: dict[str, Any] = {"TableName": dynamodb.table(keys.EVENTS)}
        found: dict[tuple[bytes, bytes], prices.Item] = {}
        while True:
            answer = dynamodb.call("Scan", request)
            for item in answer.items:
                found[item["p"].binary, item["s"].binary] = msgspec.to_builtins(item)
            if answer.last_evaluated_key is None:
                return found
            request["ExclusiveStartKey"] = answer.last_evaluated_key

    @contextmanager
    def charging(self) -> Iterator[Charges]:
        """Counts what DynamoDB would charge for what happens meanwhile."""
        carry, dynamodb.transport = dynamodb.transport, self._meter
        try:
            with self._meter.charging() as charges:
                yield charges
        finally:
            dynamodb.transport = carry


@contextmanager
def laboratory(*, retention_days: int = RETENTION_DAYS) -> Iterator[Laboratory]:
    """A new project in tables of its own, gone when the block ends. What was before is back then."""
    with engine() as endpoint, _environment(endpoint), _connections() as connections:
        # Not on the import path that is measured: this is pynamodb's.
        from chalicelib.identity.accounts import create_project
        from chalicelib.identity.orgs import NewOrg
        from chalicelib.identity.project_changes import NewProject
        from chalicelib.storage.tables.creation import create_tables

        create_tables()
        made = create_project(
            NewOrg("bench", "Bench"), NewProject("bench", "Bench", retention_days), now=int(time.time())
        )
        scope = Scope(made.org, made.project, retention_days)
        yield Laboratory(scope, made.ingest_key.text, Meter(connections))


def batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def soon() -> float:
    """A deadline that no benchmark meets."""
    return time.monotonic() + 600


def cpu_seconds(act: Callable[[], object]) -> float:
    """Of this process, all threads; what the engine does is not in it."""
    before = time.process_time()
    act()
    return time.process_time() - before


@contextmanager
def _environment(endpoint: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(LOCAL_CREDENTIALS)
    os.environ.update(SCRY_STAGE="bench", SCRY_SECRETS="be" * 32, SCRY_DYNAMODB_ENDPOINT=endpoint)
    settings.current.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.current.cache_clear()


@contextmanager
def _connections() -> Iterator[dynamodb.KeptAlive]:
    before, connections = dynamodb.transport, dynamodb.KeptAlive()
    dynamodb.transport = connections
    try:
        yield connections
    finally:
        dynamodb.transport = before
        connections.close()

"""A project to ask questions about, and beside it the naive answers: what was sent, looked through event by event."""

import json
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple
from unittest.mock import patch

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from chalicelib.events.decode import Decoded
from chalicelib.events.event import Event
from chalicelib.events.query import budget
from chalicelib.events.query.answers import Page, Record
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.match import matches
from chalicelib.events.query.search import search
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.append import append
from chalicelib.events.store.read import Order
from chalicelib.ids import HOUR_MS, Slot
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply, Transport
from tests.conftest import new_scope
from tests.faults import operation
from tests.query.strategies import MINUTE, START, events

NOW = START + 10 * MINUTE
"""The present of these tests: the random events of the query's tests happened in the minutes before."""

SHARDED = ((1, 3),)
"""A shard plan: three from the first hour on."""

on_one_engine = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""Examples share the tables, and each makes a project of its own."""


class Project:
    def __init__(
        self, *, retention_days: int = 30, shards: tuple[tuple[int, int], ...] = (), now_ms: int = NOW
    ) -> None:
        self.scope: Scope = new_scope(retention_days, shards)
        self.now_ms = now_ms
        self.events: list[Event] = []
        self._bodies = count()

    def send(self, *batches: Sequence[Event]) -> None:
        """Stores each batch, whether or not one like it came before."""
        for batch in batches:
            decoded = Decoded(list(batch), list(range(len(batch))), [])
            outcome = append(
                self.scope,
                decoded,
                body=str(next(self._bodies)).encode(),
                idempotency_key=None,
                now_ms=self.now_ms,
                deadline=soon(),
            )
            assert outcome.accepted == len(batch)
            self.events += batch

    def matching(self, expression: Expression, within: TimeRange) -> list[Event]:
        oldest_visible = self.now_ms - self.scope.retention_ms
        start = max(within.start, oldest_visible)
        return [each for each in self.events if start <= each.timestamp < within.end and matches(expression, each)]

    def page(
        self,
        expression: Expression,
        within: TimeRange,
        *,
        limit: int = 1000,
        order: Order = "desc",
        cursor: str | None = None,
    ) -> Page:
        return search(
            self.scope, expression, within, limit=limit, order=order, cursor=cursor, now_ms=self.now_ms, deadline=soon()
        )

    def pages(
        self, expression: Expression, within: TimeRange, *, limit: int = 1000, order: Order = "desc", most: int = 2_000
    ) -> Iterator[Page]:
        """Page after page to the end, which must come before there are so many."""
        cursor = None
        for _ in range(most):
            page = self.page(expression, within, limit=limit, order=order, cursor=cursor)
            yield page
            assert page.next_cursor is None or page.next_cursor != cursor, "the cursor did not advance"
            cursor = page.next_cursor
            if cursor is None:
                return
        raise AssertionError(f"no end after {most} pages")

    def rows(
        self,
        expression: Expression | None = None,
        within: TimeRange | None = None,
        *,
        order: Order = "desc",
        limit: int = 1000,
    ) -> list[Record]:
        pages = self.pages(expression or Everything(), within or ALL, limit=limit, order=order)
        return [row for page in pages for row in page.data]


ALL = TimeRange(START - 6 * HOUR_MS, START + HOUR_MS)


def soon() -> float:
    return time.monotonic() + 20


def event_of(row: Record) -> Event:
    return Event(**{name: getattr(row, name) for name in Event.__struct_fields__})


def differences(found: Sequence[Event], expected: Sequence[Event]) -> list[Event]:
    """What one has and the other has not, or less often, whatever the order."""
    left, right = (Counter(map(_as_bytes, some)) for some in (found, expected))
    return [msgspec.json.decode(each, type=Event) for each in ((left - right) + (right - left)).elements()]


def _as_bytes(event: Event) -> bytes:
    return msgspec.json.encode(msgspec.structs.asdict(event), order="sorted")


@contextmanager
def reading_at_most(*, blocks: int = 10**6, size: int = 10**9, share_of_time: float = 0.7) -> Iterator[None]:
    """Makes the budget of every request tiny."""
    with patch.multiple(budget, BLOCKS=blocks, BYTES=size, SHARE_FOR_READING=share_of_time):
        yield


class Requests(list[tuple[str, bytes]]):
    """What went to DynamoDB: operations, and the partitions they name."""

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        asked = json.loads(body)
        partition = asked.get("Key", {}).get("p") or asked.get("ExpressionAttributeValues", {}).get(":p")
        self.append((operation(headers), b64decode(partition["B"])))
        return self.carry(endpoint, headers, body)

    def __init__(self, carry: Transport) -> None:
        super().__init__()
        self.carry = carry

    @property
    def slots(self) -> set[Slot]:
        """The hours whose blocks were asked for."""
        return {Slot(int.from_bytes(partition[17:21], "big")) for _, partition in self if partition[16:17] == b"e"}


@contextmanager
def requests_counted() -> Iterator[Requests]:
    with patch.object(dynamodb, "transport", Requests(dynamodb.transport)) as requests:
        yield requests


# --- random projects --------------------------------------------------------------------------------------------------


def timestamps() -> st.SearchStrategy[int]:
    """Often the same one, often within minutes of each other, at times some hours before."""
    hours = st.sampled_from((0, 0, 0, 0, 0, 1, 2, 5))
    within = st.one_of(st.sampled_from((0, 1, 59_999, 60_000)), st.integers(-5 * MINUTE, 6 * MINUTE))
    return st.tuples(hours, within).map(lambda pair: START + pair[1] - pair[0] * HOUR_MS)


class Batch(NamedTuple):
    """What is sent at once: some events, or many copies of them, one such step of milliseconds before the other."""

    some: list[Event]
    copies: int = 0
    step: int = 0

    def events(self) -> list[Event]:
        if not self.copies:
            return self.some
        return [
            msgspec.structs.replace(
                self.some[at % len(self.some)], timestamp=START - self.step * at, message=f"row {at}"
            )
            for at in range(self.copies)
        ]


def batches() -> st.SearchStrategy[list[Batch]]:
    timed = st.builds(lambda event, at: msgspec.structs.replace(event, timestamp=at), events(), timestamps())
    few = st.lists(timed, min_size=1, max_size=6)
    # More than a hundred rows make a block with its detail in an item of its own.
    many = st.builds(Batch, few, st.just(130), st.sampled_from((0, 0, 1, 700, 30_000)))
    return st.lists(st.one_of(few.map(Batch), few.map(Batch), many), min_size=1, max_size=8)


def ranges() -> st.SearchStrategy[TimeRange]:
    ends = timestamps() | st.sampled_from((ALL.start, ALL.end))
    return st.lists(ends, min_size=2, max_size=2, unique=True).map(lambda pair: TimeRange(min(pair), max(pair)))

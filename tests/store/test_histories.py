"""Any history of sends, resends, merges, deletions and indexing gives the same events under the same ids."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.events import compaction
from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.event import LEVELS, Event
from chalicelib.events.indexing import index_hour
from chalicelib.events.query import lookup
from chalicelib.events.scope import Scope
from chalicelib.ids import Slot, slot_of
from tests.conftest import NOW_MS
from tests.long_form import examples
from tests.store.driver import HOUR, event, everything, indexed_scope, page, send, soon, totals

FIRST = slot_of(NOW_MS - 6 * HOUR) * HOUR
SLOTS = (Slot(slot_of(FIRST)), Slot(slot_of(FIRST) + 1))
WITHIN = {"start": FIRST, "end": FIRST + 2 * HOUR}


@st.composite
def batches(draw: st.DrawFn) -> list[list[Event]]:
    """Small batches of an hour or two, which overlap and share moments; no two alike."""
    times = st.one_of(
        st.sampled_from([0, 1, 299_999, 300_000, HOUR - 1, HOUR]), st.integers(min_value=0, max_value=2 * HOUR - 1)
    )
    sizes = draw(st.lists(st.integers(min_value=1, max_value=5), min_size=1, max_size=6))
    return [
        [event(f"{batch}-{row}", FIRST + draw(times), level=draw(st.sampled_from(LEVELS))) for row in range(size)]
        for batch, size in enumerate(sizes)
    ]


class History:
    """A project, and the events that must be in it."""

    def __init__(self, sent: list[list[Event]], shards: int) -> None:
        self.scope: Scope = indexed_scope(shards=((SLOTS[0], shards),))
        self.sent = sent
        self.now_ms = NOW_MS - 3 * HOUR
        self.expected: dict[str, Event] = {}
        self.ids: dict[str, str] = {}

    def send(self, number: int) -> None:
        batch = self.sent[number % len(self.sent)]
        send(self.scope, batch, now_ms=self.now_ms)
        self.expected |= {each.message: each for each in batch}

    def merge(self, hours: int) -> None:
        self.now_ms += hours * GRACE_MS
        for slot in SLOTS:
            compact(self.scope, slot, now_ms=self.now_ms, deadline=soon())

    def index(self, number: int) -> None:
        index_hour(self.scope, SLOTS[number % 2], deadline=soon())

    def check(self) -> None:
        rows = everything(self.scope, **WITHIN)
        assert [row.timestamp for row in rows] == sorted((row.timestamp for row in rows), reverse=True)
        found = {row.message: row.id for row in rows}
        assert len(found) == len(rows)
        assert found.keys() == self.expected.keys()
        assert found.items() >= self.ids.items()
        self.ids = found
        assert totals(self.scope, **WITHIN) == {len(found)}


ACTS: dict[str, Callable[[History, int], None]] = {
    "send": History.send,
    "merge": History.merge,
    "index": History.index,
}


@pytest.mark.requirement("I1", "I2", "I13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=examples(40))
@given(
    sent=batches(),
    shards=st.sampled_from([1, 2]),
    acts=st.lists(
        st.tuples(st.sampled_from([*ACTS, "send", "merge"]), st.integers(min_value=0, max_value=5)), max_size=14
    ),
)
def test_any_history_keeps_the_events_and_their_ids(tables, sent, shards, acts):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(compaction, "WORTH_IT", 2)
        history = History(sent, shards)
        for name, number in acts:
            ACTS[name](history, number)
            history.check()
        for message, event_id in history.ids.items():
            found = lookup.get(history.scope, event_id, now_ms=NOW_MS, deadline=soon())
            assert found is not None
            assert (found.message, found.level) == (message, history.expected[message].level)


@pytest.mark.requirement("I13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=examples(30))
@given(
    sent=batches(),
    order=st.sampled_from(["desc", "asc"]),
    limit=st.integers(min_value=1, max_value=4),
    acts=st.lists(st.integers(min_value=0, max_value=2), max_size=10),
)
def test_pages_neither_miss_nor_double_while_blocks_move(tables, sent, order, limit, acts):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(compaction, "WORTH_IT", 2)
        history = History(sent, 1)
        for number in range(len(sent)):
            history.send(number)
        expected = [row.id for row in everything(history.scope, order=order, **WITHIN)]
        moves = iter(acts)
        seen: list[str] = []
        cursor = None
        while True:
            found = page(history.scope, limit=limit, order=order, cursor=cursor, **WITHIN)
            seen += [row.id for row in found.data]
            cursor = found.next_cursor
            if cursor is None:
                break
            history.merge(next(moves, 0))
        assert seen == expected

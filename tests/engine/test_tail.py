"""A follower gets every event once, live, and is told of what it did not get."""

from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.events.compaction import compact
from chalicelib.events.event import Event
from chalicelib.events.query import tail as tail_module
from chalicelib.events.query.answers import Tail
from chalicelib.events.query.cursor import TailCursor, unseal
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.language import parse
from chalicelib.events.query.match import matches
from chalicelib.events.query.tail import AWAY_MS, REMEMBERED_MS, tail
from chalicelib.ids import slot_of
from chalicelib.storage.errors import StoreUnavailable
from tests.engine.project import NOW, SHARDED, Project, differences, event_of, on_one_engine, reading_at_most, soon
from tests.long_form import examples

pytestmark = pytest.mark.engine

SECOND = 1_000


class Follower:
    """Polls, and keeps what it was given."""

    def __init__(self, project: Project, expression: Expression | None = None, *, limit: int = 100) -> None:
        self.project = project
        self.expression = expression or Everything()
        self.limit = limit
        self.cursor: str | None = None
        self.given: list[Event] = []
        self.ids: list[str] = []
        self.skipped = 0
        self.gap = False
        self.poll()

    def poll(self, *, after_ms: int = 0) -> Tail:
        self.project.now_ms += after_ms
        found = tail(
            self.project.scope, self.expression, cursor=self.cursor, limit=self.limit, now_ms=self.project.now_ms,
            deadline=soon(),
        )  # fmt: skip
        assert len(found.data) <= self.limit
        assert [row.timestamp for row in found.data] == sorted(row.timestamp for row in found.data)
        self.cursor = found.cursor
        self.given += map(event_of, found.data)
        self.ids += [row.id for row in found.data]
        self.skipped += found.skipped
        self.gap = self.gap or found.gap
        return found

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self.given]


arrivals = st.lists(
    st.tuples(
        st.integers(0, 90_000),  # how much later it comes than the one before
        st.lists(st.integers(-50_000, 240_000), min_size=1, max_size=9),  # when its events happened, seen from there
        st.sampled_from((1, 1, 1, 30)),  # how many of each
        st.booleans(),  # whether the follower polls then
    ),
    max_size=12,
)


@settings(on_one_engine, max_examples=examples(30))
@given(
    arrivals, st.sampled_from((1, 2, 10, 1000)), st.sampled_from(("*", "level:error", "metadata.n>=3", "1 -22")),
    st.sampled_from(((), SHARDED)),
)  # fmt: skip
def test_every_event_is_given_exactly_once_or_counted_as_skipped(engine_store, sent, limit, query, shards):
    project = Project(shards=shards)
    follower = Follower(project, parse(query), limit=limit)
    for number, (later, steps, copies, polls) in enumerate(sent):
        project.now_ms += later
        project.send(
            [
                Event(
                    timestamp=project.now_ms + step, message=f"{number} {row}", metadata={"n": row},
                    level="error" if row % 3 else "info",
                )
                for row, step in enumerate(steps * copies)
            ]
        )  # fmt: skip
        if polls:
            follower.poll()
    for _ in range(40):
        follower.poll(after_ms=9 * SECOND)
    expected = [event for event in project.events if matches(follower.expression, event)]
    assert len(set(follower.ids)) == len(follower.ids)
    assert len(follower.given) + follower.skipped == len(expected)
    assert len(differences(follower.given, expected)) == follower.skipped
    assert not follower.gap
    if limit == 1000:
        assert not follower.skipped


@settings(on_one_engine, max_examples=examples(15))
@given(arrivals, st.integers(1, 4))
def test_a_follower_that_can_remember_few_blocks_is_given_nothing_twice(engine_store, sent, names):
    project = Project()
    with patch.object(tail_module, "NAMES_LIMIT", names):
        follower = Follower(project)
        for number, (later, steps, _, _) in enumerate(sent):
            project.now_ms += later
            project.send(
                [Event(timestamp=project.now_ms + step, message=f"{number} {row}") for row, step in enumerate(steps)]
            )
            follower.poll()
            cursor = unseal(project.scope, "tail *", follower.cursor, TailCursor)
            assert len(cursor.seen) + len(cursor.cut) <= names
    assert len(set(follower.ids)) == len(follower.ids)
    if len(sent) <= names:
        assert not differences(follower.given, project.events)


def test_the_first_poll_gives_a_cursor_and_no_events(engine_store):
    project = Project()
    project.send([Event(timestamp=NOW - SECOND, message="before")])
    follower = Follower(project)
    assert not follower.given
    project.send([Event(timestamp=NOW - 2 * SECOND, message="after")])
    follower.poll(after_ms=SECOND)
    assert follower.messages == ["after"]


def test_what_is_over_the_limit_waits_and_is_counted_when_it_is_too_old(engine_store):
    project = Project()
    follower = Follower(project, limit=4)
    project.send([Event(timestamp=NOW, message=f"{row}") for row in range(10)])
    assert [row.message for row in follower.poll(after_ms=SECOND).data] == ["0", "1", "2", "3"]
    assert [row.message for row in follower.poll(after_ms=SECOND).data] == ["4", "5", "6", "7"]
    assert follower.skipped == 0
    project.send([Event(timestamp=NOW - SECOND, message=f"late {row}") for row in range(3)])
    found = follower.poll(after_ms=REMEMBERED_MS)
    assert [row.message for row in found.data] == ["late 0", "late 1", "late 2", "8"]
    assert found.skipped == 1
    assert not follower.poll(after_ms=SECOND).data


def test_what_arrives_over_a_minute_late_is_not_shown_live(engine_store):
    project = Project()
    follower = Follower(project)
    project.send([Event(timestamp=NOW - REMEMBERED_MS - 1, message="too late")])
    project.send([Event(timestamp=NOW - REMEMBERED_MS, message="just in time")])
    follower.poll()
    assert follower.messages == ["just in time"]


def test_a_follower_that_was_away_for_too_long_is_told_of_a_gap(engine_store):
    project = Project()
    follower = Follower(project)
    project.send([Event(timestamp=NOW, message="seen")])
    assert not follower.poll(after_ms=AWAY_MS - REMEMBERED_MS).gap
    project.send([Event(timestamp=project.now_ms, message="missed")])
    assert follower.poll(after_ms=AWAY_MS + 1).gap
    assert not follower.poll(after_ms=SECOND).gap
    assert follower.messages == ["seen"]


def test_clocks_ahead_that_use_up_the_memory_of_a_follower_are_a_gap(engine_store):
    project = Project()
    with patch.object(tail_module, "NAMES_LIMIT", 2):
        follower = Follower(project)
        project.send(*([Event(timestamp=NOW + 60_000 + at)] for at in range(4)))
        assert follower.poll(after_ms=SECOND).gap


def test_an_answer_ends_before_its_events_are_too_many_bytes(engine_store):
    project = Project()
    follower = Follower(project)
    for at in range(4):
        project.send([Event(timestamp=NOW + at, message=f"{at} {row} {'x' * 900}") for row in range(5)])
    polls = 0
    with patch.object(tail_module, "ANSWER_BYTES", 3_500):
        while (found := follower.poll(after_ms=SECOND)).data:
            polls += 1
            assert sum(len(msgspec.json.encode(row)) for row in found.data) <= 3_500
    assert polls == 7
    assert not differences(follower.given, project.events)
    assert follower.skipped == 0


def test_merging_never_shows_an_event_again(engine_store):
    project = Project()
    follower = Follower(project)
    for minute in range(40):
        project.now_ms = NOW + minute * 60_000
        project.send(*([Event(timestamp=project.now_ms + at, message=f"{minute} {at}")] for at in range(3)))
        for slot in (slot_of(NOW), slot_of(project.now_ms)):
            compact(project.scope, slot, now_ms=project.now_ms, deadline=soon())
        follower.poll()
    assert not differences(follower.given, project.events)
    assert follower.skipped == 0
    assert not follower.gap


@pytest.mark.requirement("I11")
def test_a_poll_that_cannot_read_everything_gives_nothing_rather_than_a_part(engine_store):
    project = Project()
    follower = Follower(project)
    project.send(*([Event(timestamp=NOW + at)] for at in range(4)))
    with reading_at_most(blocks=3), pytest.raises(StoreUnavailable):
        follower.poll()
    follower.poll(after_ms=SECOND)
    assert not differences(follower.given, project.events)

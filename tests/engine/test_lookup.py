"""One event by its id, and its neighbours."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.event import Event
from chalicelib.events.query import lookup
from chalicelib.events.query.answers import Context
from chalicelib.ids import DAY_MS, slot_of
from tests.engine.project import SHARDED, Project, batches, event_of, on_one_engine, reading_at_most, soon
from tests.long_form import examples
from tests.query.strategies import START

pytestmark = pytest.mark.engine


def get(project: Project, event_id: str):
    return lookup.get(project.scope, event_id, now_ms=project.now_ms, deadline=soon())


def context(project: Project, event_id: str, *, before: int = 5, after: int = 5, same: lookup.Same = "all") -> Context:
    found = lookup.context(
        project.scope, event_id, before=before, after=after, same=same, now_ms=project.now_ms, deadline=soon()
    )
    assert found is not None
    return found


def test_an_event_is_found_by_its_id_before_and_after_it_was_merged(engine_store):
    project = Project(shards=SHARDED)
    project.send(*([Event(timestamp=START - at, message=f"{at}", metadata={"n": at})] for at in range(40)))
    project.send([Event(timestamp=START - at, user_id=f"{at}") for at in range(200)])
    rows = project.rows()
    assert [get(project, row.id) for row in rows] == rows
    project.now_ms += DAY_MS
    for _ in range(2):
        compact(project.scope, slot_of(START), now_ms=project.now_ms, deadline=soon())
        assert [get(project, row.id) for row in rows] == rows
        project.now_ms += GRACE_MS + 1


@pytest.mark.requirement("S29", "I4")
def test_the_id_of_a_foreign_event_finds_nothing(engine_store):
    mine, theirs = Project(), Project()
    for project in (mine, theirs):
        project.send([Event(timestamp=START, message="the same")])
    (row,) = theirs.rows()
    assert get(theirs, row.id) == row
    assert get(mine, row.id) is None
    assert (
        lookup.context(mine.scope, row.id, before=1, after=1, same="all", now_ms=mine.now_ms, deadline=soon()) is None
    )


@on_one_engine
@given(st.text(max_size=40) | st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=34, max_size=34))
def test_any_other_text_finds_nothing(engine_store, text):
    project = Project()
    assert get(project, text) is None
    assert lookup.context(project.scope, text, before=1, after=1, same="all", now_ms=START, deadline=soon()) is None


def test_an_id_changed_anywhere_finds_nothing_or_another_event(engine_store):
    project = Project()
    project.send([Event(timestamp=START + at) for at in range(3)])
    row = project.rows()[0]
    for at in range(len(row.id)):
        found = get(project, row.id[:at] + ("a" if row.id[at] != "a" else "b") + row.id[at + 1 :])
        assert found is None or found.id != row.id
    assert get(project, row.id.upper()) is None


@pytest.mark.requirement("S37")
def test_an_event_older_than_the_retention_is_not_given(engine_store):
    project = Project()
    project.send([Event(timestamp=START), Event(timestamp=START + 1)])
    newer, older = project.rows()
    project.scope = msgspec.structs.replace(project.scope, retention_days=1)
    project.now_ms = START + DAY_MS + 1
    assert get(project, newer.id) == newer
    assert get(project, older.id) is None


@settings(on_one_engine, max_examples=examples(25))
@given(
    batches(), st.data(), st.integers(0, 9), st.integers(0, 9), st.sampled_from(("all", "service", "trace")),
    st.sampled_from(({}, {"blocks": 1}))
)  # fmt: skip
def test_neighbours_are_those_next_to_the_event_in_a_search(engine_store, sent, data, before, after, same, spent):
    project = Project()
    project.send(*(batch.events() for batch in sent))
    rows = project.rows()
    event = rows[data.draw(st.integers(0, len(rows) - 1))]
    key = {"all": lambda row: "", "service": lambda row: row.service, "trace": lambda row: row.trace_id}[same]
    alike = [row for row in rows if key(row).lower() == key(event).lower()]
    at = alike.index(event)
    with reading_at_most(**spent):
        found = context(project, event.id, before=before, after=after, same=same)
    assert found.event == event
    if found.partial:
        assert found.before == alike[at + 1 : at + 1 + len(found.before)]
        assert found.after == alike[at - len(found.after) : at]
    else:
        assert found.before == alike[at + 1 : at + 1 + before]
        assert found.after == alike[max(0, at - after) : at]


def test_neighbours_at_the_same_moment_are_divided_by_the_event(engine_store):
    project = Project()
    project.send([Event(timestamp=START, message=f"{row}") for row in range(300)])
    rows = project.rows()
    found = context(project, rows[150].id, before=3, after=3)
    assert [event_of(row).message for row in found.after] == ["152", "151", "150"]
    assert [event_of(row).message for row in found.before] == ["148", "147", "146"]

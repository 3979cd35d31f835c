"""Search finds what matches and nothing else: each event once, in order, however the pages are cut."""

from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.event import Event
from chalicelib.events.query import search, walk
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import LATEST_MS, TimeRange
from chalicelib.ids import DAY_MS, HOUR_MS, slot_of
from tests.engine.project import (
    ALL,
    NOW,
    SHARDED,
    Project,
    batches,
    differences,
    event_of,
    on_one_engine,
    ranges,
    reading_at_most,
    requests_counted,
    soon,
)
from tests.long_form import examples
from tests.query.strategies import START, expressions

pytestmark = pytest.mark.engine

BUDGETS = ({}, {"blocks": 1}, {"blocks": 3}, {"size": 1}, {"size": 3_000}, {"share_of_time": 0})
ORDERS = ("desc", "asc")


@pytest.mark.requirement("I1", "I11")
@settings(on_one_engine, max_examples=examples(30))
@given(
    batches(), expressions() | st.just(Everything()), ranges() | st.just(ALL), st.sampled_from(ORDERS),
    st.sampled_from((2, 3, 7, 50, 1000)), st.sampled_from(BUDGETS), st.sampled_from(((), SHARDED)),
)  # fmt: skip
def test_pages_are_what_looking_at_every_event_finds(
    engine_store, sent, expression, within, order, limit, spent, shards
):
    project = Project(shards=shards)
    project.send(*(batch.events() for batch in sent))
    with reading_at_most(**spent):
        pages = list(project.pages(expression, within, order=order, limit=limit))
    rows = [row for page in pages for row in page.data]
    assert not differences([event_of(row) for row in rows], project.matching(expression, within))
    assert len({row.id for row in rows}) == len(rows)
    assert [row.timestamp for row in rows] == sorted((row.timestamp for row in rows), reverse=order == "desc")
    assert all(len(page.data) <= limit for page in pages)
    assert [page.partial for page in pages[:-1]] == [len(page.data) < limit for page in pages[:-1]]
    assert not pages[-1].partial
    at_once = project.rows(expression, within)
    assert [row.id for row in rows] == [row.id for row in (at_once if order == "desc" else at_once[::-1])]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("spent", BUDGETS)
@pytest.mark.parametrize("limit", [7, 400])
def test_events_at_one_moment_are_given_once_each_and_always_in_the_same_order(engine_store, order, spent, limit):
    project = Project(shards=SHARDED)
    for number in range(4):
        project.send([Event(timestamp=START, message=f"{number} {row}") for row in range(150)])
        project.send([Event(timestamp=START + number - 2, message=f"{number}")])
    with reading_at_most(**spent):
        rows = project.rows(order=order, limit=limit)
    assert len({row.message for row in rows}) == len(rows) == 604
    at_once = project.rows(limit=1000)
    assert [row.id for row in rows] == [row.id for row in (at_once if order == "desc" else at_once[::-1])]


@pytest.mark.requirement("I13")
@settings(on_one_engine, max_examples=examples(25))
@given(
    st.lists(st.lists(st.sampled_from((0, 1, 7_000, 200_000)), min_size=1, max_size=4), min_size=12, max_size=30),
    st.sampled_from(ORDERS), st.integers(1, 7), st.sampled_from(BUDGETS), st.integers(0, 8),
)  # fmt: skip
def test_pages_go_on_over_blocks_that_were_merged_meanwhile(engine_store, sent, order, limit, spent, merged_after):
    project = Project()
    project.send(
        *([Event(timestamp=START - step, message=f"{number}") for step in steps] for number, steps in enumerate(sent))
    )
    project.now_ms += DAY_MS
    rows = []
    with reading_at_most(**spent):
        for number, page in enumerate(project.pages(Everything(), ALL, order=order, limit=limit)):
            rows += page.data
            if number == merged_after:
                merge(project, project.now_ms)
            if number == merged_after + 1:
                merge(project, project.now_ms + GRACE_MS + 1)  # what was merged away is deleted
    assert not differences([event_of(row) for row in rows], project.events)
    assert [row.timestamp for row in rows] == sorted((row.timestamp for row in rows), reverse=order == "desc")


def merge(project: Project, now_ms: int) -> None:
    for slot in {slot_of(event.timestamp) for event in project.events}:
        compact(project.scope, slot, now_ms=now_ms, deadline=soon())


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("step", [10, 150_000])
@pytest.mark.parametrize("spent", BUDGETS)
def test_merged_and_late_blocks_mix_without_a_gap_or_a_repetition(engine_store, order, step, spent):
    project = Project(now_ms=START + DAY_MS)
    project.send(*([Event(timestamp=START + step * at, message=f"early {at}")] for at in range(6, 18)))
    project.now_ms += DAY_MS
    merge(project, project.now_ms)
    project.send(*([Event(timestamp=START + step * at, message=f"late {at}")] for at in range(19)))
    with reading_at_most(**spent):
        rows = project.rows(order=order, limit=3)
    assert not differences([event_of(row) for row in rows], project.events)
    assert [row.timestamp for row in rows] == sorted((row.timestamp for row in rows), reverse=order == "desc")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [7, 60])
def test_blocks_out_of_reach_of_a_page_are_on_the_next(engine_store, order, limit):
    # Oldest first, the blocks of five minutes later are read while the merged ones, begun before, fill the page.
    project = Project(shards=SHARDED, now_ms=START + DAY_MS)
    project.send(*([Event(timestamp=START + 100 * at, message=f"merged {at}")] for at in range(240)))
    merge(project, project.now_ms + DAY_MS)
    for seconds in (-60, 303, 304, 305, 1_200):
        project.send([Event(timestamp=START + 1_000 * seconds, message=f"{seconds} {row}") for row in range(3)])
    rows = project.rows(order=order, limit=limit)
    assert not differences([event_of(row) for row in rows], project.events)


@pytest.mark.requirement("I11")
@pytest.mark.parametrize("order", ORDERS)
def test_a_page_without_a_match_says_that_it_is_partial_and_the_next_one_goes_on(engine_store, order):
    project = Project()
    project.send(*([Event(timestamp=START + 1_000 * at, message="hay")] for at in range(30)))
    project.send([Event(timestamp=START + 15_500, message="needle")])
    with reading_at_most(blocks=4):
        pages = list(project.pages(parse("needle"), ALL, order=order))
    assert [row.message for page in pages for row in page.data] == ["needle"]
    assert [page.partial for page in pages] == [True] * (len(pages) - 1) + [False]
    assert sum(page.scanned.blocks for page in pages) <= 31 + 2 * len(pages)


@pytest.mark.requirement("V15.2.2")
def test_time_that_runs_out_over_empty_hours_makes_a_partial_page(engine_store):
    project = Project()
    project.send(*([Event(timestamp=START - hours * HOUR_MS, message=f"{hours}")] for hours in (18, 19, 20)))
    within = TimeRange(START - 24 * HOUR_MS, START)
    for order, found in (("desc", ["18", "19", "20"]), ("asc", ["20", "19", "18"])):
        with reading_at_most(share_of_time=0), requests_counted() as requests:
            pages = project.pages(Everything(), within, order=order)
            first = next(pages)
            read_for_the_first = requests.slots
            rows = [row for page in pages for row in page.data]
        assert first.partial
        assert not first.data
        assert len(read_for_the_first) == 1
        assert [row.message for row in rows] == found


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [(0, 1, 1), (0, 0, 0), (1, 5, 0), (-5, 0, 0), (0, 10, 1), (0, 11, 2), (10, 11, 1), (5, 10, 0), (11, 99, 0)],
)
@pytest.mark.parametrize("order", ORDERS)
def test_a_range_holds_its_start_and_not_its_end(engine_store, start, end, found, order):
    project = Project()
    project.send([Event(timestamp=START), Event(timestamp=START + 10)])
    assert len(project.rows(within=TimeRange(START + start, START + end), order=order)) == found


@pytest.mark.requirement("S37")
@pytest.mark.parametrize("order", ORDERS)
def test_what_is_older_than_the_retention_is_not_shown_though_it_is_stored(engine_store, order):
    project = Project()
    edge = NOW - DAY_MS
    project.send([Event(timestamp=edge + step, message=f"{step}") for step in (-1_000, -1, 0, 1, 1_000)])
    assert len(project.rows(within=TimeRange(edge - HOUR_MS, NOW))) == 5
    project.scope = msgspec.structs.replace(project.scope, retention_days=1)
    rows = project.rows(within=TimeRange(edge - HOUR_MS, NOW), order=order, limit=1)
    assert sorted(int(row.message) for row in rows) == [0, 1, 1_000]


@pytest.mark.requirement("S37")
def test_what_ages_out_between_two_pages_is_not_on_the_second(engine_store):
    project = Project()
    project.send([Event(timestamp=NOW - DAY_MS + step) for step in (0, 10, 20)])
    project.scope = msgspec.structs.replace(project.scope, retention_days=1)
    within = TimeRange(NOW - 2 * DAY_MS, NOW)
    first = project.page(Everything(), within, limit=1)
    project.now_ms += 5
    second = project.page(Everything(), within, limit=5, cursor=first.next_cursor)
    assert [row.timestamp for row in first.data + second.data] == [NOW - DAY_MS + 20, NOW - DAY_MS + 10]


def test_a_page_ends_before_its_events_are_too_many_bytes(engine_store):
    project = Project()
    for at in range(9):
        project.send(
            [Event(timestamp=START + at, message=f"{at}" * 1_000), Event(timestamp=START + at, message="x" * 9_000)]
        )
    with patch.object(search, "ANSWER_BYTES", 12_000):
        pages = list(project.pages(Everything(), ALL, limit=10))
    assert not differences([event_of(row) for page in pages for row in page.data], project.events)
    assert not any(page.partial for page in pages)
    for page in pages:
        assert len(page.data) == 1 or sum(len(msgspec.json.encode(row)) for row in page.data) <= 12_000


@pytest.mark.requirement("I9")
def test_a_page_ends_before_the_blocks_of_its_rows_fill_the_memory(engine_store):
    project = Project()
    for at in range(6):
        project.send([Event(timestamp=START + 1_000 * at + row, message=f"row {row}") for row in range(30)])
    with patch.object(walk, "HELD_ROWS", 50):
        pages = list(project.pages(parse('"row 3"'), ALL))
    assert len([row for page in pages for row in page.data]) == 6
    assert [len(page.data) for page in pages] == [2, 2, 2]


@pytest.mark.requirement("I9")
@pytest.mark.parametrize("order", ORDERS)
def test_a_range_without_end_costs_no_more_than_one_to_the_present(engine_store, order):
    project = Project()
    project.send([Event(timestamp=START)])
    with requests_counted() as requests:
        rows = project.rows(within=TimeRange(START - HOUR_MS, LATEST_MS), order=order)
    assert len(rows) == 1
    assert len(requests.slots) <= 3


def test_a_page_says_how_it_was_understood_and_what_was_read(engine_store):
    project = Project()
    project.send([Event(timestamp=START, level="error", message="a"), Event(timestamp=START, message="b")])
    page = project.page(parse("level:err"), TimeRange(START - 5, START + 5), limit=10, order="asc")
    assert (page.query.q, page.query.order, page.query.limit) == ("level:error", "asc", 10)
    assert (page.start, page.end) == (START - 5, START + 5)
    assert (page.scanned.blocks, page.scanned.events) == (1, 2)
    assert page.scanned.bytes > 0


def test_details_of_a_block_are_fetched_once_for_all_its_rows(engine_store):
    project = Project()
    project.send([Event(timestamp=START + at, user_id=f"u{at}", metadata={"n": at}) for at in range(300)])
    with requests_counted() as requests:
        page = project.page(Everything(), ALL, limit=200)
    assert [row.metadata["n"] for row in page.data] == list(range(299, 99, -1))
    assert [operation for operation, _ in requests].count("GetItem") == 1


def test_details_are_not_read_of_blocks_that_the_rest_of_the_query_rules_out(engine_store):
    project = Project()
    for message in ("hay", "hay", "needle"):
        project.send([Event(timestamp=START + at, message=message, metadata={"n": at}) for at in range(200)])
    with requests_counted() as requests:
        page = project.page(parse("needle metadata.n:7"), ALL)
    assert len(page.data) == 1
    assert [operation for operation, _ in requests].count("GetItem") == 1

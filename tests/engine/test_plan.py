"""A query reads no more than it needs."""

import pytest

from chalicelib.events.event import Event
from chalicelib.events.indexing import index_hour
from chalicelib.events.query import counts
from chalicelib.events.query.aggregate import parse_metric
from chalicelib.events.query.expression import Everything
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store.index import raise_watermark
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from tests.engine.project import SHARDED, Project, requests_counted, soon

pytestmark = [pytest.mark.engine, pytest.mark.requirement("I9")]

NOW = 1_767_323_400_000
FIRST = NOW - 30 * DAY_MS + HOUR_MS
BUSY = [NOW - days * DAY_MS for days in (0, 1, 2, 9, 20, 28)]
"""Hours in which something happened."""

MONTH = TimeRange(FIRST, NOW)

NOT_INDEXED = {Slot(slot_of(NOW) - back) for back in range(3)}
"""The watermark stays two hours behind the clock."""


@pytest.fixture
def project(engine_store) -> Project:
    """A month in which six hours have events, one of them an error; all hours but the last three are indexed."""
    project = Project(now_ms=NOW)
    for number, at in enumerate(BUSY):
        hour = at // HOUR_MS * HOUR_MS
        for block in range(5):
            project.send(
                [
                    Event(timestamp=hour + 60_000 * block + row, message=f"{number} {block} {row}", level="info")
                    for row in range(200)
                ]
            )
    project.send([Event(timestamp=BUSY[3] // HOUR_MS * HOUR_MS, level="error", message="the only error")])
    for hour in range(slot_of(FIRST), slot_of(NOW) - 2):
        if any(slot_of(at) == hour for at in BUSY):
            assert index_hour(project.scope, Slot(hour), deadline=soon())
    raise_watermark(project.scope, Slot(slot_of(NOW) - 2), now_ms=NOW, deadline=soon())
    return project


def test_the_newest_hundred_are_read_from_the_newest_blocks(project):
    with requests_counted() as requests:
        page = project.page(Everything(), MONTH, limit=100)
    assert len(page.data) == 100
    assert not page.partial
    assert page.scanned.blocks == 1
    assert requests.slots == {slot_of(NOW)}
    assert len(requests) <= 6, "index (2), merged blocks, blocks, detail; no more"


def test_the_newest_hundred_of_the_last_hour_take_three_requests_at_most(project):
    with requests_counted() as requests:
        page = project.page(Everything(), TimeRange(NOW - HOUR_MS // 2, NOW), limit=100)
    assert len(page.data) == 100
    assert len(requests) <= 3, "merged blocks, blocks, detail"


def test_an_hour_without_a_match_by_level_is_not_read(project):
    with requests_counted() as requests:
        rows = project.rows(parse("level:error"), MONTH)
    assert [row.message for row in rows] == ["the only error"]
    assert requests.slots == {slot_of(BUSY[3]), *NOT_INDEXED}


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_empty_hours_are_free_where_they_are_indexed(project, order):
    with requests_counted() as requests:
        rows = project.rows(parse('"17"'), MONTH, order=order)
    assert rows
    assert requests.slots == {*map(slot_of, BUSY), *NOT_INDEXED}


def test_counts_by_level_read_no_block_of_an_indexed_hour(project):
    behind = TimeRange(FIRST // HOUR_MS * HOUR_MS, NOW // HOUR_MS * HOUR_MS - 2 * HOUR_MS)
    for expression in (Everything(), parse("level>=warn")):
        with requests_counted() as requests:
            line = counts.timeline(project.scope, expression, behind, buckets=60, now_ms=NOW, deadline=soon())
            facets = counts.facets(project.scope, expression, behind, fields=("level",), now_ms=NOW, deadline=soon())
            total = counts.aggregate(
                project.scope, expression, behind, by=(), metric=parse_metric("count"), now_ms=NOW, deadline=soon()
            )
        assert total.groups[0].value == len(project.matching(expression, behind))
        assert [each.scanned.blocks for each in (line, facets, total)] == [0, 0, 0]
        assert not requests.slots
        assert len(requests) == 6


def test_counts_by_level_open_no_block_that_is_not_indexed(project):
    with requests_counted() as requests:
        line = counts.timeline(project.scope, Everything(), MONTH, buckets=60, now_ms=NOW, deadline=soon())
    assert line.scanned.blocks == 5
    assert sum(sum(bucket.counts.values()) for bucket in line.series) == len(project.events)
    assert not [partition for operation, partition in requests if operation == "GetItem" and partition[16:17] == b"e"]


def test_times_in_the_query_bound_what_is_read(project):
    at = BUSY[2] // HOUR_MS * HOUR_MS
    with requests_counted() as requests:
        rows = project.rows(parse(f"timestamp:{at}..{at + 5}"), MONTH)
    assert len(rows) == 6
    assert requests.slots == {slot_of(at)}


def test_levels_that_exclude_each_other_are_not_looked_for(project):
    with requests_counted() as requests:
        assert not project.rows(parse("level:error level:info"), TimeRange(NOW - HOUR_MS, NOW))
    assert not requests.slots


def test_the_rest_of_an_hour_is_read_from_where_the_page_before_ended(engine_store):
    project = Project(now_ms=NOW, shards=SHARDED)
    hour = NOW // HOUR_MS * HOUR_MS - HOUR_MS
    for block in range(60):
        project.send([Event(timestamp=hour + 50_000 * block + row, message=f"{block}") for row in range(10)])
    within = TimeRange(hour, hour + HOUR_MS)
    for order in ("desc", "asc"):
        pages = list(project.pages(Everything(), within, limit=100, order=order))
        assert len(pages) == 6
        assert sum(page.scanned.blocks for page in pages) <= 60 + 6 * 9

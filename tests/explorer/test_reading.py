"""How much the explorer reads: no more of a month than of its last hours, and it says where it stopped."""

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from chalicelib.events.event import Event
from chalicelib.events.indexing import index_hour
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store import remembered
from chalicelib.events.store.index import raise_watermark
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from chalicelib.routes.pages.explore import found
from chalicelib.routes.pages.explore.asked import Asked
from chalicelib.routes.pages.explore.found import Found, Read, looked
from chalicelib.routes.pages.explore.said import said
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply
from chalicelib.storage.tables import keys
from tests.engine.project import Project, requests_counted, soon

pytestmark = [pytest.mark.engine, pytest.mark.requirement("I9")]

NOW = 1_767_323_400_000
WEEK = TimeRange((NOW - 7 * DAY_MS) // HOUR_MS * HOUR_MS, NOW)
HOUR = TimeRange((NOW - 1_800_000) // HOUR_MS * HOUR_MS, NOW)
BLOCKS = 30
"""Of a busy hour."""
OLD = [NOW - hours * HOUR_MS for hours in (5, 26, 50, 75, 100, 140)]


@pytest.fixture
def project(engine_store) -> Project:
    """A busy last hour and six busy hours before it, which are indexed: thirty blocks each."""
    project = Project(now_ms=NOW)
    for at in (NOW - 1_800_000, *OLD):
        hour = at // HOUR_MS * HOUR_MS
        for block in range(BLOCKS):
            project.send(
                [
                    Event(timestamp=hour + 8_000 * block + row, message=f"event {row}", service=f"s{row % 3}")
                    for row in range(120)
                ]
            )
    for at in OLD:
        assert index_hour(project.scope, slot_of(at), deadline=soon())
    raise_watermark(project.scope, Slot(slot_of(NOW) - 2), now_ms=NOW, deadline=soon())
    return project


def look(project: Project, expression: Expression, within: TimeRange = WEEK) -> Found:
    return looked(
        Read(project.scope, expression, within, NOW, soon()), limit=100, order="desc", cursor=None
    )  # fmt: skip


@contextmanager
def blocks_read() -> Iterator[Counter[tuple[bytes, bytes]]]:
    """How often each block of the hours was given by the store, by where it stands."""
    carry, read = dynamodb.transport, Counter[tuple[bytes, bytes]]()

    def counting(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        reply = carry(endpoint, headers, body)
        if headers["x-amz-target"].endswith(".Query"):
            places = [
                (b64decode(item["p"]["B"]), b64decode(item["s"]["B"])) for item in json.loads(reply.body)["Items"]
            ]
            read.update(place for place in places if place[1].startswith(keys.BLOCK))
        return reply

    with patch.object(dynamodb, "transport", counting):
        yield read


@pytest.mark.parametrize("q", ["", "level>=info", '"event 7"', "service:s1 level:info", '"event 119"'])
def test_a_page_reads_the_blocks_that_it_shows_and_each_once(project, q):
    with blocks_read() as read:
        answer = look(project, parse(q), HOUR)
    assert answer.histogram.scanned.blocks == BLOCKS, "the histogram shows all of them"
    assert len(read) == BLOCKS
    assert set(read.values()) == {1}, "rows, histogram and values are made of the same reading"


def test_what_there_is_no_room_for_is_read_again_and_the_answer_is_the_same(project, monkeypatch):
    remembering = look(project, parse('"event 7"'), HOUR)
    monkeypatch.setattr(remembered, "MOST_BYTES", 0)
    with blocks_read() as read:
        forgetting = look(project, parse('"event 7"'), HOUR)
    assert max(read.values()) > 1
    assert (forgetting.page, forgetting.histogram, forgetting.values) == (
        remembering.page, remembering.histogram, remembering.values,
    )  # fmt: skip


def test_what_was_read_for_one_page_is_not_taken_for_the_next(project):
    before = look(project, Everything(), HOUR)
    project.send([Event(timestamp=NOW - 1, message="just now")])
    after = look(project, Everything(), HOUR)
    assert (after.total, after.page.data[0].message) == (before.total + 1, "just now")


@pytest.mark.parametrize("q", ["", "level>=info"])
def test_a_week_reads_the_blocks_of_its_last_hour_alone(project, q, monkeypatch):
    monkeypatch.setattr(found, "FACET_BLOCKS", 20)
    with requests_counted() as requests:
        answer = look(project, parse(q))
    assert len(answer.page.data) == 100
    assert (answer.total, answer.total_is_exact) == (len(project.events), True)
    assert answer.page.scanned.blocks == 1
    assert answer.histogram.scanned.blocks == BLOCKS, "of the hours that the index does not know yet; by their headers"
    assert requests.slots <= {Slot(slot_of(NOW) - back) for back in range(4)}, "no old hour is read"


def test_a_text_query_is_counted_within_its_budget_and_says_how_far(project, monkeypatch):
    monkeypatch.setattr(found, "HISTOGRAM_BLOCKS", 40)
    answer = look(project, parse('"event 7"'))
    assert answer.histogram.partial
    assert answer.histogram.scanned.blocks == 40
    line = said(Asked(since="7d"), answer, NOW)
    assert "of at least" in line
    assert "counted back to 01-0" in line


def test_values_are_those_of_the_newest_blocks(project, monkeypatch):
    monkeypatch.setattr(found, "FACET_BLOCKS", 5)
    answer = look(project, Everything())
    [service] = [each for each in answer.values if each.field == "service"]
    assert service.of == 5 * 120
    assert {each.value: each.count for each in service.values} == {"s0": 200, "s1": 200, "s2": 200}
    assert not answer.values_of_all


def test_values_of_rare_matches_are_those_of_the_rows(project, monkeypatch):
    monkeypatch.setattr(found, "FACET_BLOCKS", 2)
    project.send([Event(timestamp=OLD[2] + at, message="rare", service="odd") for at in range(3)])
    answer = look(project, parse("rare"))
    [service] = [each for each in answer.values if each.field == "service"]
    assert (service.of, [(each.value, each.count) for each in service.values]) == (3, [("odd", 3)])


def test_a_quiet_range_looks_for_the_newest_match_and_only_then(project):
    quiet = TimeRange(NOW - 60_000, NOW)
    answer = look(project, Everything(), quiet)
    assert answer.page.data == []
    assert answer.newest is not None
    assert answer.newest.timestamp == max(each.timestamp for each in project.events)
    assert look(project, Everything()).newest is None

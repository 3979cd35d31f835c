"""How much the explorer reads: no more of a month than of its last hours, and it says where it stopped."""

import pytest

from chalicelib.events.event import Event
from chalicelib.events.indexing import index_hour
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store.index import raise_watermark
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from chalicelib.routes.pages.explore import found
from chalicelib.routes.pages.explore.asked import Asked
from chalicelib.routes.pages.explore.found import Found, Read, looked
from chalicelib.routes.pages.explore.said import said
from tests.engine.project import Project, requests_counted, soon

pytestmark = [pytest.mark.engine, pytest.mark.requirement("I9")]

NOW = 1_767_323_400_000
WEEK = TimeRange((NOW - 7 * DAY_MS) // HOUR_MS * HOUR_MS, NOW)
OLD = [NOW - hours * HOUR_MS for hours in (5, 26, 50, 75, 100, 140)]


@pytest.fixture
def project(engine_store) -> Project:
    """A busy last hour and six busy hours before it, which are indexed: thirty blocks each."""
    project = Project(now_ms=NOW)
    for at in (NOW - 1_800_000, *OLD):
        hour = at // HOUR_MS * HOUR_MS
        for block in range(30):
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


@pytest.mark.parametrize("q", ["", "level>=info"])
def test_a_week_reads_the_blocks_of_its_last_hour_alone(project, q, monkeypatch):
    monkeypatch.setattr(found, "FACET_BLOCKS", 20)
    with requests_counted() as requests:
        answer = look(project, parse(q))
    assert len(answer.page.data) == 100
    assert (answer.total, answer.total_is_exact) == (len(project.events), True)
    assert answer.page.scanned.blocks == 1
    assert answer.histogram.scanned.blocks == 30, "of the hours that the index does not know yet; by their headers"
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

"""Upkeep keeps a list of patterns cheap while events arrive, and exact whatever happens to it."""

import pytest

from chalicelib.events.query.expression import Everything
from chalicelib.events.query.pattern_list import PatternList, listed
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.pattern_hours import StoredHour, read_hour
from chalicelib.ids import HOUR_MS, slot_of
from chalicelib.jobs import upkeep
from chalicelib.jobs.upkeep import Report
from tests.conftest import NOW_MS
from tests.jobs.conftest import create_project, delete_project
from tests.store.driver import event, send, soon

SLOT = slot_of(NOW_MS)
START = SLOT * HOUR_MS
MINUTE = 60_000


def run(now_ms: int) -> Report:
    return upkeep.run(now_ms=now_ms, deadline=soon())


def write(scope: Scope, count: int, at: int) -> None:
    """So many batches, a second apart, as they happen."""
    for number in range(count):
        moment = at + number * 1_000
        send(scope, [event(f"request {moment} served", moment)], now_ms=moment)


def patterns(scope: Scope, now_ms: int) -> PatternList:
    return listed(scope, Everything(), TimeRange(START - 2 * HOUR_MS, now_ms), now_ms=now_ms, deadline=soon())


def stored(scope: Scope) -> StoredHour | None:
    return read_hour(scope, SLOT, deadline=soon())


@pytest.mark.requirement("I13")
def test_patterns_are_drafted_while_their_hour_runs_and_counted_when_it_is_indexed():
    scope = create_project()
    expected = 0
    for quarter in range(4):
        write(scope, 60, START + quarter * 15 * MINUTE)
        expected += 60
        now = START + (quarter + 1) * 15 * MINUTE
        assert patterns(scope, now).events == expected
        assert run(now).drafted == 1
        found = patterns(scope, now)
        assert [(each.template, each.count) for each in found.patterns] == [("request <n> served", expected)]
        assert found.scanned.blocks == 0
    now = START + 3 * HOUR_MS
    assert run(now).indexed == 1
    counted = stored(scope)
    assert counted is not None
    assert (counted.until, counted.marks) == (None, 0)
    assert patterns(scope, now).events == expected


def test_nothing_is_drafted_of_a_project_that_is_being_deleted():
    scope = create_project()
    write(scope, 60, START)
    delete_project(scope)
    assert run(START + 15 * MINUTE).drafted == 0
    assert stored(scope) is None

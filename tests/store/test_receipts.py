"""The receipt decides for a batch as long as any resend of it can be taken in."""

import pytest

from chalicelib.events.scope import Scope
from chalicelib.events.store import receipt
from chalicelib.events.store.put import FORWARD
from chalicelib.ids import DAY_MS, BatchId, slot_of
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys
from tests.conftest import NOW_MS, new_scope
from tests.store.driver import HOUR, UNTIMED, body_of, event, everything, send


@pytest.fixture(autouse=True)
def _tables(tables):
    """All of these run on the shared tables."""


def _receipt(scope: Scope, batch: BatchId) -> Item | None:
    return item(keys.EVENTS, keys.receipt_partition(scope.org, scope.project, batch), batch)


def _notes(scope: Scope, at: int) -> list[Item]:
    partition = keys.slot_partition(scope.org, scope.project, slot_of(at), 0)
    return [found for found in items(keys.EVENTS, partition) if found["b"].binary == FORWARD]


@pytest.mark.requirement("W4")
@pytest.mark.parametrize("ahead", [6 * 60_000, 3 * HOUR, 20 * DAY_MS])
def test_a_receipt_outlives_the_note_that_points_to_it(ahead):
    scope = new_scope()
    batch = [event("ahead", NOW_MS + ahead), event("now", NOW_MS)]
    send(scope, batch)
    found = _receipt(scope, receipt.batch_id(scope, body_of(batch), None))
    assert found is not None
    [note] = _notes(scope, NOW_MS + ahead)
    assert found["t"].number > note["t"].number
    assert note["t"].number * 1000 >= NOW_MS + ahead + scope.retention_ms


@pytest.mark.requirement("I2", "W4")
@pytest.mark.parametrize("after", [20 * DAY_MS, 29 * DAY_MS])
def test_weeks_later_when_all_times_are_usable_the_batch_is_still_known(after):
    scope = new_scope()
    batch = [event("ahead", NOW_MS + 20 * DAY_MS), event("now", NOW_MS)]
    assert send(scope, batch).accepted == 2
    later = NOW_MS + after
    assert send(scope, batch, now_ms=later).accepted == 0
    seen = everything(scope, start=NOW_MS - HOUR, end=NOW_MS + HOUR, now_ms=later)
    assert {row.timestamp for row in seen} == {NOW_MS}


def test_a_time_that_no_resend_will_ever_reach_leaves_no_note_and_ends_the_receipt_in_time():
    scope = new_scope()
    batch = [event("far", NOW_MS + 40_000 * DAY_MS), event("now", NOW_MS)]
    send(scope, batch)
    found = _receipt(scope, receipt.batch_id(scope, body_of(batch), None))
    assert found is not None
    assert found["t"].number * 1000 < NOW_MS + 3 * scope.retention_ms


@pytest.mark.parametrize("batch", [[event("one")], [event("one", NOW_MS + 4 * 60_000), event("two", NOW_MS - DAY_MS)]])
def test_a_batch_whose_place_no_clock_decides_costs_no_receipt(batch):
    scope = new_scope()
    send(scope, batch)
    assert _receipt(scope, receipt.batch_id(scope, body_of(batch), None)) is None


def test_what_happens_twice_has_no_receipt():
    scope = new_scope()
    batch = [event("one", UNTIMED)]
    send(scope, batch)
    assert _receipt(scope, receipt.batch_id(scope, body_of(batch), None)) is None

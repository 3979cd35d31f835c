"""What is older than the project keeps is not shown, though it is still there (S37)."""

import pytest

from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.indexing import index_hour
from chalicelib.events.query import lookup
from chalicelib.events.query.export import export
from chalicelib.events.query.language import parse
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.stored import all_merged_blocks, blocks_of
from chalicelib.ids import DAY_MS, slot_of
from chalicelib.storage.tables import keys
from tests.conftest import NOW_MS
from tests.store.driver import HOUR, event, everything, indexed_scope, send, soon, totals

AT = NOW_MS - 5 * HOUR
EXPIRES = AT + 2 * DAY_MS
"""The first moment at which the older event of each pair is too old."""


@pytest.fixture(autouse=True)
def _tables(tables):
    """All of these run on the shared tables."""


def _written() -> Scope:
    scope = indexed_scope(retention_days=2)
    for number in range(10):
        send(scope, [event(f"old {number}", AT), event(f"new {number}", AT + 60_000)], now_ms=NOW_MS - HOUR,
             body=f"{number}".encode())  # fmt: skip
    return scope


def _merge(scope: Scope) -> None:
    for now_ms in (NOW_MS, NOW_MS + GRACE_MS):
        compact(scope, slot_of(AT), now_ms=now_ms, deadline=soon())


def _index(scope: Scope) -> None:
    assert index_hour(scope, slot_of(AT), deadline=soon())


def _nothing(scope: Scope) -> None:
    """As they were written."""


@pytest.mark.requirement("S37")
@pytest.mark.parametrize("form", [_nothing, _merge, _index])
@pytest.mark.parametrize(("age", "visible"), [(0, 20), (1, 10), (60_000, 10), (60_001, 0)])
def test_no_way_of_reading_shows_what_is_too_old(form, age, visible):
    scope = _written()
    ids = [row.id for row in everything(scope)]
    form(scope)
    now_ms = EXPIRES + age
    within = {"start": AT - HOUR, "end": now_ms, "now_ms": now_ms}
    for order in ("desc", "asc"):
        assert len(everything(scope, order=order, **within)) == visible
    assert totals(scope, **within) == {visible}
    found = [lookup.get(scope, each, now_ms=now_ms, deadline=soon()) for each in ids]
    assert len([each for each in found if each]) == visible
    page = export(
        scope, parse(""), TimeRange(AT - HOUR, now_ms), format="ndjson", cursor=None, now_ms=now_ms, deadline=soon()
    )
    assert len(page.body.splitlines()) == visible
    assert _stored(scope) == 20


def _stored(scope: Scope) -> int:
    """Rows whose items are still there, superseded blocks left out."""
    partition = keys.slot_partition(scope.org, scope.project, slot_of(AT), 0)
    found = [*all_merged_blocks(scope, partition, deadline=soon()), *blocks_of(scope, partition, deadline=soon())]
    return sum(stored.block.header.count for stored in found)


@pytest.mark.requirement("S37")
def test_a_window_that_was_shortened_hides_at_once():
    scope = _written()
    shorter = Scope(scope.org, scope.project, 1)
    now_ms = AT + DAY_MS + 1
    assert len(everything(shorter, start=AT - HOUR, end=now_ms, now_ms=now_ms)) == 10
    assert totals(shorter, start=AT - HOUR, end=now_ms, now_ms=now_ms) == {10}


@pytest.mark.requirement("S37")
def test_the_neighbours_of_an_event_are_not_older_than_is_kept():
    scope = _written()
    newest = everything(scope)[0].id
    found = lookup.context(
        scope, newest, before=50, after=50, same="all", now_ms=EXPIRES + 1, deadline=soon()
    )  # fmt: skip
    assert found is not None
    assert len(found.before) + len(found.after) == 9

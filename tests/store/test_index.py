"""The day index never hides an event, whoever writes, counts and reads at the same time."""

import pytest

from chalicelib.events.indexing import index_hour
from chalicelib.events.scope import Scope
from chalicelib.events.store import index
from chalicelib.ids import Slot, slot_of
from tests import faults
from tests.conftest import NOW_MS, new_scope
from tests.faults import Crash, each_step, injected, meanwhile
from tests.store.driver import HOUR, event, indexed_scope, messages, send, soon, totals

LATE = NOW_MS - 5 * HOUR
SLOT = slot_of(LATE)


def _write(scope: Scope, message: str) -> None:
    send(scope, [event(message, LATE, level="error")])


def _index(scope: Scope) -> bool:
    return index_hour(scope, SLOT, deadline=soon())


def _counted(scope: Scope) -> dict[str, int] | None:
    """What readers take from the index for the hour, where they believe it."""
    counts = index.read_index(scope, SLOT, SLOT, deadline=soon()).counts(SLOT)
    return None if counts is None else counts.levels


def _indexed(*written: str) -> Scope:
    scope = indexed_scope()
    for message in written:
        _write(scope, message)
    _index(scope)
    assert _counted(scope) == ({"error": len(written)} if written else {})
    return scope


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("already", [(), ("first",), ("first", "second")])
def test_a_block_that_lands_at_any_step_of_the_indexer_is_not_hidden(tables, already):
    def attempt(step: int) -> faults.Injected:
        scope = indexed_scope()
        for message in already:
            _write(scope, message)
        with meanwhile(lambda: _write(scope, "late"), at=step) as transport:
            _index(scope)
        written = len(already) + transport.met
        assert len(messages(scope, "level:error")) == written
        assert totals(scope) == {written}
        _index(scope)
        assert _counted(scope) == ({"error": written} if written else {})
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I1")
def test_an_indexer_that_runs_at_any_step_of_a_late_writer_hides_nothing(tables):
    def attempt(step: int) -> faults.Injected:
        scope = _indexed("first")
        with meanwhile(lambda: _index(scope), at=step) as transport:
            _write(scope, "late")
        assert totals(scope) == {2}
        assert len(messages(scope, "level:error")) == 2
        return transport

    assert each_step(attempt) >= 2


@pytest.mark.requirement("I1")
def test_an_indexer_that_stalls_at_any_step_does_not_put_old_counts_over_new_ones(tables):
    def attempt(step: int) -> faults.Injected:
        scope = _indexed("first")
        _write(scope, "second")

        def others() -> None:
            _index(scope)
            _write(scope, "third")
            _index(scope)
            _write(scope, "fourth")

        with meanwhile(others, at=step) as transport:
            _index(scope)
        assert totals(scope) == {4 if transport.met else 2}
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I1")
def test_a_reader_counts_what_was_acknowledged_before_it_began(tables):
    def attempt(step: int) -> faults.Injected:
        scope = _indexed("first")

        def others() -> None:
            _write(scope, "second")
            _index(scope)

        with meanwhile(others, at=step) as transport:
            seen = totals(scope)
        assert seen <= {1, 2}
        assert totals(scope) == {2 if transport.met else 1}
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", [*faults.PASSING.values(), *faults.CRASHES.values()])
def test_an_indexer_that_fails_anywhere_hides_nothing_and_the_next_one_counts(tables, fault):
    def attempt(step: int) -> faults.Injected:
        scope = _indexed("first")
        _write(scope, "second")
        try:
            with injected(fault, at=step) as transport:
                _index(scope)
        except Crash:
            pass
        assert totals(scope) == {2}
        _index(scope)
        assert _counted(scope) == {"error": 2}
        return transport

    assert each_step(attempt) >= 3


def test_the_indexer_says_whether_its_counts_are_believed(tables):
    scope = _indexed("first")
    assert _index(scope)
    with meanwhile(lambda: _write(scope, "second"), at=2):
        assert not _index(scope)


def test_a_resend_marks_its_hour_again(tables):
    scope = _indexed("first")
    _write(scope, "first")
    assert _counted(scope) is None


def test_the_watermark_only_rises_and_stays_two_hours_behind_the_clock(tables):
    scope = new_scope()
    seen = []
    for asked in (10, slot_of(NOW_MS), 20):
        index.raise_watermark(scope, Slot(asked), now_ms=NOW_MS, deadline=soon())
        seen.append(index.read_watermark(scope, deadline=soon()))
    assert seen == [10, slot_of(NOW_MS) - 2, slot_of(NOW_MS) - 2]


def test_a_block_of_the_last_hours_marks_nothing_and_is_read_from_its_blocks(tables):
    scope = indexed_scope()
    send(scope, [event("one", NOW_MS - HOUR)])
    assert not index.read_marks(scope, slot_of(NOW_MS - HOUR), deadline=soon()).pending
    assert totals(scope) == {1}


@pytest.mark.requirement("I1")
def test_between_marking_and_the_watermark_lies_an_hour_for_clocks_that_differ():
    for minutes in range(0, 300, 7):
        writer = NOW_MS + minutes * 60_000
        for ahead in (0, 30, 59):
            indexer = writer + ahead * 60_000
            believed_before = slot_of(indexer - index.WATERMARK_BEHIND_MS)
            unmarked = [slot for slot in range(SLOT - 10, SLOT + 20) if not index.needs_mark(Slot(slot), now_ms=writer)]
            assert min(unmarked) >= believed_before

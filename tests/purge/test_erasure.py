"""A deleted project is erased with everything, pass by pass, until a receipt says that nothing was found."""

import time
from contextlib import suppress

import pytest

from chalicelib.events.decode import UNTIMED
from chalicelib.events.store import purging, register
from chalicelib.events.store.dictionaries import newest
from chalicelib.ids import DAY_MS, HOUR_MS, Slot, slot_of
from chalicelib.jobs import erasure
from chalicelib.jobs.clock import Clock
from chalicelib.jobs.erasure import Report
from chalicelib.storage import erasures
from chalicelib.storage.audit import OPERATOR
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.erasures import QUIET_SECONDS, Subject
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS
from tests.faults import Crash, injected, meanwhile
from tests.purge.conftest import CREATED_MS, WINDOW, all_items, fill, items_of, keep, project
from tests.store.driver import event, messages, send, soon

NOW = NOW_MS // 1000
LATE_MS = NOW_MS + QUIET_SECONDS * 1000


def _deleted(scope, *, widest: int = 0) -> Subject:
    """As `identity.deletion` leaves a project."""
    keep(scope, state="deleted", widest=widest)
    subject = Subject("project", scope.org, scope.project)
    change = Change()
    erasures.ask(change, subject, by=OPERATOR, at=NOW)
    commit(change)
    return subject


def _run(now_ms: int = NOW_MS, *, seconds: float = 120) -> Report:
    return erasure.run(Clock(now_ms=now_ms, deadline=time.monotonic() + seconds))


def _left(scope) -> set[tuple[str, bytes]]:
    """Tables and sort keys of all that names the project."""
    return {(table, sort) for table, _, sort in items_of(scope)}


@pytest.mark.requirement("S39", "I8", "S38")
def test_everything_of_a_project_is_gone_and_the_receipt_says_what_it_was():
    scope, other = project(), project()
    for each in (scope, other):
        for days in (1, 29, 45):
            fill(each, NOW_MS - days * DAY_MS)
    kept = sorted(items_of(other))
    subject = _deleted(scope)
    first = _run()
    assert (first.failed, first.ended, first.interrupted) == (0, 0, False)
    assert _left(scope) == {
        (keys.TENANTS, keys.project_sort(scope.project)),
        (keys.WORK, keys.project_list_sort(scope.org, scope.project)),
        (keys.WORK, subject.sort),
    }
    last = _run(LATE_MS)
    assert (last.deleted, last.ended) == (0, 1)
    assert {table for table, _ in _left(scope)} == {keys.TENANTS}
    [receipt] = erasures.receipts_of(scope.org)
    assert (receipt.subject, receipt.behind, receipt.asked_at) == (subject, None, NOW)
    assert sum(receipt.removed.values()) == first.deleted
    assert set(receipt.removed) >= {
        "blocks", "details", "receipts of batches", "dictionaries", "hours of the index", "hours of patterns",
        "pattern texts", "states of patterns", "deploys", "notes", "usage counters", "notes of work",
    }  # fmt: skip
    assert sorted(items_of(other)) == kept


@pytest.mark.requirement("I8")
def test_what_a_slow_writer_adds_after_the_first_pass_is_found_before_the_receipt():
    scope = project()
    _deleted(scope)
    assert _run().deleted == 0
    send(scope, [event("slow", NOW_MS)])
    assert _run(LATE_MS - 60_000).ended == 0
    assert not [place for place in items_of(scope) if place[0] == keys.EVENTS]
    assert _run(LATE_MS).ended == 1


@pytest.mark.requirement("I8")
def test_notes_of_batches_from_the_future_and_of_wider_windows_are_found():
    scope = project(widest=3 * WINDOW)
    send(scope, [event("now", NOW_MS), event("early", NOW_MS + (WINDOW - 1) * DAY_MS)])
    wide = project(widest=3 * WINDOW)
    keep(wide, widest=3 * WINDOW)
    long_ago = CREATED_MS - (3 * WINDOW - 1) * DAY_MS
    send(wide, [event("old", long_ago)], now_ms=long_ago + HOUR_MS)
    for each in (scope, wide):
        _deleted(each, widest=3 * WINDOW)
    _run()
    for each in (scope, wide):
        assert not [place for place in items_of(each) if place[0] == keys.EVENTS]


def test_a_pass_that_takes_longer_than_a_run_goes_on_with_the_next(monkeypatch):
    scope = project()
    for days in (1, 20, 49):
        send(scope, [event("x", NOW_MS - days * DAY_MS)], now_ms=NOW_MS - days * DAY_MS)
    subject = _deleted(scope)
    passed, monotonic = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed[0])
    with meanwhile(lambda: passed.append(passed.pop() + 110), at=900):
        assert _run().interrupted
    asked = erasures.erasure_of(subject)
    assert asked is not None
    assert (asked.progress.passes, asked.progress.empty) == (0, 0)
    assert asked.place > 0
    assert _run(LATE_MS).ended == 1
    [receipt] = erasures.receipts_of(scope.org)
    assert receipt.removed["blocks"] == 3


@pytest.mark.requirement("I8", "I6")
@pytest.mark.parametrize("ends", [faults.CRASH_BEFORE, faults.CRASH_AFTER])
def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(ends, monkeypatch):
    monkeypatch.setattr(purging, "THREADS", 1)

    def attempt(step: int) -> faults.Injected:
        begin = NOW_MS - 3 * HOUR_MS
        scope = project(created_ms=begin, days=1)
        send(scope, [event("x", begin)], now_ms=begin)
        keep(scope, created_ms=begin, state="deleted")
        change = Change()
        erasures.ask(change, Subject("project", scope.org, scope.project), by=OPERATOR, at=NOW)
        commit(change)
        with injected(ends, at=step) as transport, suppress(Crash):
            _run(LATE_MS)
        _run(LATE_MS)
        assert {table for table, _ in _left(scope)} == {keys.TENANTS}
        assert len(erasures.receipts_of(scope.org)) == 1
        return transport

    for step in (1, 7, 40, 90, 130, 150, 170, 180, 185, 190, 195, 200):
        attempt(step)


@pytest.mark.requirement("I7")
def test_of_two_runs_at_once_one_writes_the_receipt():
    scope = project()
    fill(scope, NOW_MS - DAY_MS)
    _deleted(scope)
    others: list[Report] = []
    with meanwhile(lambda: others.append(_run(LATE_MS)), at=30):
        mine = _run(LATE_MS)
    assert mine.ended + others[0].ended == 1
    assert mine.failed + others[0].failed == 0
    assert len(erasures.receipts_of(scope.org)) == 1


@pytest.mark.requirement("S37", "S38")
def test_what_a_shorter_window_leaves_behind_is_gone_within_the_hour_and_what_it_keeps_is_there():
    scope = project()
    for days in (2, 20):
        fill(scope, NOW_MS - days * DAY_MS)
    shorter = type(scope)(scope.org, scope.project, 7, scope.shards, NOW_MS - 7 * DAY_MS)
    keep(shorter, widest=WINDOW)
    change = Change()
    erasures.ask(change, Subject("window", scope.org, scope.project), by=OPERATOR, at=NOW)
    commit(change)
    kept = messages(shorter, start=NOW_MS - 30 * DAY_MS)
    assert _run().deleted > 0
    assert _run(LATE_MS).ended == 1
    hours = {int.from_bytes(p[17:21], "big") for _, p, _ in items_of(scope) if p[16:17] == b"e"}
    assert min(hours) >= slot_of(NOW_MS - 7 * DAY_MS)
    assert messages(shorter, start=NOW_MS - 30 * DAY_MS) == kept != []
    [receipt] = erasures.receipts_of(scope.org)
    assert receipt.behind == slot_of(NOW_MS - 7 * DAY_MS) * HOUR_MS
    assert newest(shorter, deadline=soon()).version > 0


@pytest.mark.requirement("I8")
def test_a_window_of_a_project_that_is_deleted_has_no_receipt_of_its_own():
    scope = project()
    fill(scope, NOW_MS - 20 * DAY_MS)
    change = Change()
    erasures.ask(change, Subject("window", scope.org, scope.project), by=OPERATOR, at=NOW)
    commit(change)
    _deleted(scope)
    _run()
    assert _run(LATE_MS).ended == 1
    assert [each.subject.kind for each in erasures.receipts_of(scope.org)] == ["project"]
    assert list(erasures.erasures(deadline=soon())) == []


@pytest.mark.requirement("I8")
def test_a_window_of_a_project_whose_receipts_go_on_ageing_has_its_receipt():
    """Its horizon stands still: what ages out meanwhile is no finding."""
    scope = project()
    shorter = type(scope)(scope.org, scope.project, 7, scope.shards, NOW_MS - 7 * DAY_MS)
    for number in range(30):
        at = NOW_MS - 7 * DAY_MS + number * 20_000
        send(scope, [event(f"{number}", UNTIMED)], now_ms=at, idempotency_key=f"{number}")
    keep(shorter, widest=WINDOW)
    change = Change()
    erasures.ask(change, Subject("window", scope.org, scope.project), by=OPERATOR, at=NOW)
    commit(change)
    assert _run(LATE_MS + 5 * 60_000).ended == 1


def test_one_erasure_that_fails_does_not_keep_the_others(caplog):
    fine = project()
    _deleted(fine)
    broken = Subject("project", project().org, project().project)
    change = Change()
    erasures.ask(change, broken, by=OPERATOR, at=NOW - 1)
    commit(change)
    report = _run(LATE_MS)
    assert (report.failed, report.ended) == (1, 1)
    assert "was left for the next run" in caplog.text


def test_an_erasure_is_late_once_it_takes_longer_than_a_large_project_does():
    scope = project()
    assert erasure.overdue_seconds(now=NOW, deadline=soon()) == 0
    _deleted(scope)
    due = NOW + erasure.USUAL_SECONDS
    assert [erasure.overdue_seconds(now=at, deadline=soon()) for at in (due, due + 60)] == [0, 60]


def test_the_register_of_work_forgets_an_erased_project():
    scope, other = project(), project()
    for each in (scope, other):
        register.note(each, Slot(slot_of(NOW_MS)), now_ms=NOW_MS, deadline=soon())
    _deleted(scope)
    _run()
    noted = [sort for table, p, sort in all_items() if table == keys.WORK and p[:1] == b"w"]
    assert [scope.project in sort for sort in noted] == [False]

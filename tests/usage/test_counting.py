"""Counting adds next to no writes, never holds up what is counted, and says at least so much."""

import logging
import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.events.scope import Scope
from chalicelib.events.store import usage
from chalicelib.events.store.usage import Tally, Used
from chalicelib.ids import DAY_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.items import items
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS, new_scope
from tests.usage.conftest import KEY, SECOND, TODAY, added_up, note, soon

TO_MIDNIGHT = DAY_MS - NOW_MS % DAY_MS


def test_the_first_request_is_added_at_once_and_what_comes_within_ten_seconds_waits(store, scope, container):
    note(container, scope, 3, bytes=100)
    for at in (1, 5, 9):
        note(container, scope, 1, at=at * SECOND, bytes=10)
    assert added_up(scope) == {(0, "key", KEY): Used(accepted=3, bytes=100)}
    note(container, scope, 4, at=10 * SECOND, duplicates=2, bytes=7)
    assert added_up(scope) == {(0, "key", KEY): Used(accepted=10, duplicates=2, bytes=137)}


def test_a_busy_container_adds_one_write_in_ten_seconds(store, scope, container):
    with faults.counted() as calls:
        for at in range(0, 60_000, 100):
            note(container, scope, at=at)
    assert calls.calls == ["UpdateItem"] * 6


def test_rejections_are_counted_by_reason_and_with_their_key(store, scope, container):
    note(container, scope, 1, reasons=("too_old", "too_large", "too_old"))
    assert added_up(scope) == {
        (0, "key", KEY): Used(accepted=1, rejected=3),
        (0, "reason", "too_old"): Used(rejected=2),
        (0, "reason", "too_large"): Used(rejected=1),
    }


def test_a_batch_of_nothing_is_not_counted(store, scope, container):
    with faults.counted() as calls:
        note(container, scope, 0)
    assert calls.calls == []


def test_what_came_before_midnight_is_counted_for_its_day_whenever_it_is_added(store, scope, container):
    note(container, scope, 1, at=TO_MIDNIGHT - 9 * SECOND)
    note(container, scope, 2, at=TO_MIDNIGHT - 1)
    note(container, scope, 4, at=TO_MIDNIGHT + 5 * SECOND)
    assert added_up(scope) == {(0, "key", KEY): Used(accepted=3), (1, "key", KEY): Used(accepted=4)}


def test_counters_end_three_days_after_the_window(store, container):
    scope = new_scope(retention_days=7)
    note(container, scope)
    [counter] = items(keys.EVENTS, keys.usage_partition(scope.org, scope.project))
    assert counter["t"].number == (TODAY + 1 + 7 + 3) * DAY_MS // 1000


@pytest.mark.requirement("I8")
def test_a_container_that_slept_adds_nothing_to_a_project_that_may_be_erased_by_now(store, container):
    erased, living = new_scope(), new_scope()
    note(container, erased, 1)
    note(container, erased, 2, at=SECOND)
    note(container, living, 4, at=SECOND + usage.HELD_MS + 1)
    assert added_up(erased) == {(0, "key", KEY): Used(accepted=1)}
    assert added_up(living) == {(0, "key", KEY): Used(accepted=4)}


@pytest.mark.requirement("I4", "S28")
def test_two_tenants_in_one_container_are_counted_apart(store, container):
    alice, mallory = new_scope(), new_scope()
    note(container, alice, 3)
    note(container, mallory, 5, at=SECOND)
    note(container, alice, 7, at=11 * SECOND)
    assert added_up(alice) == {(0, "key", KEY): Used(accepted=10)}
    assert added_up(mallory) == {(0, "key", KEY): Used(accepted=5)}


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    requests=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 1), st.integers(0, 11_000), st.integers(0, 9),
            st.lists(st.sampled_from(["too_old", "too_large"]), max_size=3),
        ),
        max_size=25,
    )
)  # fmt: skip
def test_when_every_container_has_added_up_the_sum_is_what_was_sent(moto_store, requests):
    containers, tenants = [Tally() for _ in range(3)], [new_scope(), new_scope()]
    expected: list[dict[str, int]] = [{"accepted": 0, "too_old": 0, "too_large": 0} for _ in tenants]
    now = 0
    for container, tenant, pause, accepted, reasons in requests:
        now += pause
        note(containers[container], tenants[tenant], accepted, at=now, reasons=tuple(reasons))
        expected[tenant]["accepted"] += accepted
        for reason in reasons:
            expected[tenant][reason] += 1
    for container in containers:
        container.flush(now_ms=NOW_MS + now + 20_000, deadline=soon())
    for tenant, sums in zip(tenants, expected, strict=True):
        found = added_up(tenant)
        assert sum(used.accepted for used in found.values()) == sums["accepted"]
        for reason in ("too_old", "too_large"):
            at_reason = (used.rejected for (_, kind, name), used in found.items() if (kind, name) == ("reason", reason))
            assert sum(at_reason) == sums[reason]


@pytest.mark.requirement("V15.4.1")
def test_threads_of_one_container_lose_and_double_nothing(store, scope, container):
    def requests() -> None:
        for at in range(0, 40_000, 200):
            note(container, scope, at=at)

    threads = [threading.Thread(target=requests) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    container.flush(now_ms=NOW_MS + 80_000, deadline=soon())
    assert added_up(scope) == {(0, "key", KEY): Used(accepted=1_200)}


def test_many_counters_are_added_by_several_requests(store, container):
    tenants = [new_scope() for _ in range(40)]
    note(container, new_scope())
    for tenant in tenants:
        note(container, tenant, at=SECOND)
    spent = []
    for number in range(1, 20):
        with faults.counted() as calls:
            note(container, tenants[0], at=10 * number * SECOND)
        spent.append(len(calls.calls))
    assert max(spent) <= usage.AT_ONCE
    assert all(added_up(tenant) for tenant in tenants)


# --- when the store is slow, away, or forgetful -----------------------------------------------------------------------


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("name", faults.PASSING)
def test_whatever_the_store_does_counting_raises_nothing_and_goes_on_afterwards(name, store, scope, container, caplog):
    with faults.injected(faults.PASSING[name], lasting=True) as calls:
        note(container, scope, 1)
        for at in range(1, 10):
            note(container, scope, 1, at=at * SECOND)
    assert calls.calls, "the fault was met"
    assert set(calls.calls) == {"UpdateItem"}
    assert len(calls.calls) <= dynamodb.ATTEMPTS, "a store that fails is asked once in ten seconds"
    assert "usage was not counted" in caplog.text
    note(container, scope, 1, at=10 * SECOND)
    counted = added_up(scope)[0, "key", KEY].accepted
    assert counted in ({11} if name == "throttled" else {10, 11}), "what may have been added is not added again"


def test_what_was_refused_for_throttling_is_added_later(store, scope, container):
    with faults.injected(faults.THROTTLED, lasting=True):
        note(container, scope, 5, reasons=("too_old",))
    note(container, scope, 2, at=10 * SECOND)
    assert added_up(scope) == {
        (0, "key", KEY): Used(accepted=7, rejected=1),
        (0, "reason", "too_old"): Used(rejected=1),
    }


def test_an_answer_that_was_lost_doubles_nothing(store, scope, container):
    with faults.injected(faults.LOST_ANSWER):
        note(container, scope, 5)
    note(container, scope, 2, at=10 * SECOND)
    assert added_up(scope) == {(0, "key", KEY): Used(accepted=7)}


@pytest.mark.parametrize("fault", faults.CRASHES.values(), ids=faults.CRASHES)
def test_a_container_that_ends_loses_what_it_held_and_another_goes_on(fault, store, scope, container):
    note(container, scope, 1)
    note(container, scope, 2, at=SECOND)
    with pytest.raises(faults.Crash), faults.injected(fault):
        note(container, scope, 4, at=10 * SECOND)
    note(Tally(), scope, 8, at=11 * SECOND)
    assert added_up(scope)[0, "key", KEY].accepted in {9, 15}


def test_a_request_that_has_no_time_left_adds_nothing_and_loses_nothing(store, scope, container):
    with faults.counted() as calls:
        container.note(scope, KEY, Used(accepted=3), (), now_ms=NOW_MS, deadline=time.monotonic() + 0.1)
    assert calls.calls == []
    note(container, scope, 1, at=SECOND)
    assert added_up(scope) == {(0, "key", KEY): Used(accepted=4)}


def test_a_clock_that_goes_back_stops_nothing(store, scope, container):
    note(container, scope, 1, at=3_600 * SECOND)
    note(container, scope, 2)
    assert sum(used.accepted for used in added_up(scope).values()) == 3


@pytest.mark.requirement("I9")
def test_what_waits_is_bounded(store, scope, container, monkeypatch, caplog):
    monkeypatch.setattr(usage, "MOST_HELD", 5)
    note(container, scope, 1)
    for number in range(20):
        note(container, scope, 1, at=SECOND, key=f"key{number:05d}")
    container.flush(now_ms=NOW_MS + 20 * SECOND, deadline=soon())
    assert len(added_up(scope)) == 1 + 5
    assert "5 counters wait already" in caplog.text


def test_counts_of_one_deployment_never_reach_another(store, scope, container, monkeypatch, caplog):
    note(container, scope, 1)
    note(container, scope, 2, at=SECOND)
    monkeypatch.setenv("SCRY_STAGE", "another")
    settings.current.cache_clear()
    with faults.injected(faults.THROTTLED, lasting=True), caplog.at_level(logging.ERROR):
        note(container, new_scope(), 4, at=2 * SECOND)
    assert [waiting.used.accepted for waiting in container._held.values()] == [4]


def test_a_scope_is_all_that_reading_can_reach(store, scope: Scope, container):
    note(container, scope, 1)
    assert added_up(Scope(scope.org, new_scope().project, 30)) == {}
    assert added_up(Scope(new_scope().org, scope.project, 30)) == {}

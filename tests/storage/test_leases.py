"""A lease: one run at a time, and whoever lost it learns so before anything is saved."""

import time

import pytest

from chalicelib.storage.leases import Lease, LeaseLost, acquire, release, save
from tests import faults
from tests.conftest import NOW_MS
from tests.faults import each_step, injected, meanwhile


def _acquire(now_ms: int = NOW_MS, job: str = "job") -> Lease | None:
    return acquire(job, now_ms=now_ms, seconds=60, deadline=time.monotonic() + 20)


def _acquired(now_ms: int = NOW_MS, job: str = "job") -> Lease:
    lease = _acquire(now_ms, job)
    assert lease is not None
    return lease


def _save(lease: Lease, progress: bytes) -> None:
    save(lease, progress, deadline=time.monotonic() + 20)


def _release(lease: Lease) -> None:
    release(lease, deadline=time.monotonic() + 20)


@pytest.mark.requirement("V15.4.3")
def test_one_run_holds_it_until_it_is_released_or_over(store):
    first = _acquired()
    assert (first.fence, first.progress) == (1, b"")
    assert _acquire(NOW_MS + 60_000) is None
    _save(first, b"half")
    second = _acquired(NOW_MS + 60_001)
    assert (second.fence, second.progress) == (2, b"half")
    _release(second)
    assert _acquired(NOW_MS + 60_002).fence == 3


def test_jobs_do_not_stand_in_each_others_way(store):
    assert _acquired(job="one").job == "one"
    assert _acquired(job="two").job == "two"


@pytest.mark.requirement("V15.4.3")
def test_whoever_lost_it_can_neither_save_nor_release(store):
    stalled = _acquired()
    other = _acquired(NOW_MS + 60_001)
    _save(other, b"newer")
    for act in (lambda: _save(stalled, b"older"), lambda: _release(stalled)):
        with pytest.raises(LeaseLost):
            act()
    _release(other)
    assert _acquired(NOW_MS + 60_002).progress == b"newer"


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", faults.PASSING)
def test_a_fault_on_the_way_loses_nobody_the_lease(engine_store, fault):
    jobs = iter(range(100))

    def attempt(step: int) -> faults.Injected:
        job = str(next(jobs))
        with injected(faults.PASSING[fault], at=step) as transport:
            lease = _acquired(job=job)
            _save(lease, b"progress")
            _release(lease)
        assert lease.fence == 1
        assert _acquired(NOW_MS + 1, job).progress == b"progress"
        return transport

    assert each_step(attempt) >= 3


def test_of_two_that_ask_at_once_one_gets_it(engine_store):
    jobs = iter(range(100))

    def attempt(step: int) -> faults.Injected:
        job = str(next(jobs))
        others: list[Lease | None] = []
        with meanwhile(lambda: others.append(_acquire(job=job)), at=step) as transport:
            mine = _acquire(job=job)
        assert [mine, *others].count(None) == len(others)
        return transport

    assert each_step(attempt) >= 1


@pytest.mark.requirement("V15.4.3")
def test_a_takeover_at_any_step_is_noticed_before_anything_is_saved(engine_store):
    jobs = iter(range(100))

    def attempt(step: int) -> faults.Injected:
        job = str(next(jobs))
        lease = _acquired(job=job)
        saved: list[bytes] = []
        with meanwhile(lambda: _acquired(NOW_MS + 60_001, job), at=step) as transport:
            try:
                for progress in (b"1", b"2", b"3"):
                    _save(lease, progress)
                    saved.append(progress)
            except LeaseLost:
                assert transport.met
        seen = _acquired(NOW_MS + 200_000, job).progress
        assert seen == (saved[-1] if saved else b"")
        assert len(saved) == min(step - 1, 3)
        return transport

    assert each_step(attempt) == 3

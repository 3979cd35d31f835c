"""Where a partition takes no more, the project gets more shards, from an hour on that has not begun."""

import time

import pytest

from chalicelib.events.scope import Scope
from chalicelib.events.store import register
from chalicelib.identity.projects import plan_shards, project_by_id
from chalicelib.ids import Slot, slot_of
from chalicelib.jobs import upkeep
from chalicelib.jobs.growth import MOST_SHARDS, THROTTLED_BATCHES, grow
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS
from tests.faults import each_step, injected
from tests.jobs.conftest import create_project, delete_project
from tests.store.driver import HOUR, event, everything, send, soon, totals

HOUR_BEGINS = slot_of(NOW_MS) * HOUR
NEXT = Slot(slot_of(NOW_MS) + 1)


def _throttled(scope: Scope, batches: int = THROTTLED_BATCHES, *, now_ms: int = NOW_MS) -> None:
    """Batches that were refused at their block, and noted."""
    send(scope, [event("first", now_ms)], now_ms=now_ms)
    for number in range(batches):
        with pytest.raises(StoreUnavailable) as refused, _at_every_block(faults.THROTTLED):
            send(scope, [event(f"{number}", now_ms)], now_ms=now_ms)
        assert refused.value.throttled


def _at_every_block(fault: faults.Fault):
    """The partition of the events fails, the register does not."""

    def act(carry: faults.Carry, request: faults.Request) -> faults.Reply:
        return fault(carry, request) if faults.operation(request[1]) == "PutItem" else carry(*request)

    return injected(act, lasting=True)


def _plan(scope: Scope) -> tuple[tuple[int, int], ...]:
    known = project_by_id(scope.org, scope.project)
    assert known is not None
    return known.shards


def _now(scope: Scope) -> Scope:
    """The project as the next request meets it."""
    return Scope(scope.org, scope.project, scope.retention_days, _plan(scope))


def _upkeep(now_ms: int) -> upkeep.Report:
    return upkeep.run(now_ms=now_ms, deadline=time.monotonic() + 60)


def test_a_throttled_batch_is_noted_with_its_hour():
    scope = create_project()
    _throttled(scope, 3)
    [work] = list(register.noted_work(keys.work_number(scope.project), deadline=soon()))
    assert (work.slot, work.noted, work.throttled) == (slot_of(NOW_MS), slot_of(NOW_MS), 3)


def test_where_even_that_cannot_be_noted_the_batch_is_refused_as_it_was():
    scope = create_project()
    with injected(faults.THROTTLED, at=3, lasting=True) as transport, pytest.raises(StoreUnavailable) as refused:
        send(scope, [event("one")])
    assert refused.value.throttled
    assert transport.calls[-1] == "UpdateItem"


def test_an_outage_without_throttling_plans_nothing():
    scope = create_project()
    for _ in range(2 * THROTTLED_BATCHES):
        with _at_every_block(faults.SERVER_ERROR), pytest.raises(StoreUnavailable):
            send(scope, [event("one", NOW_MS)])
    _upkeep(NOW_MS)
    assert _plan(scope) == ()


def test_what_was_throttled_hours_ago_plans_nothing():
    scope = create_project()
    _throttled(scope)
    notes = list(register.noted_work(keys.work_number(scope.project), deadline=soon()))
    assert not grow(scope, notes, now_ms=HOUR_BEGINS + 2 * HOUR, deadline=soon())
    assert grow(scope, notes, now_ms=HOUR_BEGINS + 2 * HOUR - 1, deadline=soon())


@pytest.mark.parametrize(
    ("minute", "first"), [(0, NEXT), (50, NEXT), (51, NEXT + 1), (59, NEXT + 1)], ids=lambda value: str(value)
)
def test_shards_double_from_an_hour_that_begins_in_ten_minutes_or_more(minute, first):
    scope = create_project()
    now_ms = HOUR_BEGINS + minute * 60_000
    _throttled(scope, now_ms=now_ms)
    assert grow(
        scope, register.noted_work(keys.work_number(scope.project), deadline=soon()), now_ms=now_ms, deadline=soon()
    )
    assert _plan(scope) == ((first, 2),)


def test_one_burst_doubles_once_and_a_lasting_one_hour_by_hour_up_to_64():
    scope = create_project()
    _throttled(scope)
    assert [_upkeep(NOW_MS + minutes * 60_000).grown for minutes in (0, 15, 30, 60, 75)] == [1, 0, 0, 0, 0]
    assert _plan(scope) == ((NEXT, 2),)
    for hour in range(1, 9):
        _throttled(_now(scope), now_ms=NOW_MS + hour * HOUR)
        _upkeep(NOW_MS + hour * HOUR + 60_000)
    assert [count for _, count in _plan(scope)] == [2, 4, 8, 16, 32, MOST_SHARDS]


def test_a_few_refusals_are_not_worth_it():
    scope = create_project()
    _throttled(scope, THROTTLED_BATCHES - 1)
    assert _upkeep(NOW_MS).grown == 0


@pytest.mark.requirement("I1", "I2", "I13")
def test_batches_sent_again_across_the_change_meet_their_shard_and_readers_see_all():
    scope = create_project()
    _throttled(scope)
    before = [[event(f"before {number}", NOW_MS + number)] for number in range(20)]
    after = [[event(f"after {number}", NEXT * HOUR + number)] for number in range(20)]
    for batch in before:
        send(scope, batch)
    _upkeep(NOW_MS)
    grown = _now(scope)
    assert grown.shard_count(NEXT) == 2
    later = NEXT * HOUR + 60_000
    for batch in after:
        assert send(grown, batch, now_ms=later).accepted == 1
    for batch in before + after:
        assert send(grown, batch, now_ms=later).duplicates == 1
    within = {"start": HOUR_BEGINS, "end": later, "now_ms": later}
    rows = everything(grown, **within)
    assert len(rows) == 41
    assert totals(grown, **within) == {41}
    shards = {row.id[-2:] for row in rows if row.message.startswith("after")}
    assert len(shards) == 2


def test_a_plan_is_only_added_to_and_only_of_a_living_project():
    scope = create_project()

    def planned(first: int, count: int) -> bool:
        return plan_shards(scope.org, scope.project, Slot(first), count, deadline=soon())

    assert [planned(10, 2), planned(10, 4), planned(9, 4), planned(11, 4)] == [True, False, False, True]
    assert _plan(scope) == ((10, 2), (11, 4))
    delete_project(scope)
    assert not planned(12, 8)


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", faults.PASSING)
def test_a_plan_is_made_once_whatever_happens_to_the_answer(fault):
    def attempt(step: int) -> faults.Injected:
        scope = create_project()
        with injected(faults.PASSING[fault], at=step) as transport:
            assert plan_shards(scope.org, scope.project, Slot(10), 2, deadline=soon())
        assert _plan(scope) == ((10, 2),)
        return transport

    assert each_step(attempt) == 2


def test_of_two_plans_at_once_one_is_made():
    def attempt(step: int) -> faults.Injected:
        scope = create_project()

        def other() -> None:
            plan_shards(scope.org, scope.project, Slot(11), 4, deadline=soon())

        with faults.meanwhile(other, at=step) as transport:
            made = plan_shards(scope.org, scope.project, Slot(10), 2, deadline=soon())
        assert made != transport.met
        assert _plan(scope) == ((11, 4),) if transport.met else ((10, 2),)
        return transport

    assert each_step(attempt) == 2

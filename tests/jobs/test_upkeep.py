"""The upkeep finds its work without a scan, shares its time, and leaves to the next run what it could not do."""

import itertools
import time
from collections.abc import Iterable
from random import Random

import pytest

from chalicelib.events import compaction
from chalicelib.events.compaction import GRACE_MS
from chalicelib.events.scope import Scope
from chalicelib.events.store import index, register
from chalicelib.events.store.stored import all_merged_blocks, blocks_of
from chalicelib.ids import OrgId, ProjectId, Slot, slot_of
from chalicelib.jobs import upkeep
from chalicelib.jobs.upkeep import Report
from chalicelib.storage import dynamodb, leases
from chalicelib.storage.dynamodb import Reply
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS
from tests.faults import Crash, each_step, injected, meanwhile
from tests.jobs.conftest import RETENTION_DAYS, create_project, delete_project
from tests.store.driver import HOUR, event, messages, send, soon, timeline_total, totals

AT = slot_of(NOW_MS - 5 * HOUR) * HOUR
SLOT = slot_of(AT)
SENT_MS = AT + 2 * HOUR
WRITTEN = 3

AROUND = {"start": AT - HOUR, "end": AT + 4 * HOUR}
PARTITIONS = keys.WORK_PARTITIONS


@pytest.fixture(autouse=True)
def _two_blocks_are_worth_merging(monkeypatch):
    monkeypatch.setattr(compaction, "WORTH_IT", 2)


def _write(scope: Scope, count: int = WRITTEN, *, now_ms: int = SENT_MS, first: int = 0) -> None:
    for number in range(first, first + count):
        send(scope, [event(f"{number}", AT + number * 1000)], now_ms=now_ms)


def _run(now_ms: int = NOW_MS, seconds: float = 60) -> Report:
    return upkeep.run(now_ms=now_ms, deadline=time.monotonic() + seconds)


def _walk(now_ms: int = NOW_MS, *, number: int = 0, deadline: float | None = None) -> Report:
    """A run over one partition of the register only."""
    report = Report()
    upkeep._walk(number, report, upkeep.Clock(now_ms=now_ms, deadline=deadline or time.monotonic() + 60))
    return report


def _notes(scope: Scope) -> list[int]:
    noted = register.noted_work(keys.work_number(scope.project), deadline=soon())
    return [work.slot for work in noted if work.project == scope.project]


def _partition(scope: Scope) -> bytes:
    return keys.slot_partition(scope.org, scope.project, SLOT, 0)


def _blocks(scope: Scope) -> tuple[int, int]:
    """How many merged blocks and how many others there are."""
    partition = _partition(scope)
    merged = all_merged_blocks(scope, partition, deadline=soon())
    return len(merged), len(list(blocks_of(scope, partition, deadline=soon())))


def _watermark(scope: Scope) -> int:
    return index.read_watermark(scope, deadline=soon())


def _counted(scope: Scope) -> int:
    """Events in more than four hours: so many that the index is asked."""
    return timeline_total(scope, **AROUND)


def _check_done(scope: Scope, count: int = WRITTEN) -> None:
    assert _notes(scope) == []
    assert _blocks(scope) == (1, 0)
    assert len(messages(scope, **AROUND)) == count
    assert _counted(scope) == count
    known = index.read_index(scope, SLOT, SLOT, deadline=soon()).counts(SLOT)
    assert known is not None
    assert known.levels == {"info": count}
    assert _watermark(scope) > SLOT


@pytest.mark.requirement("I1", "I13")
def test_an_hour_is_merged_indexed_and_struck_when_nothing_is_left_to_do():
    scope = create_project()
    _write(scope)
    first = _run()
    assert (first.projects, first.merged, first.indexed, first.deleted, first.struck) == (1, WRITTEN, 1, 0, 0)
    assert _notes(scope) == [SLOT]
    second = _run(NOW_MS + GRACE_MS)
    assert (second.projects, second.merged, second.indexed, second.deleted, second.struck) == (1, 0, 0, WRITTEN, 1)
    _check_done(scope)
    assert _run(NOW_MS + GRACE_MS) == Report()


def test_a_note_stays_while_its_clock_hour_may_still_be_written():
    scope = create_project()
    _write(scope, 1, now_ms=NOW_MS)
    end = (slot_of(NOW_MS) + 1) * HOUR
    assert [_run(now_ms).struck for now_ms in (end, end + 15 * 60_000 - 1, end + 15 * 60_000)] == [0, 0, 1]


def test_an_hour_that_is_not_over_for_two_hours_is_neither_indexed_nor_passed():
    scope = create_project()
    _write(scope, 1, now_ms=AT + 60_000)
    end = AT + HOUR
    assert [_run(now_ms).indexed for now_ms in (end, end + 2 * HOUR - 1, end + 2 * HOUR)] == [0, 0, 1]
    assert _watermark(scope) == SLOT + 1


@pytest.mark.requirement("I1")
def test_after_a_rest_of_weeks_no_hour_is_hidden():
    """Notes must not end before what they stand for: the watermark would pass hours that nobody has counted."""
    scope = create_project()
    _write(scope, 3, now_ms=AT + 60_000)
    for note in _items(keys.work_partition(keys.work_number(scope.project))):
        assert note["t"].number * 1000 >= AT + scope.retention_ms
    later = AT + 20 * 24 * HOUR
    _run(later)
    assert totals(scope, start=AT - HOUR, end=later, now_ms=later) == {3}
    assert len(messages(scope, "level:info", start=AT - HOUR, end=later, now_ms=later)) == 3


def _items(partition: bytes) -> list[dict[str, dynamodb.Value]]:
    request = {
        "TableName": dynamodb.table(keys.WORK),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": partition}},
    }
    return list(dynamodb.query_all(request, deadline=soon()))


@pytest.mark.requirement("I12", "I13")
@pytest.mark.parametrize("fault", [faults.CRASH_AFTER, faults.LOST_ANSWER])
def test_a_run_that_ends_anywhere_is_finished_by_those_after_it(fault):
    def attempt(step: int) -> faults.Injected:
        scope = create_project(0)
        _write(scope)
        try:
            with injected(fault, at=step) as transport:
                _walk()
        except Crash:
            pass
        assert _counted(scope) == WRITTEN
        for later in (1, 2, 3):
            _walk(NOW_MS + later * HOUR)
        _check_done(scope)
        return transport

    assert each_step(attempt, pace=3) >= 15


@pytest.mark.requirement("I1", "I2", "I13")
def test_at_any_step_of_a_run_a_late_batch_is_counted_and_merged_in_the_end():
    def attempt(step: int) -> faults.Injected:
        scope = create_project(0)
        _write(scope)
        with meanwhile(lambda: _write(scope, 1, first=WRITTEN, now_ms=NOW_MS), at=step) as transport:
            _walk()
        written = WRITTEN + transport.met
        assert _counted(scope) == written
        for later in (1, 2):
            _walk(NOW_MS + later * HOUR)
        assert _counted(scope) == written
        assert _notes(scope) == []
        assert len(messages(scope, "level:info", **AROUND)) == written
        return transport

    assert each_step(attempt, pace=3) >= 15


@pytest.mark.requirement("I13")
def test_two_runs_at_once_do_the_work_of_one():
    def attempt(step: int) -> faults.Injected:
        scope = create_project(0)
        _write(scope)
        with meanwhile(lambda: _walk(NOW_MS + HOUR), at=step) as transport:  # by then the lease of the first is over
            try:
                _walk()
            except leases.LeaseLost:
                assert transport.met
        assert _counted(scope) == WRITTEN
        for later in (2, 3):
            _walk(NOW_MS + later * HOUR)
        _check_done(scope)
        return transport

    assert each_step(attempt, pace=3) >= 15


# --- many projects ----------------------------------------------------------------------------------------------------


def _note_projects(count: int, *, number: int | None = None) -> list[tuple[OrgId, ProjectId]]:
    """So many projects with a note each, all deleted: the walk meets them and strikes the notes."""
    heads = [bytes((each % 256 if number is None else number,)) for each in range(count)]
    tails = [Random(each).randbytes(15) for each in range(count)]
    made = [(OrgId(tail[:8]), ProjectId(head + tail[8:])) for head, tail in zip(heads, tails, strict=True)]
    writes = [
        {
            "PutRequest": {
                "Item": {
                    "p": {"B": keys.work_partition(keys.work_number(project))},
                    "s": {"B": keys.work_sort(SLOT, org, project, SLOT)},
                }
            }
        }
        for org, project in made
    ]
    for chunk in range(0, count, 25):
        dynamodb.call("BatchWriteItem", {"RequestItems": {dynamodb.table(keys.WORK): writes[chunk : chunk + 25]}})
    return made


def _noted_projects() -> set[ProjectId]:
    return {work.project for number in range(PARTITIONS) for work in register.noted_work(number, deadline=soon())}


@pytest.mark.requirement("I12")
def test_of_2000_projects_a_killed_run_leaves_the_rest_and_the_next_ones_finish():
    _note_projects(2_000)
    seen: list[int] = []
    for at in (2_000, 1_500):
        with pytest.raises(Crash), injected(faults.CRASH_AFTER, at=at):
            _run(NOW_MS + len(seen) * HOUR)
        seen.append(len(_noted_projects()))
    assert 2_000 > seen[0] > seen[1] > 0
    final = _run(NOW_MS + 3 * HOUR)
    assert final.struck == final.projects == seen[-1]
    assert _noted_projects() == set()


def test_a_run_stops_at_four_fifths_of_its_time_and_the_next_goes_on_where_it_was(monkeypatch):
    made = _note_projects(80, number=0)
    clock = _StepClock(monkeypatch)
    handled: list[list[ProjectId]] = []
    monkeypatch.setattr(upkeep._Walk, "_strike", lambda walk, works: handled[-1].extend(w.project for w in works))
    for turn in range(3):
        handled.append([])
        clock.rest()
        assert _walk(NOW_MS + turn * HOUR, deadline=clock.now + 100).interrupted
        assert 80 <= clock.used <= 85
    assert {project for turn in handled for project in turn} == {project for _, project in made}
    assert all(set(one).isdisjoint(other) for one, other in itertools.pairwise(handled))


def test_every_project_has_its_turn_those_behind_the_last_one_first():
    assert upkeep._from(b"b", [b"c", b"a", b"b"]) == [b"c", b"a", b"b"]
    assert upkeep._from(b"", [b"c", b"a", b"b"]) == [b"a", b"b", b"c"]


class _StepClock:
    """Time that passes by 1 s with each request, so that a run's end does not depend on the machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self._begun = 1_000.0
        self._carry = dynamodb.transport
        monkeypatch.setattr(dynamodb, "transport", self)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        self.now += 1
        return self._carry(endpoint, headers, body)

    def rest(self) -> None:
        self._begun = self.now

    @property
    def used(self) -> float:
        return self.now - self._begun


def test_the_lease_lasts_as_long_as_the_run_that_holds_it(monkeypatch):
    clock = _StepClock(monkeypatch)
    held: list[int] = []
    original = leases.acquire

    def acquire(job: str, *, now_ms: int, seconds: int, deadline: float) -> leases.Lease | None:
        lease = original(job, now_ms=now_ms, seconds=seconds, deadline=deadline)
        assert lease is not None
        held.append(lease.until)
        return lease

    monkeypatch.setattr(leases, "acquire", acquire)
    upkeep.run(now_ms=NOW_MS, deadline=clock.now + 900)
    assert len(held) == PARTITIONS
    assert min(held) >= NOW_MS + 900_000
    assert max(held) <= NOW_MS + 910_000


@pytest.mark.requirement("S39")
def test_a_deleted_project_is_struck_from_the_register_and_nothing_is_written_of_it():
    busy, idle = create_project(), create_project()
    _write(busy)
    for scope in (busy, idle):
        delete_project(scope)
    report = _run()
    assert (report.struck, report.merged, report.indexed) == (1, 0, 0)
    assert _notes(busy) == []
    assert [_watermark(busy), _watermark(idle)] == [0, 0]


@pytest.mark.requirement("I12")
def test_a_project_that_cannot_be_kept_up_does_not_stop_the_others(caplog):
    broken, sound = create_project(0), create_project(0)
    for scope in (broken, sound):
        _write(scope)
    partition = _partition(broken)
    item = {"p": {"B": partition}, "s": {"B": keys.merged_sort(1)}, "b": {"B": b"damaged"}}
    dynamodb.call("PutItem", {"TableName": dynamodb.table(keys.EVENTS), "Item": item})
    assert [_run(NOW_MS + hours * HOUR).failed for hours in range(2)] == [1, 1]
    _check_done(sound)
    assert _notes(broken) == [SLOT]
    assert broken.project.hex() in caplog.text


@pytest.mark.requirement("I12")
def test_a_partition_that_the_store_refuses_is_left_for_the_next_run():
    scope = create_project()
    _write(scope)
    with injected(faults.SERVER_ERROR, at=1, lasting=True):
        assert _run().failed == PARTITIONS
    assert _run().merged == WRITTEN


def test_projects_without_events_have_their_watermarks_raised_every_six_hours():
    scopes = [create_project() for _ in range(20)]
    seen = []
    for hours in (0, 5, 6):
        _run(NOW_MS + hours * HOUR)
        seen.append({_watermark(scope) for scope in scopes})
    now = slot_of(NOW_MS)
    assert seen == [{Slot(now - 2)}, {Slot(now - 2)}, {Slot(now + 4)}]


def test_raising_idle_watermarks_goes_on_where_it_was_interrupted(monkeypatch):
    scopes = [create_project(0) for _ in range(30)]
    clock = _StepClock(monkeypatch)
    for turn in range(12):
        # The partition's turn comes first in a quarter of an hour whose number is a multiple of 16.
        begin = NOW_MS // (16 * 900_000) * 16 * 900_000 + turn * 16 * 900_000
        upkeep.run(now_ms=begin, deadline=clock.now + 16)
    marks = _without_clock(scopes, clock)
    assert all(marks)


def _without_clock(scopes: Iterable[Scope], clock: _StepClock) -> list[int]:
    return [index.read_watermark(scope, deadline=clock.now + 1_000) for scope in scopes]


def test_a_project_takes_part_with_the_window_it_has_now():
    scope = create_project()
    assert scope.retention_days == RETENTION_DAYS
    _write(scope, 600, now_ms=SENT_MS)
    assert _run(SENT_MS + HOUR).trained == 1

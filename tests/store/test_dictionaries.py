"""The life of a dictionary: trained by the job, used for a week, kept longer than anything written with it."""

import json
from functools import cache
from random import Random

import pytest

from chalicelib.events.block import Dictionary
from chalicelib.events.block import training as codec_training
from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.event import Event
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries
from chalicelib.events.store.dictionaries import DictionaryMissing, for_reading, for_writing, newest, publish
from chalicelib.events.store.put import expires_at
from chalicelib.events.store.stored import blocks_of
from chalicelib.events.training import LEAST_EVENTS, RENEWED_AFTER_MS, renew_dictionary
from chalicelib.ids import DAY_MS, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS, new_scope
from tests.faults import Crash, each_step, injected, meanwhile
from tests.store.driver import HOUR, event, everything, send, soon

WEEK = 7 * DAY_MS


@pytest.fixture(autouse=True)
def _tables(tables):
    """All of these run on the shared tables."""


def _orders(count: int, seed: int = 1) -> list[Event]:
    chance = Random(seed)
    return [
        event(
            f"order {chance.getrandbits(32)} was accepted by the warehouse",
            NOW_MS - 10 * 60_000 + number,
            service="checkout",
            trace_id=f"{chance.getrandbits(128):032x}",
            metadata={"duration_ms": chance.randrange(900), "region": chance.choice(["north", "south"])},
        )
        for number in range(count)
    ]


@cache
def _data() -> bytes:
    return codec_training.train(_orders(600), 1, chance=Random(1)).data


def _publish(scope: Scope, version: int = 1, *, now_ms: int = NOW_MS) -> None:
    assert publish(scope, Dictionary(version, _data()), now_ms=now_ms, deadline=soon())


def _version(scope: Scope, now_ms: int = NOW_MS) -> int:
    dictionary = for_writing(scope, now_ms=now_ms, deadline=soon())
    return dictionary.version if dictionary else 0


def _blocks(scope: Scope) -> list[tuple[int, int]]:
    """Version of the dictionary and bytes of each block of the present hour."""
    partition = keys.slot_partition(scope.org, scope.project, slot_of(NOW_MS), 0)
    return [(each.block.header.dictionary, each.size) for each in blocks_of(scope, partition, deadline=soon())]


def _expiry(scope: Scope, version: int) -> int:
    partition, sort = keys.dictionary_partition(scope.org, scope.project), keys.dictionary_sort(version)
    key = {"p": {"B": partition}, "s": {"B": sort}}
    found = dynamodb.call("GetItem", {"TableName": dynamodb.table(keys.EVENTS), "Key": key}).item
    assert found is not None
    return found["t"].number


def test_a_project_without_one_writes_without():
    assert _version(new_scope()) == 0


def test_a_version_is_used_for_a_week_and_not_after():
    scope = new_scope()
    _publish(scope)
    assert [_version(scope, NOW_MS + age) for age in (0, WEEK, WEEK + 1)] == [1, 1, 0]


def test_a_new_version_is_used_at_most_five_minutes_later(monkeypatch):
    scope = new_scope()
    clock = [1000.0]
    monkeypatch.setattr(dictionaries.time, "monotonic", lambda: clock[0])
    deadline = 2000.0
    seen = []
    for seconds in (0, 299, 301):
        clock[0] = 1000.0 + seconds
        dictionary = for_writing(scope, now_ms=NOW_MS, deadline=deadline)
        seen.append(dictionary.version if dictionary else 0)
        if not seconds:
            _publish_without_clock(scope, deadline)
    assert seen == [0, 0, 1]


def _publish_without_clock(scope: Scope, deadline: float) -> None:
    assert publish(scope, Dictionary(1, _data()), now_ms=NOW_MS, deadline=deadline)


@pytest.mark.parametrize(("days", "used"), [(29, 1), (30, 1), (31, 0)])
def test_a_project_whose_window_has_grown_writes_without_it(days, used):
    scope = new_scope(retention_days=30)
    _publish(scope)
    assert _version(Scope(scope.org, scope.project, days)) == used


@pytest.mark.requirement("I1")
def test_a_version_outlives_every_block_that_may_be_written_with_it():
    scope = new_scope()
    _publish(scope)
    newest_row = NOW_MS + WEEK + 300_000  # written in its last moment, five minutes ahead of the clock
    assert _expiry(scope, 1) >= expires_at(newest_row, scope) + DAY_MS // 1000


def test_a_version_is_put_once():
    scope = new_scope()
    _publish(scope)
    assert not publish(scope, Dictionary(1, _data()[:-1]), now_ms=NOW_MS + 1, deadline=soon())
    faults.new_process()
    assert for_reading(scope, 1, deadline=soon()).data == _data()


def test_one_that_is_missing_is_said_and_never_skipped():
    scope = new_scope()
    _publish(scope)
    send(scope, _orders(10))
    [(version, _)] = _blocks(scope)
    assert version == 1
    _delete_dictionary(scope)
    faults.new_process()
    with pytest.raises(DictionaryMissing):
        everything(scope)


def _delete_dictionary(scope: Scope) -> None:
    key = {"p": {"B": keys.dictionary_partition(scope.org, scope.project)}, "s": {"B": keys.dictionary_sort(1)}}
    dynamodb.call("DeleteItem", {"TableName": dynamodb.table(keys.EVENTS), "Key": key})


def test_many_projects_share_what_is_remembered_without_harm():
    scopes = [new_scope() for _ in range(dictionaries.CACHED_VERSIONS + 5)]
    for scope in scopes:
        _publish(scope)
    assert [_version(scope) for scope in scopes + scopes] == [1] * 2 * len(scopes)
    assert len(dictionaries._versions) == dictionaries.CACHED_VERSIONS


# --- training ---------------------------------------------------------------------------------------------------------


def _renew(scope: Scope, now_ms: int = NOW_MS) -> bool:
    return renew_dictionary(scope, now_ms=now_ms, deadline=soon())


def test_after_training_small_batches_are_smaller_and_all_are_read():
    scope = new_scope()
    send(scope, _orders(LEAST_EVENTS - 1))
    assert not _renew(scope)
    send(scope, _orders(10, seed=2))
    assert _renew(scope)
    faults.new_process()
    send(scope, _orders(10, seed=3))
    blocks = _blocks(scope)
    [plain, trained] = [min(size for used, size in blocks if used == version) for version in (0, 1)]
    assert trained < plain * 0.75
    faults.new_process()
    assert len(everything(scope)) == LEAST_EVENTS + 19


def test_one_is_trained_a_day_before_the_last_ends_or_when_the_window_grew():
    scope = new_scope()
    send(scope, _orders(LEAST_EVENTS))
    assert [_renew(scope), _renew(scope)] == [True, False]
    wider = Scope(scope.org, scope.project, scope.retention_days + 1)
    assert [_renew(wider), _renew(wider)] == [True, False]
    assert newest(scope, deadline=soon()).version == 2
    later = NOW_MS + RENEWED_AFTER_MS
    send(scope, [_at(each, later - HOUR) for each in _orders(LEAST_EVENTS)], now_ms=later)
    assert [_renew(wider, later - 1), _renew(wider, later)] == [False, True]


def _at(sent: Event, at: int) -> Event:
    return event(sent.message, at, service=sent.service)


def test_events_that_have_nothing_in_common_teach_nothing(monkeypatch):
    def refuse(sample: list[Event], version: int, *, chance: Random) -> Dictionary:
        raise codec_training.TooFewSamples(len(sample))

    monkeypatch.setattr("chalicelib.events.training.train", refuse)
    scope = new_scope()
    send(scope, _orders(LEAST_EVENTS))
    assert not _renew(scope)


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", [*faults.CRASHES.values(), faults.LOST_ANSWER])
def test_two_runs_and_a_run_that_ends_too_soon_leave_one_whole_version(fault):
    sample = _orders(LEAST_EVENTS)
    for act in (None, fault):

        def attempt(step: int, act: faults.Fault | None = act) -> faults.Injected:
            scope = new_scope()
            send(scope, sample)
            try:
                with (
                    meanwhile(lambda: _publish(scope), at=step) if act is None else injected(act, at=step) as transport
                ):
                    publish(scope, Dictionary(1, _data()), now_ms=NOW_MS, deadline=soon())
            except Crash:
                pass
            except AssertionError:
                assert act is None  # the other party came second
            faults.new_process()
            send(scope, _orders(10, seed=4))
            assert len(everything(scope)) == LEAST_EVENTS + 10
            return transport

        assert each_step(attempt) == 1


@pytest.mark.requirement("I13")
def test_what_was_written_with_several_versions_is_merged_and_read():
    scope = new_scope()
    at = NOW_MS - 5 * HOUR
    for version in (1, 2, 3):
        _publish(scope, version)
        faults.new_process()
        for number in range(4):
            send(scope, [event(f"{version}-{number}", at + number)], now_ms=NOW_MS - HOUR)
    before = {row.id: json.dumps(row.metadata) for row in everything(scope)}
    for now_ms in (NOW_MS, NOW_MS + GRACE_MS):
        compact(scope, slot_of(at), now_ms=now_ms, deadline=soon())
        faults.new_process()
        assert {row.id: json.dumps(row.metadata) for row in everything(scope)} == before

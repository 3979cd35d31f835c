"""Whatever fails while a batch is sent: it is acknowledged and there once, or it is not and a resend completes it."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from random import Random

import pytest

from chalicelib.events.block import Dictionary, pack
from chalicelib.events.block import training as codec_training
from chalicelib.events.event import Event
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, index, register
from chalicelib.events.store import split as split_module
from chalicelib.events.store.append import Outcome
from chalicelib.ids import DAY_MS, slot_of
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables.keys import work_number
from tests import faults
from tests.conftest import NOW_MS
from tests.faults import Crash, each_step, injected, new_process
from tests.store.driver import HOUR, UNTIMED, event, everything, indexed_scope, send, soon

MINUTE = 60_000


def _bulky(count: int) -> list[Event]:
    """Enough ids that the block becomes two items."""
    chance = Random(count)
    return [
        event(
            f"request {number}", NOW_MS - 200_000 + number * 500,
            trace_id=f"{chance.getrandbits(128):032x}", metadata={"order": number, "key": chance.randbytes(8).hex()},
        )
        for number in range(count)
    ]  # fmt: skip


BATCHES: dict[str, list[Event]] = {
    "one event": [event("one", metadata={"order": 7})],
    "several hours, two of them late": [event(f"{ago} hours ago", NOW_MS - ago * HOUR) for ago in (0, 1, 3, 30)],
    "a block of two items": _bulky(300),
    "some without a time": [event("untimed", UNTIMED), event("timed", NOW_MS - 10 * MINUTE)],
    "some too far ahead": [event("ahead", NOW_MS + 6 * MINUTE), event("now"), event("before", NOW_MS - 2 * HOUR)],
    "some near the edge": [event("edge", NOW_MS - 2 * DAY_MS + 10 * MINUTE), event("too old", NOW_MS - 3 * DAY_MS)],
}
KEYED = "untimed, with an idempotency key"
CASES = [*BATCHES, KEYED]
LATER = (0, 10 * MINUTE, 3 * HOUR)
"""When the batch is sent again: at once, when what was ahead is usable, when what was at the edge is too old."""


def _send(scope: Scope, case: str, *, after: int = 0) -> Outcome:
    if case == KEYED:
        return send(scope, [event("hello", UNTIMED)], idempotency_key="a", now_ms=NOW_MS + after)
    return send(scope, BATCHES[case], now_ms=NOW_MS + after)


def _found(scope: Scope) -> list[str]:
    rows = everything(scope, start=NOW_MS - 4 * DAY_MS)
    assert len({row.id for row in rows}) == len(rows)
    return sorted(row.message for row in rows)


def _expected(case: str) -> list[str]:
    return ["hello"] if case == KEYED else sorted(e.message for e in BATCHES[case] if e.message != "too old")


def _size(case: str) -> int:
    return 1 if case == KEYED else len(BATCHES[case])


def _check_sent(case: str, outcome: Outcome) -> None:
    assert outcome.accepted + outcome.duplicates == len(_expected(case))
    assert outcome.accepted + outcome.duplicates + len(outcome.rejected) == _size(case)


def _fail_and_send_again(case: str, fault: faults.Fault, step: int, *, lasting: bool) -> faults.Injected:
    scope = indexed_scope(retention_days=2)
    try:
        with injected(fault, at=step, lasting=lasting) as transport:
            outcome = _send(scope, case)
    except (StoreUnavailable, Crash):
        assert set(_found(scope)) <= set(_expected(case))
        new_process()
    else:
        _check_sent(case, outcome)
        assert _found(scope) == _expected(case)
    for after in LATER:
        _check_sent(case, _send(scope, case, after=after))
    assert _found(scope) == _expected(case)
    return transport


@pytest.mark.requirement("I1", "I2", "I3", "I12")
@pytest.mark.parametrize("fault", faults.PASSING)
@pytest.mark.parametrize("case", CASES)
def test_a_fault_that_passes_is_overcome_without_a_word(tables, case, fault):
    def attempt(step: int) -> faults.Injected:
        scope = indexed_scope(retention_days=2)
        with injected(faults.PASSING[fault], at=step) as transport:
            outcome = _send(scope, case)
        assert outcome.accepted == len(_expected(case))
        assert _found(scope) == _expected(case)
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I2", "I3")
@pytest.mark.parametrize("fault", faults.PASSING)
@pytest.mark.parametrize("case", ["a block of two items", "several hours, two of them late"])
def test_a_fault_does_not_make_a_duplicate_new(tables, case, fault):
    scope = indexed_scope(retention_days=2)
    _send(scope, case)

    def attempt(step: int) -> faults.Injected:
        with injected(faults.PASSING[fault], at=step) as transport:
            outcome = _send(scope, case, after=step)
        assert (outcome.accepted, outcome.duplicates) == (0, len(_expected(case)))
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I1", "I2", "I3", "I12")
@pytest.mark.parametrize("fault", faults.PASSING)
@pytest.mark.parametrize("case", CASES)
def test_a_batch_that_an_outage_cut_off_is_completed_by_a_resend(tables, case, fault):
    assert each_step(lambda step: _fail_and_send_again(case, faults.PASSING[fault], step, lasting=True)) >= 3


@pytest.mark.requirement("I1", "I2", "I12")
@pytest.mark.parametrize("fault", faults.CRASHES)
@pytest.mark.parametrize("case", CASES)
def test_a_batch_that_a_crash_cut_off_is_completed_by_a_resend(tables, case, fault):
    assert each_step(lambda step: _fail_and_send_again(case, faults.CRASHES[fault], step, lasting=False)) >= 3


@pytest.mark.requirement("I1")
@pytest.mark.parametrize("case", CASES)
def test_no_batch_is_acknowledged_before_its_hours_are_noted(tables, case):
    scope = indexed_scope(retention_days=2)
    _send(scope, case)
    found = {slot_of(row.timestamp) for row in everything(scope, start=NOW_MS - 4 * DAY_MS)}
    assert _noted(scope) == found
    for slot in found:
        late = (slot + 2) * HOUR <= NOW_MS
        assert index.read_marks(scope, slot, deadline=soon()).pending == late


def _noted(scope: Scope) -> set[int]:
    works = register.noted_work(work_number(scope.project), deadline=soon())
    return {work.slot for work in works if work.project == scope.project}


@pytest.mark.requirement("I1", "I12")
def test_a_container_notes_again_what_it_could_not_note(tables, scope):
    with pytest.raises(StoreUnavailable), injected(faults.THROTTLED, at=2, lasting=True) as transport:
        send(scope, [event("one")])
    assert transport.calls[1] == "UpdateItem"
    send(scope, [event("one")])
    assert _noted(scope) == {slot_of(NOW_MS)}


@pytest.mark.requirement("I9")
def test_no_request_is_begun_after_the_deadline(tables, scope):
    with faults.counted() as transport, pytest.raises(StoreUnavailable):
        send(scope, [event("one")], deadline=0.001)
    assert transport.calls == []


# --- what may change between two sends --------------------------------------------------------------------------------


@cache
def _trained() -> bytes:
    return codec_training.train(_bulky(600), 1, chance=Random(1)).data


def _new_dictionary(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dictionaries.publish(scope, Dictionary(1, _trained()), now_ms=NOW_MS, deadline=soon())


def _other_layout(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("chalicelib.events.block.pack")
    monkeypatch.setattr(module, "ROWS_UP_TO", 0)
    monkeypatch.setattr(module, "DETACHED_FROM", 64)


def _more_rows_in_a_block(scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_module, "ROWS_LIMIT", 100_000)


CHANGES: list[Callable[[Scope, pytest.MonkeyPatch], None]] = [_new_dictionary, _other_layout, _more_rows_in_a_block]


@pytest.mark.requirement("I1", "I2")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("case", ["one event", "a block of two items", "some too far ahead"])
def test_every_row_is_read_whole_where_the_resend_packs_differently(tables, case, change):
    def attempt(step: int) -> faults.Injected:
        scope = indexed_scope(retention_days=2)
        with pytest.MonkeyPatch.context() as monkeypatch:
            try:
                with injected(faults.CRASH_AFTER, at=step) as transport:
                    _send(scope, case)
            except Crash:
                new_process()
            change(scope, monkeypatch)
            new_process()
            _send(scope, case)
        rows = {row.message: row for row in everything(scope)}
        assert len(rows) == len(BATCHES[case])
        for sent in BATCHES[case]:
            assert rows[sent.message].trace_id == sent.trace_id
            assert rows[sent.message].metadata.items() >= sent.metadata.items()
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I2", "I3")
@pytest.mark.parametrize("limit", [100, 10_000])
def test_a_large_batch_is_cut_the_same_way_by_later_code(tables, scope, monkeypatch, limit):
    events = [event(f"{number}", NOW_MS - 6_000 + number) for number in range(6_000)]
    assert send(scope, events).accepted == 6_000
    monkeypatch.setattr(split_module, "ROWS_LIMIT", limit)
    assert send(scope, events).duplicates == 6_000
    assert len(everything(scope)) == 6_000


@pytest.mark.requirement("I3")
def test_large_events_are_spread_over_as_many_blocks_as_they_need(tables, scope):
    chance = Random(3)
    texts = [chance.randbytes(60_000).hex() for _ in range(12)]
    events = [event(text, NOW_MS - number * 10) for number, text in enumerate(texts)]
    body = "".join(texts).encode()
    assert send(scope, events, body=body).accepted == 12
    assert send(scope, events, body=body).duplicates == 12
    assert {row.message for row in everything(scope)} == set(texts)


@pytest.mark.requirement("I3")
def test_large_events_without_a_time_are_spread_too(tables, scope):
    texts = [Random(number).randbytes(60_000).hex() for number in range(12)]
    outcome = send(scope, [event(text, UNTIMED) for text in texts], body="".join(texts).encode())
    assert (outcome.accepted, outcome.rejected) == (12, [])
    assert {row.message for row in everything(scope, start=NOW_MS - HOUR)} == set(texts)


@pytest.mark.requirement("I3", "I9")
def test_of_a_batch_over_too_many_blocks_the_oldest_are_named(tables, scope, monkeypatch):
    monkeypatch.setattr("chalicelib.events.store.append.PARTS_LIMIT", 3)
    events = [event(f"{ago}", NOW_MS - ago * 10 * MINUTE) for ago in range(5)]
    for _ in range(2):
        outcome = send(scope, events)
        assert [(each.index, each.reason) for each in outcome.rejected] == [(3, "too_scattered"), (4, "too_scattered")]
        assert outcome.accepted + outcome.duplicates == 3
    assert [row.message for row in everything(scope)] == ["0", "1", "2"]


@pytest.mark.requirement("I2")
def test_two_senders_of_one_batch_store_it_once(tables):
    for case in CASES:

        def attempt(step: int, case: str = case) -> faults.Injected:
            scope = indexed_scope(retention_days=2)
            others: list[Outcome] = []
            with faults.meanwhile(lambda: others.append(_send(scope, case, after=1)), at=step) as transport:
                outcome = _send(scope, case)
            if others:
                assert outcome.accepted + others[0].accepted == len(_expected(case))
            assert _found(scope) == _expected(case)
            return transport

        assert each_step(attempt) >= 3


def test_what_is_packed_with_a_dictionary_differs_from_what_is_not():
    events = BATCHES["a block of two items"]
    plain = pack(events, received_at=NOW_MS, dictionary=None)
    assert plain.detail is not None
    assert pack(events, received_at=NOW_MS, dictionary=Dictionary(1, _trained())).detail_hash != plain.detail_hash

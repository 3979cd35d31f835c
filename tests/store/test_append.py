"""A batch in: stored once, whatever happens to the answer, and found."""

import pytest

from chalicelib.events.store.receipt import IdempotencyConflict
from tests.conftest import NOW_MS
from tests.store.driver import HOUR, UNTIMED, event, everything, indexed_scope, messages, send


@pytest.mark.requirement("I1")
def test_what_was_accepted_is_found(store, scope):
    outcome = send(scope, [event("one"), event("two", NOW_MS - 30_000), event("three", NOW_MS - 3 * HOUR)])
    assert (outcome.accepted, outcome.duplicates, outcome.rejected) == (3, 0, [])
    assert messages(scope) == ["two", "one", "three"]


@pytest.mark.requirement("I2", "W4")
def test_a_batch_sent_three_times_appears_once(store, scope):
    events = [event("one"), event("two", NOW_MS - 2 * HOUR)]
    assert send(scope, events).accepted == 2
    again = [send(scope, events, now_ms=NOW_MS + minutes * 60_000) for minutes in (1, 200)]
    assert [(outcome.accepted, outcome.duplicates) for outcome in again] == [(0, 2), (0, 2)]
    assert messages(scope) == ["one", "two"]


def test_a_body_without_any_time_happened_as_often_as_it_was_sent(store, scope):
    for _ in range(2):
        assert send(scope, [event("hello", UNTIMED)]).accepted == 1
    assert messages(scope) == ["hello", "hello"]


@pytest.mark.requirement("W4")
def test_an_idempotency_key_makes_it_happen_once(store, scope):
    sends = [
        send(scope, [event("hello", UNTIMED)], idempotency_key="a", now_ms=NOW_MS + minutes * 60_000)
        for minutes in (0, 5)
    ]
    assert [(each.accepted, each.duplicates) for each in sends] == [(1, 0), (0, 1)]
    assert [row.timestamp for row in everything(scope)] == [NOW_MS]


@pytest.mark.requirement("W4")
def test_an_idempotency_key_with_another_body_is_refused_and_stores_nothing(store, scope):
    send(scope, [event("hello", UNTIMED)], idempotency_key="a")
    with pytest.raises(IdempotencyConflict):
        send(scope, [event("other", UNTIMED)], idempotency_key="a")
    assert messages(scope) == ["hello"]


@pytest.mark.requirement("I3")
def test_an_event_older_than_the_retention_is_named_and_the_rest_stored(store, scope):
    outcome = send(scope, [event("old", NOW_MS - 31 * 24 * HOUR), event("new")])
    assert outcome.accepted == 1
    assert [(each.index, each.reason) for each in outcome.rejected] == [(0, "too_old")]
    assert messages(scope) == ["new"]


@pytest.mark.requirement("W3")
def test_a_time_too_far_ahead_becomes_the_time_of_receipt_and_is_kept(store, scope):
    send(scope, [event("soon", NOW_MS + 4 * 60_000), event("later", NOW_MS + 6 * 60_000)])
    rows = {row.message: row for row in everything(scope)}
    assert rows["soon"].timestamp == NOW_MS + 4 * 60_000
    assert rows["later"].timestamp == NOW_MS
    assert rows["later"].metadata == {"_sent": {"timestamp": NOW_MS + 6 * 60_000}}


@pytest.mark.requirement("I2")
@pytest.mark.parametrize("resend_after_ms", [1, 60_000, 10 * 60_000, 2 * HOUR, 26 * HOUR])
@pytest.mark.parametrize(
    "times",
    [
        [NOW_MS + 299_000, NOW_MS],
        [NOW_MS + 301_000, NOW_MS],
        [NOW_MS + 301_000, NOW_MS + 290_000, NOW_MS - 20_000],
        [NOW_MS + 25 * HOUR, NOW_MS + 301_000, NOW_MS],
        [UNTIMED, NOW_MS - 5],
        [NOW_MS - 48 * HOUR + 1_000, NOW_MS],
        [NOW_MS - 48 * HOUR - 1_000, NOW_MS - 48 * HOUR + 1_000],
        [NOW_MS - 47 * HOUR, NOW_MS],
    ],
)
def test_the_clock_of_the_first_send_decides_for_every_resend(tables, times, resend_after_ms):
    scope = indexed_scope(retention_days=2)
    events = [event(f"number {number}", at) for number, at in enumerate(times)]
    first = send(scope, events)
    second = send(scope, events, now_ms=NOW_MS + resend_after_ms)
    assert second.accepted == 0
    assert second.duplicates + len(second.rejected) == len(times)
    seen = everything(scope, start=NOW_MS - 60 * HOUR)
    assert len(seen) == first.accepted

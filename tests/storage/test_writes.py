"""Many writes: none is lost, and an end that is not one is said."""

import time

import pytest

from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import items
from chalicelib.storage.tables import keys
from chalicelib.storage.writes import delete_all
from tests import faults
from tests.faults import Crash, injected

PARTITION = b"writes"


def _put(count: int) -> list[tuple[bytes, bytes]]:
    places = [(PARTITION, bytes((number,))) for number in range(count)]
    for p, s in places:
        dynamodb.call("PutItem", {"TableName": dynamodb.table(keys.EVENTS), "Item": {"p": {"B": p}, "s": {"B": s}}})
    return places


def _left() -> int:
    return len(items(keys.EVENTS, PARTITION))


def _delete(places: list[tuple[bytes, bytes]], seconds: float = 20) -> int:
    return delete_all(keys.EVENTS, places, deadline=time.monotonic() + seconds)


@pytest.mark.parametrize("count", [0, 1, 25, 26, 60])
def test_all_are_deleted_and_a_second_time_does_no_harm(store, count):
    places = _put(count)
    assert _delete(places) == count
    assert _left() == 0
    assert _delete(places) == count


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", [faults.UNPROCESSED, *faults.PASSING.values()])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_is_left_unprocessed_is_sent_again(engine_store, fault, at):
    places = _put(60)
    with injected(fault, at=at):
        assert _delete(places) == 60
    assert _left() == 0


@pytest.mark.requirement("I12")
def test_where_half_is_left_each_time_it_goes_on_until_all_are_done(engine_store):
    places = _put(60)
    with injected(_halved, lasting=True) as transport:
        assert _delete(places) == 60
    assert len(transport.calls) >= 9
    assert _left() == 0


def _halved(carry: faults.Carry, request: faults.Request) -> faults.Reply:
    """As `UNPROCESSED`, but a single write is done."""
    single = request[2].count(b"DeleteRequest") == 1
    return carry(*request) if single else faults.UNPROCESSED(carry, request)


@pytest.mark.requirement("I9", "I11")
def test_where_some_are_left_at_the_deadline_it_is_said(engine_store):
    places = _put(3)
    deadline = time.monotonic() + 1

    def late(carry: faults.Carry, request: faults.Request) -> faults.Reply:
        time.sleep(max(0.0, deadline - time.monotonic()))
        return faults.UNPROCESSED(carry, request)

    with injected(late, lasting=True), pytest.raises(StoreUnavailable) as raised:
        delete_all(keys.EVENTS, places, deadline=deadline)
    assert raised.value.throttled
    assert 0 < _left() < 3


@pytest.mark.requirement("I12")
def test_after_a_crash_the_same_deletion_finishes(engine_store):
    places = _put(60)
    with injected(faults.CRASH_AFTER, at=2), pytest.raises(Crash):
        _delete(places)
    assert _left() == 10
    assert _delete(places) == 60
    assert _left() == 0

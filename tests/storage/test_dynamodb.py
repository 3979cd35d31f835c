"""One call: tried again where that may help, never beyond its time, and honest about what may have happened."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib import settings
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import ATTEMPTS, KeptAlive, call, patience, query_all
from chalicelib.storage.errors import ConditionFailed, RequestRefused, StoreUnavailable, TransactionCancelled
from tests.storage.scripted_server import (
    Act,
    Server,
    answers,
    breaks_off,
    closes_later,
    hangs_up,
    keeps_silent,
    refuses,
    scripted,
    wait_until,
)

OK = answers(200, b'{"Item":{"n":{"N":"7"}}}')
THROTTLED = refuses("ProvisionedThroughputExceededException")
BROKEN = answers(500, b"<html>not json</html>")
CONDITION = refuses("ConditionalCheckFailedException")
GET = {"TableName": "t", "Key": {"p": {"B": b"\x00\xff"}}}


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses that were made, in no time."""
    made: list[float] = []
    monkeypatch.setattr(dynamodb, "pause", made.append)
    return made


@contextmanager
def _serving(monkeypatch: pytest.MonkeyPatch, *acts: Act) -> Iterator[Server]:
    kept_alive = KeptAlive()
    monkeypatch.setattr(dynamodb, "transport", kept_alive)
    with scripted(*acts) as server:
        monkeypatch.setenv("SCRY_DYNAMODB_ENDPOINT", server.endpoint)
        settings.current.cache_clear()
        yield server
        kept_alive.close()


def test_an_answer_is_read_and_binary_travels_as_base64(monkeypatch):
    with _serving(monkeypatch, OK) as server:
        item = call("GetItem", GET).item
    assert item is not None
    assert item["n"].number == 7
    assert server.bodies == [b'{"TableName":"t","Key":{"p":{"B":"AP8="}}}']
    assert b"x-amz-target: DynamoDB_20120810.GetItem" in server.heads[0]


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("fault", [THROTTLED, BROKEN, hangs_up, breaks_off, refuses("InternalServerError", 500)])
def test_what_passes_is_tried_again_after_a_pause(monkeypatch, pauses, fault):
    with _serving(monkeypatch, fault, fault, OK) as server:
        assert call("GetItem", GET).item
    assert len(server.bodies) == ATTEMPTS == 3
    assert len(pauses) == 2
    assert 0 <= pauses[0] <= 0.05
    assert 0 <= pauses[1] <= 0.2


@pytest.mark.parametrize(("fault", "throttled"), [(THROTTLED, True), (BROKEN, False), (hangs_up, False)])
def test_after_three_attempts_the_store_is_unavailable(monkeypatch, pauses, fault, throttled):
    with _serving(monkeypatch, fault, fault, fault), pytest.raises(StoreUnavailable) as raised:
        call("GetItem", GET)
    assert raised.value.throttled == throttled
    assert raised.value.retry_after > 0


def test_what_is_wrong_with_the_request_is_not_tried_again(monkeypatch, pauses):
    with _serving(monkeypatch, refuses("ValidationException")), pytest.raises(RequestRefused) as raised:
        call("GetItem", GET)
    assert raised.value.code == "ValidationException"
    assert pauses == []


@pytest.mark.requirement("I2")
@pytest.mark.parametrize(
    ("before", "retried"), [((), False), ((THROTTLED,), False), ((BROKEN,), True), ((hangs_up,), True)]
)
def test_a_condition_that_fails_says_whether_an_attempt_before_may_have_won(monkeypatch, pauses, before, retried):
    with _serving(monkeypatch, *before, CONDITION), pytest.raises(ConditionFailed) as raised:
        call("PutItem", GET)
    assert raised.value.retried == retried


def _cancelled(*codes: str) -> Act:
    reasons = ",".join(f'{{"Code":"{code}"}}' for code in codes)
    body = f'{{"__type":"x#TransactionCanceledException","CancellationReasons":[{reasons}]}}'
    return answers(400, body.encode())


def test_a_transaction_that_met_another_one_is_tried_again_and_a_refused_one_is_not(monkeypatch, pauses):
    passing = [_cancelled("None", "TransactionConflict"), _cancelled("ThrottlingError", "None")]
    refused = _cancelled("ConditionalCheckFailed", "TransactionConflict")
    with _serving(monkeypatch, *passing, refused) as server, pytest.raises(TransactionCancelled) as raised:
        call("TransactWriteItems", {})
    assert len(server.bodies) == 3
    assert raised.value.reasons == ("ConditionalCheckFailed", "TransactionConflict")


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I9")
def test_no_attempt_begins_after_the_deadline(monkeypatch):
    with _serving(monkeypatch) as server, pytest.raises(StoreUnavailable):
        call("GetItem", GET, deadline=time.monotonic() - 1)
    assert server.connections == 0


@pytest.mark.requirement("I9")
def test_no_pause_reaches_beyond_the_deadline(monkeypatch, pauses):
    monkeypatch.setattr(dynamodb.random, "uniform", lambda low, high: 9.0)
    with _serving(monkeypatch, BROKEN) as server, pytest.raises(StoreUnavailable):
        call("GetItem", GET, deadline=time.monotonic() + 5)
    assert len(server.bodies) == 1
    assert pauses == []


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(("left", "waited"), [(None, 3.0), (60.0, 3.0), (1.5, 1.5), (0.01, 0.2)])
def test_an_attempt_waits_no_longer_than_there_is_time(monkeypatch, left, waited):
    seen: list[float] = []

    def transport(endpoint: str, headers: dict[str, str], body: bytes) -> dynamodb.Reply:
        seen.append(patience.get())
        return dynamodb.Reply(200, b"{}")

    monkeypatch.setattr(dynamodb, "transport", transport)
    call("GetItem", GET, deadline=None if left is None else time.monotonic() + left)
    assert seen == pytest.approx([waited], abs=0.2)


@pytest.mark.requirement("I9", "I12")
def test_a_server_that_keeps_silent_is_given_up(monkeypatch):
    with _serving(monkeypatch, keeps_silent) as server, pytest.raises(StoreUnavailable) as raised:
        call("GetItem", GET, deadline=time.monotonic() + 0.05)
    assert "TimeoutError" in str(raised.value)
    assert len(server.bodies) == 1


# --- connections ------------------------------------------------------------------------------------------------------


def test_one_connection_serves_one_call_after_the_other(monkeypatch):
    with _serving(monkeypatch, OK, CONDITION, OK) as server:
        call("GetItem", GET)
        with pytest.raises(ConditionFailed):
            call("PutItem", GET)
        call("GetItem", GET)
    assert server.connections == 1


@pytest.mark.requirement("I12")
def test_a_connection_that_the_server_closed_meanwhile_costs_no_attempt(monkeypatch, pauses):
    with _serving(monkeypatch, closes_later, OK) as server:
        call("GetItem", GET)
        idle = dynamodb.transport._idle[server.endpoint][0]
        wait_until(lambda: dynamodb._has_something_to_read(idle))
        call("GetItem", GET)
    assert pauses == []
    assert server.connections == 2


def test_a_connection_whose_answer_was_its_last_is_not_kept(monkeypatch, pauses):
    with _serving(monkeypatch, answers(200, last=True), OK) as server:
        call("GetItem", GET)
        call("GetItem", GET)
    assert pauses == []
    assert server.connections == 2


@pytest.mark.requirement("I12")
def test_after_a_long_sleep_dead_connections_cost_one_attempt_and_not_all_three(monkeypatch, pauses):
    """A sleeping function does not hear that its connections are closed: each fails only when it is used."""
    monkeypatch.setattr(dynamodb, "_has_something_to_read", lambda connection: False)
    with _serving(monkeypatch, *[closes_later] * 4, OK) as server:
        kept_alive = dynamodb.transport
        connections = [dynamodb._connect(server.endpoint) for _ in range(4)]
        for connection in connections:
            connection.request("POST", "/", body=b"{}")
            connection.getresponse().read()
            kept_alive._idle[server.endpoint].append(connection)
        assert call("GetItem", GET).item
    assert len(pauses) == 1


# --- pages ------------------------------------------------------------------------------------------------------------


def test_a_query_reads_page_after_page_as_they_are_consumed(monkeypatch):
    pages = [
        answers(200, b'{"Items":[{"n":{"N":"1"}}],"LastEvaluatedKey":{"p":{"B":"AA=="}}}'),
        answers(200, b'{"Items":[],"LastEvaluatedKey":{"p":{"B":"AQ=="}}}'),
        answers(200, b'{"Items":[{"n":{"N":"2"}}]}'),
    ]
    with _serving(monkeypatch, *pages) as server:
        found = query_all({"TableName": "t"}, deadline=time.monotonic() + 10)
        assert next(found)["n"].number == 1
        assert len(server.bodies) == 1
        assert [entry["n"].number for entry in found] == [2]
    assert server.bodies[1:] == [
        b'{"TableName":"t","ExclusiveStartKey":{"p":{"B":"AA=="}}}',
        b'{"TableName":"t","ExclusiveStartKey":{"p":{"B":"AQ=="}}}',
    ]

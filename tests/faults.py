"""Faults on the way to DynamoDB, by plan: what may happen to a request, at which of them, and for how long.

    with injected(LOST_ANSWER, at=3): ...               # the third request only
    with injected(THROTTLED, at=3, lasting=True): ...   # the third and all that follow
    with meanwhile(other_party, at=3): ...              # another party does its whole work before the third request

Requests are counted as they travel, a repeated one again. Pauses take no time.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import randint
from typing import Any

from chalicelib.events.store import dictionaries, register
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply
from tests.long_form import FULL


class Crash(BaseException):
    """The process ends here. Nothing may catch it."""


Request = tuple[str, dict[str, str], bytes]
Carry = Callable[[str, dict[str, str], bytes], Reply]
Fault = Callable[[Carry, Request], Reply]


def _refused(status: int, code: str) -> Fault:
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "injected"}).encode()
    return lambda carry, request: Reply(status, body)


def _lost(carry: Carry, request: Request) -> Reply:
    carry(*request)
    raise ConnectionResetError


def _silent(carry: Carry, request: Request) -> Reply:
    raise TimeoutError


def _crash_before(carry: Carry, request: Request) -> Reply:
    raise Crash


def _crash_after(carry: Carry, request: Request) -> Reply:
    carry(*request)
    raise Crash


def _unprocessed(carry: Carry, request: Request) -> Reply:
    """Of the writes of a `BatchWriteItem` every second one is done. Other operations are not touched."""
    _, headers, body = request
    if operation(headers) != "BatchWriteItem":
        return carry(*request)
    [(table, writes)] = json.loads(body)["RequestItems"].items()
    left = writes[1::2] or writes
    done = writes[::2] if len(writes) > 1 else []
    if done:
        _again("BatchWriteItem", {"RequestItems": {table: done}}, carry)
    return Reply(200, json.dumps({"UnprocessedItems": {table: left}}).encode())


THROTTLED = _refused(400, "ProvisionedThroughputExceededException")
SERVER_ERROR = _refused(500, "InternalServerError")
LOST_ANSWER = _lost
NO_ANSWER = _silent
CRASH_BEFORE = _crash_before
CRASH_AFTER = _crash_after
UNPROCESSED = _unprocessed

PASSING = {
    "throttled": THROTTLED,
    "server error": SERVER_ERROR,
    "answer lost": LOST_ANSWER,
    "no answer": NO_ANSWER,
}
CRASHES = {"crash before": CRASH_BEFORE, "crash after": CRASH_AFTER}


class Injected:
    """A transport with a fault in it. `calls` are the operations that were asked for, in their order."""

    def __init__(self, carry: Carry, fault: Fault, at: int, *, lasting: bool) -> None:
        self.calls: list[str] = []
        self._carry = carry
        self._fault = fault
        self._at = at
        self._lasting = lasting
        self._counting = threading.Lock()

    @property
    def met(self) -> bool:
        """Whether as many calls were made as it takes to meet the fault."""
        return len(self.calls) >= self._at

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        with self._counting:
            self.calls.append(operation(headers))
            number = len(self.calls)
        if number == self._at or (self._lasting and number > self._at):
            return self._fault(self._carry, (endpoint, headers, body))
        return self._carry(endpoint, headers, body)


@contextmanager
def injected(fault: Fault, *, at: int = 1, lasting: bool = False) -> Iterator[Injected]:
    """The fault at the n-th request, or from it on."""
    with _in_the_way(lambda carry: Injected(carry, fault, at, lasting=lasting)) as transport:
        yield transport


@contextmanager
def meanwhile(act: Callable[[], object], *, at: int) -> Iterator[Injected]:
    """Another party acts from its beginning to its end, just before the n-th request is carried."""

    def acting(carry: Carry, request: Request) -> Reply:
        act()
        return carry(*request)

    with injected(acting, at=at) as transport:
        yield transport


@contextmanager
def counted() -> Iterator[Injected]:
    """No fault: only the calls."""
    with injected(_silent, at=0) as transport:
        yield transport


def each_step(attempt: Callable[[int], Injected], *, pace: int = 1) -> int:
    """Calls `attempt` with 1, 2, 3 … until it makes fewer requests than that; answers how many there were.

    With a pace, the short form takes steps as long as that, from any of the first ones on, and counts them as made.
    """
    pace = 1 if FULL else pace
    step = randint(1, pace)
    while attempt(step).met:
        step += pace
    return step - 1


def new_process() -> None:
    """Forgets what a process remembers between requests, as after a crash."""
    register._noted.clear()
    dictionaries._current.clear()
    dictionaries._versions.clear()


def operation(headers: dict[str, str]) -> str:
    return headers["x-amz-target"].rpartition(".")[2]


@contextmanager
def _in_the_way(make: Callable[[Carry], Injected]) -> Iterator[Injected]:
    carry, pause = dynamodb.transport, dynamodb.pause
    transport = make(carry)
    dynamodb.transport, dynamodb.pause = transport, lambda seconds: None
    try:
        yield transport
    finally:
        dynamodb.transport, dynamodb.pause = carry, pause


def _again(name: str, request: dict[str, Any], carry: Carry) -> None:
    """Sends a request of the fault's own, signed, past all faults."""
    there, dynamodb.transport = dynamodb.transport, carry
    try:
        dynamodb.call(name, request)
    finally:
        dynamodb.transport = there

"""The way to DynamoDB for everything on a hot path: five operations, signed and sent with the standard library.

Boto3 costs 210 ms of a cold start and 0.9 ms of CPU a call; this costs 5 ms and 0.2 ms. It does less: no retries but
those below, no conversions. pynamodb's models define the tables (`tables.models`).

A call is tried at most `ATTEMPTS` times, with full jitter in between. No attempt begins after the deadline, and none
waits much longer than it. After an attempt whose answer was lost the write may have happened: `ConditionFailed.retried`
says so.
"""

import random
import select
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from chalicelib import journal, settings
from chalicelib.storage.errors import ConditionFailed, RequestRefused, StoreUnavailable, TransactionCancelled
from chalicelib.storage.signature import credentials, signed_headers

ATTEMPTS: Final = 3
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0
FIRST_PAUSE_SECONDS: Final = 0.05
SHORTEST_WAIT_SECONDS: Final = 0.2
"""What an attempt gets even where the deadline is nearer: most answers come in a hundredth of it."""

THROTTLES: Final = frozenset(
    ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "ThrottlingError")
)
PASSING: Final = THROTTLES | {"InternalServerError", "InternalServerErrorException", "ServiceUnavailable",
                              "TransactionInProgressException", "ReplicatedWriteConflictException"}  # fmt: skip


class Value(msgspec.Struct, omit_defaults=True):
    """A DynamoDB attribute value; exactly one field is set. Binary travels as base64, which msgspec converts."""

    B: bytes | None = None
    N: str | None = None
    S: str | None = None
    BOOL: bool | None = None
    NULL: bool | None = None
    L: list["Value"] | None = None
    M: dict[str, "Value"] | None = None

    @property
    def binary(self) -> bytes:
        assert self.B is not None, "the attribute is not binary"
        return self.B

    @property
    def number(self) -> int:
        assert self.N is not None, "the attribute is not a number"
        return int(self.N)

    @property
    def text(self) -> str:
        assert self.S is not None, "the attribute is not text"
        return self.S


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """The parts of DynamoDB's answers that are read here."""

    item: dict[str, Value] | None = None
    items: list[dict[str, Value]] = []
    attributes: dict[str, Value] | None = None
    last_evaluated_key: dict[str, Value] | None = None
    unprocessed_items: dict[str, list[Any]] = {}
    unprocessed_keys: dict[str, Any] = {}
    responses: Any = None
    table: dict[str, Any] = {}


class Refusal(msgspec.Struct, frozen=True):
    type: str = msgspec.field(name="__type", default="")
    message: str = ""
    message_: str = msgspec.field(name="Message", default="")
    reasons: list[dict[str, Any]] = msgspec.field(name="CancellationReasons", default_factory=list)

    @property
    def code(self) -> str:
        return self.type.rpartition("#")[2]


class Reply(msgspec.Struct, frozen=True):
    status: int
    body: bytes


class Transport(Protocol):
    """Carries one signed request there and back. Raises `OSError` or `HTTPException` when the answer did not come."""

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply: ...


patience: Final[ContextVar[float]] = ContextVar("patience", default=READ_SECONDS)
"""How many seconds a transport may wait for the answer to the request it carries now."""

calls: Final[ContextVar[list[float] | None]] = ContextVar("calls", default=None)
"""Where whoever wants to know finds how many seconds each call took, its attempts and pauses included. Calls from
`storage.threads` are counted too."""

pause: Callable[[float], None] = time.sleep
"""How the time between two attempts passes, here and in `storage.writes`. Tests let it pass at once."""


def call(operation: str, request: dict[str, Any], *, deadline: float | None = None) -> Answer:
    """Sends one request; `deadline` is in `time.monotonic()` seconds.

    Raises `StoreUnavailable`, `ConditionFailed`, `TransactionCancelled` or `RequestRefused`.
    """
    begun = time.perf_counter()
    try:
        return _answer(operation, request, deadline)
    finally:
        if (took := calls.get()) is not None:
            took.append(time.perf_counter() - begun)  # in one step: several threads may do it at once


def query_all(request: dict[str, Any], *, deadline: float) -> Iterator[dict[str, Value]]:
    """The items of a query, page after page, fetched as they are consumed."""
    while True:
        answer = call("Query", request, deadline=deadline)
        yield from answer.items
        if answer.last_evaluated_key is None:
            return
        request = request | {"ExclusiveStartKey": answer.last_evaluated_key}


def table_status(full_name: str) -> str:
    """`CREATING`, `ACTIVE` and so on. Raises `RequestRefused` where there is no such table."""
    return str(call("DescribeTable", {"TableName": full_name}).table["TableStatus"])


def table(name: str) -> str:
    """The name that the table has in this deployment: it carries the stage."""
    return settings.current().table_prefix + name


def _answer(operation: str, request: dict[str, Any], deadline: float | None) -> Answer:
    body = msgspec.json.encode(request)
    ambiguous = False
    why = "no attempt was made"
    throttled = False
    for attempt in range(ATTEMPTS):
        if not _may_begin(attempt, deadline):
            break
        try:
            reply = _attempt(operation, body, deadline)
        except (OSError, HTTPException) as lost:
            ambiguous, why = True, f"{operation}: {type(lost).__name__}"
            continue
        if reply.status == 200:
            return _ANSWER.decode(reply.body)
        refusal = _refusal(reply)
        why = f"{operation}: {refusal.code or reply.status}"
        if refusal.code not in PASSING and reply.status < 500 and not _only_passing_reasons(refusal):
            raise _error(operation, refusal, retried=ambiguous)
        if refusal.code in THROTTLES:
            throttled = True
            journal.count("StoreThrottles")
        ambiguous = ambiguous or refusal.code not in THROTTLES
    # What may have happened for all that was refused afterwards is not called throttled: it must not be done again.
    raise StoreUnavailable(why, throttled=throttled and not ambiguous)


def _attempt(operation: str, body: bytes, deadline: float | None) -> Reply:
    left = READ_SECONDS if deadline is None else deadline - time.monotonic()
    patience.set(min(READ_SECONDS, max(SHORTEST_WAIT_SECONDS, left)))
    current = settings.current()
    endpoint = current.dynamodb_endpoint or f"https://dynamodb.{current.region}.amazonaws.com"
    headers = signed_headers(
        operation, body, host=urlsplit(endpoint).netloc, region=current.region, who=credentials(), at=time.time()
    )
    return transport(endpoint, headers, body)


def _may_begin(attempt: int, deadline: float | None) -> bool:
    """Waits before a further attempt, with full jitter. Says no where the deadline has passed or would meanwhile."""
    seconds = random.uniform(0, FIRST_PAUSE_SECONDS * 4 ** (attempt - 1)) if attempt else 0.0  # noqa: S311 (spreads load)
    if deadline is not None and time.monotonic() + seconds >= deadline:
        return False
    if seconds:
        pause(seconds)
    return True


def _refusal(reply: Reply) -> Refusal:
    try:
        return _REFUSAL.decode(reply.body)
    except msgspec.DecodeError:
        return Refusal()


_PASSING_REASONS: Final = frozenset(("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"))


def _only_passing_reasons(refusal: Refusal) -> bool:
    """Whether a transaction only met another one at work, or too many: nothing is decided yet, so it is tried again."""
    codes = {reason.get("Code") for reason in refusal.reasons} - {"None", None}
    return bool(codes) and codes <= _PASSING_REASONS


def _error(operation: str, refusal: Refusal, *, retried: bool) -> Exception:
    match refusal.code:
        case "ConditionalCheckFailedException":
            return ConditionFailed(retried=retried)
        case "TransactionCanceledException":
            return TransactionCancelled(tuple(str(reason.get("Code")) for reason in refusal.reasons), retried=retried)
    return RequestRefused(operation, refusal.code, refusal.message or refusal.message_)


class KeptAlive:
    """Keeps connections open between requests and threads: shaking hands costs more than most requests.

    A connection that the other side closed is not used again, and one that fails takes all idle ones with it: after a
    function has slept they are all dead, and an attempt each would be more attempts than there are.
    """

    def __init__(self) -> None:
        self._idle: dict[str, deque[HTTPConnection]] = defaultdict(deque)

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        connection = self._kept(endpoint) or _connect(endpoint)
        try:
            connection.sock.settimeout(patience.get())
            connection.request("POST", "/", body=body, headers=headers)
            response = connection.getresponse()
            reply = Reply(response.status, response.read())
        except BaseException:
            connection.close()
            self._drop(endpoint)
            raise
        if connection.sock is not None:  # the answer may have said that it is the last one
            self._idle[endpoint].append(connection)
        return reply

    def close(self) -> None:
        for endpoint in list(self._idle):
            self._drop(endpoint)

    def _kept(self, endpoint: str) -> HTTPConnection | None:
        while (connection := _taken(self._idle[endpoint])) is not None:
            if not _has_something_to_read(connection):
                return connection
            connection.close()
        return None

    def _drop(self, endpoint: str) -> None:
        while (connection := _taken(self._idle[endpoint])) is not None:
            connection.close()


def _taken(idle: deque[HTTPConnection]) -> HTTPConnection | None:
    try:
        return idle.pop()
    except IndexError:  # another thread was faster
        return None


def _has_something_to_read(connection: HTTPConnection) -> bool:
    """An idle connection has something to read only when its other side has closed it."""
    ready = select.poll()
    ready.register(connection.sock, select.POLLIN)
    return bool(ready.poll(0))


def _connect(endpoint: str) -> HTTPConnection:
    where = urlsplit(endpoint)
    assert where.hostname is not None
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.hostname, where.port, timeout=min(CONNECT_SECONDS, patience.get()))
    connection.connect()
    return connection


_ANSWER: Final = msgspec.json.Decoder(Answer)
_REFUSAL: Final = msgspec.json.Decoder(Refusal)

transport: Transport = KeptAlive()
"""How requests travel. Tests put faults in front of it."""

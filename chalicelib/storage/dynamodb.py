"""The way to DynamoDB for everything on a hot path: five operations, signed and sent with the standard library.

Boto3 costs 210 ms of a cold start and 0.9 ms of CPU a call; this costs 5 ms and 0.2 ms. It does less: no retries but
those below, no paging, no conversions. Account tables, where neither matters, use pynamodb (`tables.models`).

A call is tried at most `ATTEMPTS` times, each with the timeouts below, with full jitter in between, and not beyond its
deadline. After an attempt whose answer was lost the write may have happened: `ConditionFailed.retried` says so.
"""

import random
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from chalicelib import settings
from chalicelib.storage.errors import ConditionFailed, RequestRefused, StoreUnavailable, TransactionCancelled
from chalicelib.storage.signature import credentials, signed_headers

ATTEMPTS: Final = 3
CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0
FIRST_PAUSE_SECONDS: Final = 0.05

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


def call(operation: str, request: dict[str, Any], *, deadline: float | None = None) -> Answer:
    """Sends one request; `deadline` is in `time.monotonic()` seconds.

    Raises `StoreUnavailable`, `ConditionFailed`, `TransactionCancelled` or `RequestRefused`.
    """
    body = msgspec.json.encode(request)
    ambiguous = False
    why = "no attempt was made"
    throttled = False
    for attempt in range(ATTEMPTS):
        if attempt and not _pause(attempt, deadline):
            break
        try:
            reply = _attempt(operation, body)
        except (OSError, HTTPException) as lost:
            ambiguous, why = True, f"{operation}: {type(lost).__name__}"
            continue
        if reply.status == 200:
            return _ANSWER.decode(reply.body)
        refusal = _refusal(reply)
        why, throttled = f"{operation}: {refusal.code or reply.status}", refusal.code in THROTTLES
        if refusal.code not in PASSING and reply.status < 500 and not _conflict_only(refusal):
            raise _error(operation, refusal, retried=ambiguous)
        ambiguous = ambiguous or not throttled
    raise StoreUnavailable(why, throttled=throttled)


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


def _attempt(operation: str, body: bytes) -> Reply:
    current = settings.current()
    endpoint = current.dynamodb_endpoint or f"https://dynamodb.{current.region}.amazonaws.com"
    headers = signed_headers(
        operation, body, host=urlsplit(endpoint).netloc, region=current.region, who=credentials(), at=time.time()
    )
    return transport(endpoint, headers, body)


def _pause(attempt: int, deadline: float | None) -> bool:
    """Waits with full jitter. Says no where the deadline would pass meanwhile."""
    seconds = random.uniform(0, FIRST_PAUSE_SECONDS * 4 ** (attempt - 1))  # noqa: S311 (spreads load, keeps no secret)
    if deadline is not None and time.monotonic() + seconds >= deadline:
        return False
    time.sleep(seconds)
    return True


def _refusal(reply: Reply) -> Refusal:
    try:
        return _REFUSAL.decode(reply.body)
    except msgspec.DecodeError:
        return Refusal()


def _conflict_only(refusal: Refusal) -> bool:
    """Whether a transaction only met another one at work: nothing is decided yet, so it is tried again."""
    codes = {reason.get("Code") for reason in refusal.reasons}
    return "TransactionConflict" in codes and codes <= {"TransactionConflict", "None", None}


def _error(operation: str, refusal: Refusal, *, retried: bool) -> Exception:
    match refusal.code:
        case "ConditionalCheckFailedException":
            return ConditionFailed(retried=retried)
        case "TransactionCanceledException":
            return TransactionCancelled(tuple(str(reason.get("Code")) for reason in refusal.reasons), retried=retried)
    return RequestRefused(operation, refusal.code, refusal.message or refusal.message_)


class KeptAlive:
    """Keeps connections open between requests and threads: shaking hands costs more than most requests."""

    def __init__(self) -> None:
        self._idle: dict[str, deque[HTTPConnection]] = defaultdict(deque)

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        idle = self._idle[endpoint]
        try:
            connection = idle.pop()
        except IndexError:
            connection = _connect(endpoint)
        try:
            connection.request("POST", "/", body=body, headers=headers)
            response = connection.getresponse()
            reply = Reply(response.status, response.read())
        except BaseException:
            connection.close()
            raise
        idle.append(connection)
        return reply

    def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


def _connect(endpoint: str) -> HTTPConnection:
    where = urlsplit(endpoint)
    assert where.hostname is not None
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.hostname, where.port, timeout=CONNECT_SECONDS)
    connection.connect()
    connection.sock.settimeout(READ_SECONDS)
    return connection


_ANSWER: Final = msgspec.json.Decoder(Answer)
_REFUSAL: Final = msgspec.json.Decoder(Refusal)

transport: Transport = KeptAlive()
"""How requests travel. Tests put faults in front of it."""

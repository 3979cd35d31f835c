"""One clock reading decides a batch: the receipt that fixes it for every resend.

    first send                         resend, any time later
    ----------                         ----------------------
    body needs the clock?              body needs the clock? (or has an Idempotency-Key)
    put receipt IF absent -- yes       put receipt IF absent -- no
    rows at receipt's time             read receipt, reuse its time, edge and row limit
    put blocks IF absent               same rows, same keys: put blocks IF absent -- no: duplicates

A timestamp too far ahead becomes the time of receipt. Sent again when its time has come, the body does not need the
clock any more, and would miss the receipt. So the first send leaves a note (`put.FORWARD`) where the newest block of
such a resend would stand, which every sender puts before its others:

    first send, 12:00                  resend, 12:10
    -----------------                  -------------
    event of 12:06 is too far ahead    event of 12:06 is usable, no receipt is asked for
    put receipt IF absent              put newest block at 12:06 IF absent -- no, a note: Forwarded
    put note at 12:06 IF absent        put receipt IF absent -- no: read it, rows at its time
    put blocks: newest, then others    put blocks IF absent -- no: duplicates

    Wherever the first send stopped, the resend has put nothing before it meets the note, or there is neither a note nor
    a block of the first send.

A crash after the receipt and before the last block leaves a receipt whose resend writes just what is missing.
"""

import hashlib
import hmac
import secrets
from typing import Final

import msgspec

from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS, BatchId
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import ConditionFailed, StoreUnavailable
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys


class IdempotencyConflict(Exception):
    """The `Idempotency-Key` was used before, with another body. Nothing was stored."""


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """What was decided when a batch first came. Times are in milliseconds."""

    body_digest: bytes
    received_at: int
    edge: int
    """Events older than this were outside the retention window."""
    cuts: tuple[int, ...]
    """How many rows each of its parts has, in the order of time: whatever later code would choose."""


KEPT_LONGER_MS: Final = 2 * DAY_MS
"""How much longer than the newest row of its batch a receipt stays."""


def batch_id(scope: Scope, body: bytes, idempotency_key: str | None) -> BatchId:
    """The same for the same body, or for the same `Idempotency-Key`, of one project."""
    kind, content = (b"b", body) if idempotency_key is None else (b"i", idempotency_key.encode())
    return BatchId(hashlib.sha256(b"".join((kind, scope.project, content))).digest()[:10])


def unrepeatable_batch_id() -> BatchId:
    """For a body that says nothing of its time: sent twice, it happened twice."""
    return BatchId(secrets.token_bytes(10))


def settle(scope: Scope, batch: BatchId, proposed: Receipt, *, newest: int, deadline: float) -> Receipt:
    """The receipt that holds for this batch: the proposed one, or the one that is there already.

    It stays as long as a body whose newest timestamp is `newest`, in milliseconds, can be taken in. Raises
    `IdempotencyConflict` where it is for another body, and `StoreUnavailable`.
    """
    partition = keys.receipt_partition(scope.org, scope.project, batch)
    expires = (max(proposed.received_at, newest) + scope.retention_ms + KEPT_LONGER_MS) // 1000
    put = {
        "p": {"B": partition},
        "s": {"B": batch},
        "b": {"B": msgspec.msgpack.encode(proposed)},
        "t": {"N": str(expires)},
    }
    request = {"TableName": dynamodb.table(keys.EVENTS), "Item": put, "ConditionExpression": "attribute_not_exists(p)"}
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except ConditionFailed:
        # Perhaps this request's own earlier attempt, whose answer was lost: reusing it is right in either case.
        there = item(keys.EVENTS, partition, batch, deadline=deadline)
        if there is None:
            raise StoreUnavailable("a receipt expired while it was asked for") from None
        settled = msgspec.msgpack.decode(there["b"].binary, type=Receipt)
    else:
        settled = proposed
    if not hmac.compare_digest(settled.body_digest, proposed.body_digest):
        raise IdempotencyConflict
    return settled

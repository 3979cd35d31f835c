"""Single items of the events table: put once and never replaced, and known to be one's own."""

from typing import Final

from chalicelib.events.scope import Scope
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

FORWARD: Final = b"\0"
"""Stands where a block would, and says that its batch has a receipt (see `receipt`). No block is one byte long."""

EXPIRY_STEP_SECONDS: Final = 10_000
"""Expiry is rounded up to this: DynamoDB counts a number's digits, and trailing zeros are free."""


class Forwarded(Exception):
    """The place is taken by a note that the batch was stored as its receipt says."""


def put_if_absent(partition: bytes, sort: bytes, value: bytes, expires: int, *, deadline: float) -> bool:
    """True where this call stored the item, also when it needed several attempts; False where it was there before.

    Raises `Forwarded`, and `StoreUnavailable` where nothing is certain.
    """
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Item": {"p": {"B": partition}, "s": {"B": sort}, "b": {"B": value}, "t": {"N": str(expires)}},
        "ConditionExpression": "attribute_not_exists(p)",
    }
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except ConditionFailed as failed:
        there = _value(partition, sort, deadline=deadline)
        if there == FORWARD != value:
            raise Forwarded from failed
        # An attempt whose answer was lost may have won. Blocks hold the moment they were received or merged, to the
        # millisecond, so bytes that are equal are one's own: they serve as the nonce. Only where a receipt fixes that
        # moment, a block may be taken for new that an earlier send has put.
        return failed.retried and there == value
    return True


def expires_at(last: int, scope: Scope) -> int:
    """When DynamoDB may delete an item whose newest row is at `last`, in seconds. Reads stop showing it before."""
    seconds = (last + scope.retention_ms) // 1000
    return -(-seconds // EXPIRY_STEP_SECONDS) * EXPIRY_STEP_SECONDS


def _value(partition: bytes, sort: bytes, *, deadline: float) -> bytes | None:
    there = item(keys.EVENTS, partition, sort, deadline=deadline)
    return there["b"].binary if there else None

"""Changes of account items that happen together or not at all.

Not for hot paths: it works with pynamodb's models.
"""

from collections.abc import Sequence
from typing import Any, Final

from pynamodb.connection import Connection
from pynamodb.exceptions import DoesNotExist, PynamoDBException, TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib import settings
from chalicelib.storage.dynamodb import ATTEMPTS, CONNECT_SECONDS, PASSING, READ_SECONDS
from chalicelib.storage.errors import RequestRefused, StoreUnavailable, TransactionCancelled
from chalicelib.storage.tables.models import Item

LIMIT: Final = 100
"""Writes in one transaction, DynamoDB's own limit."""


def create_together(items: Sequence[Item]) -> None:
    """Puts items that must not exist yet.

    Raises `TransactionCancelled`, with a reason for each item in the order given, `StoreUnavailable`, `RequestRefused`.
    The client repeats a request whose answer was lost, and meets its own success as a refusal: the first item must
    hold something random, so that finding it as it was written means that this call won.
    """
    try:
        _write(items, ())
    except TransactionCancelled as cancelled:
        if not _stands(items[0]):
            raise cancelled from None


def delete_together(items: Sequence[Item]) -> None:
    """Deletes items; one that is gone already is no error. Raises as `create_together` does."""
    _write((), items)


def _write(new: Sequence[Item], gone: Sequence[Item]) -> None:
    assert len(new) + len(gone) <= LIMIT, "too many writes for one transaction"
    try:
        with TransactWrite(connection=_connection()) as transaction:
            for item in gone:
                transaction.delete(item)
            for item in new:
                transaction.save(item, condition=type(item).p.does_not_exist())
    except TransactWriteError as failed:
        raise _error(failed) from failed


def _stands(item: Item) -> bool:
    """Whether the store has the item just as it is here."""
    try:
        stored = type(item).get(item.p, item.s, consistent_read=True)
    except DoesNotExist:
        return False
    except PynamoDBException as failed:
        raise _error(failed) from failed
    return bool(stored.serialize() == item.serialize())


def _error(failed: Any) -> Exception:
    code = failed.cause_response_code
    if code == "TransactionCanceledException":
        reasons = tuple(reason.code if reason else "None" for reason in failed.cancellation_reasons)
        if set(reasons) <= {"None", "TransactionConflict"}:
            return StoreUnavailable("TransactWriteItems: TransactionConflict")
        return TransactionCancelled(reasons, retried=True)
    if code is None or code in PASSING:
        return StoreUnavailable(f"TransactWriteItems: {code or type(failed.cause).__name__}")
    return RequestRefused("TransactWriteItems", code, str(failed.cause_response_message))


def _connection() -> Connection:
    current = settings.current()
    return Connection(
        region=current.region,
        host=current.dynamodb_endpoint,
        connect_timeout_seconds=CONNECT_SECONDS,
        read_timeout_seconds=READ_SECONDS,
        max_retry_attempts=ATTEMPTS,
    )

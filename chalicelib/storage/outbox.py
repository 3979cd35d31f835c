"""Letters that are kept and shown instead of sent: for a laptop, and for tests."""

import secrets
from itertools import count
from typing import Any, Final

from msgspec import Struct

from chalicelib.storage import dynamodb
from chalicelib.storage.items import Item
from chalicelib.storage.tables import keys
from chalicelib.storage.writes import delete_all

KEPT_SECONDS: Final = 7 * 24 * 3600
MOST: Final = 100


class Kept(Struct, frozen=True):
    """A letter, and when it was written, in milliseconds."""

    at_ms: int
    to: str
    subject: str
    text: str


def keep(*, to: str, subject: str, text: str, now_ms: int) -> None:
    """Puts a letter into the outbox. Raises `StoreUnavailable`."""
    item: dict[str, Any] = {
        "p": {"B": keys.OUTBOX_PARTITION},
        "s": {"B": keys.outbox_sort(now_ms, next(_written).to_bytes(4, "big") + secrets.token_bytes(4))},
        "t": {"N": str(now_ms // 1000 + KEPT_SECONDS)},
        "to": {"S": to},
        "subject": {"S": subject},
        "text": {"S": text},
    }
    dynamodb.call("PutItem", {"TableName": dynamodb.table(keys.OUTBOX), "Item": item})


def letters(limit: int = MOST) -> list[Kept]:
    """The newest letters, newest first. Raises `StoreUnavailable`."""
    request = {
        "TableName": dynamodb.table(keys.OUTBOX),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": keys.OUTBOX_PARTITION}},
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": limit,
    }
    return [
        Kept(written_at(row), row["to"].text, row["subject"].text, row["text"].text)
        for row in dynamodb.call("Query", request).items
    ]


def forget_old(*, now_ms: int, deadline: float) -> int:
    """Deletes what has been shown for long enough, and answers how many. Raises `StoreUnavailable`."""
    request = {
        "TableName": dynamodb.table(keys.OUTBOX),
        "KeyConditionExpression": "p = :p AND s < :until",
        "ExpressionAttributeValues": {
            ":p": {"B": keys.OUTBOX_PARTITION},
            ":until": {"B": keys.outbox_sort(now_ms - KEPT_SECONDS * 1000, b"")},
        },
    }
    old = ((keys.OUTBOX_PARTITION, row["s"].binary) for row in dynamodb.query_all(request, deadline=deadline))
    return delete_all(keys.OUTBOX, old, deadline=deadline)


def written_at(row: Item) -> int:
    """When a letter was written, in milliseconds."""
    return int.from_bytes(row["s"].binary[:6], "big")


_written: Final = count()
"""Letters of one moment keep the order in which they were written."""

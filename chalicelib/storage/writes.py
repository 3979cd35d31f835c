"""Many writes at once, none of them lost: what DynamoDB leaves unprocessed is sent again while there is time."""

import random
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable

BATCH_LIMIT: Final = 25
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 2.0


def delete_all(table: str, found: Iterable[tuple[bytes, bytes]], *, deadline: float) -> int:
    """Deletes items by partition and sort key; answers how many. Deleting what is gone already does no harm.

    Raises `StoreUnavailable` where some are left when the deadline comes; then any of them may be deleted or not.
    """
    deleted = 0
    waiting = iter(found)
    while chunk := list(islice(waiting, BATCH_LIMIT)):
        requests = [{"DeleteRequest": {"Key": {"p": {"B": p}, "s": {"B": s}}}} for p, s in chunk]
        _write_batch(dynamodb.table(table), requests, deadline=deadline)
        deleted += len(chunk)
    return deleted


def _write_batch(table: str, requests: list[Any], *, deadline: float) -> None:
    for seconds in _pauses(deadline):
        answer = dynamodb.call("BatchWriteItem", {"RequestItems": {table: requests}}, deadline=deadline)
        requests = answer.unprocessed_items.get(table, [])
        if not requests:
            return
        dynamodb.pause(seconds)
    message = f"{len(requests)} writes were left unprocessed"
    raise StoreUnavailable(message, throttled=True)


def _pauses(deadline: float) -> Iterator[float]:
    """Growing pauses with full jitter, as long as the deadline allows another attempt."""
    longest = FIRST_PAUSE_SECONDS
    while time.monotonic() < deadline:
        yield min(random.uniform(0, longest), max(0.0, deadline - time.monotonic()))  # noqa: S311 (spreads load)
        longest = min(longest * 2, LONGEST_PAUSE_SECONDS)

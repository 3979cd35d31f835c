"""How far behind upkeep is, over all projects together: of no project, and of no number of them, is anything told."""

from typing import Any, Final

import msgspec

from chalicelib.ids import HOUR_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

JOB: Final = "upkeep-{number}"
"""What the leases of upkeep are called, by the number of a partition of the register."""


class Walked(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of what upkeep remembers of a partition (`jobs.upkeep.Progress`)."""

    after: bytes = b""
    idle_after: bytes = b""
    idle_at: int = 0


def oldest_work(*, deadline: float) -> int | None:
    """When the clock hour of the oldest note ended that no run has struck yet, in milliseconds; None without any.

    Raises `StoreUnavailable`.
    """
    found = (_oldest(number, deadline=deadline) for number in range(keys.WORK_PARTITIONS))
    return min((each for each in found if each is not None), default=None)


def oldest_walk(*, deadline: float) -> int | None:
    """Since when, in milliseconds, no watermark has been raised of some project without events; None where upkeep has
    never come to the end of a partition. Raises `StoreUnavailable`."""
    found = (_walked_at(number, deadline=deadline) for number in range(keys.WORK_PARTITIONS))
    return min((each for each in found if each), default=None)


def _oldest(number: int, *, deadline: float) -> int | None:
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.WORK),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": keys.work_partition(number)}},
        "Limit": 1,
    }
    notes = dynamodb.call("Query", request, deadline=deadline).items
    return (keys.work_identity(notes[0]["s"].binary)[0] + 1) * HOUR_MS if notes else None


def _walked_at(number: int, *, deadline: float) -> int:
    lease = item(keys.WORK, keys.lease_partition(JOB.format(number=number)), keys.ONLY, deadline=deadline)
    if lease is None or "progress" not in lease:
        return 0
    return msgspec.msgpack.decode(lease["progress"].binary, type=Walked).idle_at

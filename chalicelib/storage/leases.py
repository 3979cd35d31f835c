"""One run of a job at a time, and proof of it: a lease with a fencing number, and the progress that it guards.

    run A  acquire, fence 7 ... stalls ............... save: fence is 8 by now -> LeaseLost, stop
    run B                        (lease ran out) acquire, fence 8 ... save progress ... release

Two runs may work at once for a while: what they do besides saving must be safe to do twice.
"""

import secrets
from typing import Any, Final

import msgspec

from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.tables import keys

NONCE_BYTES: Final = 8


class LeaseLost(Exception):
    """Another run holds the lease now. Whatever this one still wanted to do is the other's to do."""


class Lease(msgspec.Struct, frozen=True):
    """Held from now until `until`, in milliseconds."""

    job: str
    fence: int
    progress: bytes
    """What the run before saved last; empty at first."""
    until: int


def acquire(job: str, *, now_ms: int, seconds: int, deadline: float) -> Lease | None:
    """The lease, or None while another run holds it."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    until = now_ms + seconds * 1000
    request = _update(job) | {
        "UpdateExpression": "SET #until = :until, nonce = :nonce ADD fence :one",
        "ConditionExpression": "attribute_not_exists(#until) OR #until < :now",
        "ExpressionAttributeNames": {"#until": "until"},
        "ExpressionAttributeValues": {
            ":until": {"N": str(until)},
            ":nonce": {"B": nonce},
            ":one": {"N": "1"},
            ":now": {"N": str(now_ms)},
        },
        "ReturnValues": "ALL_NEW",
    }
    try:
        held = dynamodb.call("UpdateItem", request, deadline=deadline).attributes
    except ConditionFailed:
        held = _read(job, deadline=deadline)
        if held is None or held["nonce"].binary != nonce:
            return None
    assert held is not None, "an update answers with the item"
    progress = held["progress"].binary if "progress" in held else b""
    return Lease(job, held["fence"].number, progress, until)


def save(lease: Lease, progress: bytes, *, deadline: float) -> None:
    """Keeps the progress. Raises `LeaseLost` where the lease is another run's by now."""
    _guarded(lease, "SET progress = :progress", {":progress": {"B": progress}}, deadline=deadline)


def release(lease: Lease, *, deadline: float) -> None:
    """Lets the next run begin at once. Raises `LeaseLost`."""
    _guarded(lease, "REMOVE #until", {}, deadline=deadline, names={"#until": "until"})


def _guarded(
    lease: Lease, update: str, values: dict[str, Any], *, deadline: float, names: dict[str, str] | None = None
) -> None:
    request = _update(lease.job) | {
        "UpdateExpression": update,
        "ConditionExpression": "fence = :fence",
        "ExpressionAttributeValues": values | {":fence": {"N": str(lease.fence)}},
    }
    if names:
        request["ExpressionAttributeNames"] = names
    try:
        dynamodb.call("UpdateItem", request, deadline=deadline)
    except ConditionFailed as failed:
        raise LeaseLost(lease.job) from failed


def _read(job: str, *, deadline: float) -> dict[str, Value] | None:
    request = {"TableName": dynamodb.table(keys.WORK), "Key": _key(job), "ConsistentRead": True}
    return dynamodb.call("GetItem", request, deadline=deadline).item


def _update(job: str) -> dict[str, Any]:
    return {"TableName": dynamodb.table(keys.WORK), "Key": _key(job)}


def _key(job: str) -> dict[str, Any]:
    return {"p": {"B": keys.lease_partition(job)}, "s": {"B": keys.ONLY}}

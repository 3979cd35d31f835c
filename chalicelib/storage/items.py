"""Reads of single items and of short lists, consistent: what they say decides who may do what."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import StoreUnavailable

Item = dict[str, Value]

LISTED_LONGER_SECONDS: Final = 3 * 86_400
"""How much longer the entry of a list lives than what it leads to. The store deletes what expires within two days, in
no order, and what no list names any more would not be found by who erases it."""

PAGE_LIMIT: Final = 100
"""Pages that a list is read for: 100 MB. Lists of people, projects and keys are far shorter."""


def item(table: str, partition: bytes, sort: bytes, *, deadline: float | None = None) -> Item | None:
    """The item as it is now, or None. Raises `StoreUnavailable`."""
    request = {
        "TableName": dynamodb.table(table),
        "Key": {"p": {"B": partition}, "s": {"B": sort}},
        "ConsistentRead": True,
    }
    return dynamodb.call("GetItem", request, deadline=deadline).item


def number(stored: Item, name: str) -> int | None:
    """A number that the item may have."""
    return stored[name].number if name in stored else None


def items(table: str, partition: bytes, prefix: bytes = b"", *, deadline: float | None = None) -> list[Item]:
    """All items of a partition whose sort keys begin so, in their order. Raises `StoreUnavailable`."""
    request = _beginning(table, partition, prefix)
    found: list[Item] = []
    for _ in range(PAGE_LIMIT):
        answer = dynamodb.call("Query", request, deadline=deadline)
        found += answer.items
        if not answer.last_evaluated_key:
            return found
        request["ExclusiveStartKey"] = answer.last_evaluated_key
    raise OverflowError(f"a partition of {table} is longer than {PAGE_LIMIT} pages")


def walked(table: str, partition: bytes, prefix: bytes = b"", *, deadline: float) -> Iterator[Item]:
    """The same of a partition that may be long: read as they are consumed. Raises `StoreUnavailable`."""
    return dynamodb.query_all(_beginning(table, partition, prefix), deadline=deadline)


def _beginning(table: str, partition: bytes, prefix: bytes) -> dict[str, Any]:
    values: dict[str, Any] = {":p": {"B": partition}}
    condition = "p = :p"
    if prefix:
        values[":s"] = {"B": prefix}
        condition += " AND begins_with(s, :s)"
    return {
        "TableName": dynamodb.table(table),
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    }


def newest(table: str, partition: bytes, *, limit: int, deadline: float | None = None) -> list[Item]:
    """The last items of a partition, in their order backwards. Raises `StoreUnavailable`."""
    request: dict[str, Any] = {
        "TableName": dynamodb.table(table),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": partition}},
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": limit,
    }
    return dynamodb.call("Query", request, deadline=deadline).items


BATCH_LIMIT: Final = 100


def several(
    table: str, places: Sequence[tuple[bytes, bytes]], *, deadline: float | None = None
) -> dict[tuple[bytes, bytes], Item]:
    """Those of the items that exist, by partition and sort key. Raises `StoreUnavailable`."""
    found: dict[tuple[bytes, bytes], Item] = {}
    for first in range(0, len(places), BATCH_LIMIT):
        for row in _batch(table, places[first : first + BATCH_LIMIT], deadline=deadline):
            found[row["p"].binary, row["s"].binary] = row
    return found


def _batch(table: str, places: Sequence[tuple[bytes, bytes]], *, deadline: float | None) -> Iterator[Item]:
    name = dynamodb.table(table)
    waiting: Any = {name: {"Keys": [{"p": {"B": p}, "s": {"B": s}} for p, s in places], "ConsistentRead": True}}
    for _ in range(PAGE_LIMIT):
        answer = dynamodb.call("BatchGetItem", {"RequestItems": waiting}, deadline=deadline)
        yield from msgspec.convert(answer.responses[name], list[Item])
        waiting = answer.unprocessed_keys
        if not waiting:
            return
    raise StoreUnavailable(f"BatchGetItem: {table} leaves keys unprocessed", throttled=True)

"""Reads of single items and of short lists, consistent: what they say decides who may do what."""

from typing import Any, Final

from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value

Item = dict[str, Value]

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


def items(table: str, partition: bytes, prefix: bytes = b"", *, deadline: float | None = None) -> list[Item]:
    """All items of a partition whose sort keys begin so, in their order. Raises `StoreUnavailable`."""
    values: dict[str, Any] = {":p": {"B": partition}}
    condition = "p = :p"
    if prefix:
        values[":s"] = {"B": prefix}
        condition += " AND begins_with(s, :s)"
    request: dict[str, Any] = {
        "TableName": dynamodb.table(table),
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    }
    found: list[Item] = []
    for _ in range(PAGE_LIMIT):
        answer = dynamodb.call("Query", request, deadline=deadline)
        found += answer.items
        if not answer.last_evaluated_key:
            return found
        request["ExclusiveStartKey"] = answer.last_evaluated_key
    raise OverflowError(f"a partition of {table} is longer than {PAGE_LIMIT} pages")

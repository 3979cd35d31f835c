"""Everything that all tables hold: to be compared with what they held before, and put back.

What was not written to since it was last looked at is not looked at again: some tests look after each request.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply, Transport
from chalicelib.storage.tables.models import MODELS

Items = dict[tuple[str, str], dict[str, Any]]
"""The items of a table by their two keys, as DynamoDB sends them."""


class Watched:
    """Carries requests on, and remembers what the tables held that nothing has been written to since."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.known: dict[str, Items] = {}

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        for name in _written(headers["x-amz-target"].rpartition(".")[2], body):
            self.known.pop(name, None)
        return self._transport(endpoint, headers, body)


def everything() -> dict[str, Items]:
    """By the full names of the tables. Not to be changed."""
    names = [model.Meta.table_name for model in MODELS]
    known = _known()
    known |= {name: _items(name) for name in names if name not in known}
    return {name: known[name] for name in names}


def _known() -> dict[str, Items]:
    return dynamodb.transport.known if isinstance(dynamodb.transport, Watched) else {}


@contextmanager
def put_back() -> Iterator[None]:
    """Whatever is written inside was not written."""
    before = everything()
    try:
        yield
    finally:
        for name, items in everything().items():
            wanted = before[name]
            for key in items.keys() - wanted.keys():
                delete(name, items[key])
            for key, item in wanted.items():
                if items.get(key) != item:
                    _done("PutItem", {"TableName": name, "Item": item})
            _known()[name] = wanted


def delete(name: str, item: dict[str, Any]) -> None:
    _done("DeleteItem", {"TableName": name, "Key": {"p": item["p"], "s": item["s"]}})


READS = ("GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable", "DescribeTimeToLive", "TransactGetItems")


def _written(operation: str, body: bytes) -> list[str]:
    """The tables that a request may change."""
    if operation in READS:
        return []
    request = json.loads(body)
    match operation:
        case "TransactWriteItems":
            return [act["TableName"] for each in request["TransactItems"] for act in each.values()]
        case "BatchWriteItem":
            return list(request["RequestItems"])
    return [request["TableName"]]


def _items(name: str) -> Items:
    request: dict[str, Any] = {"TableName": name, "ConsistentRead": True}
    found: Items = {}
    while True:
        page = _done("Scan", request)
        found |= {(str(item["p"]), str(item["s"])): item for item in page["Items"]}
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _done(operation: str, request: dict[str, Any]) -> Any:
    """The answer, whatever a test refuses to the product meanwhile."""
    reply = dynamodb._attempt(operation, json.dumps(request).encode(), None)
    assert reply.status == 200, reply.body
    return json.loads(reply.body, object_pairs_hook=_ordered)


def _ordered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Sets and maps have no order, so they are given one: what is the same looks the same."""
    return {name: sorted(value) if name in ("SS", "NS", "BS") else value for name, value in sorted(pairs)}

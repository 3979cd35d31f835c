"""Carries requests to DynamoDB, and counts what it would charge for them."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from benchmarks import prices
from chalicelib.storage.dynamodb import Reply, Transport


class Charges(msgspec.Struct):
    """Units, requests, and the items that reads returned: how many, and their bytes."""

    write_units: int = 0
    read_units: float = 0
    bytes_read: int = 0
    items_read: int = 0
    requests: int = 0

    @property
    def dollars(self) -> float:
        return self.write_units * prices.WRITE_UNIT_DOLLARS + self.read_units * prices.READ_UNIT_DOLLARS

    def __add__(self, other: "Charges") -> "Charges":
        return Charges(
            self.write_units + other.write_units,
            self.read_units + other.read_units,
            self.bytes_read + other.bytes_read,
            self.items_read + other.items_read,
            self.requests + other.requests,
        )


class Meter:
    """A transport around another one. It knows the sizes of the items that it saw written, for their deletion."""

    def __init__(self, carry: Transport) -> None:
        self._carry = carry
        self._charges = Charges()
        self._sizes: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()
        self._operations: dict[str, Callable[..., None]] = {
            "PutItem": self._put,
            "UpdateItem": self._update,
            "DeleteItem": self._delete,
            "BatchWriteItem": self._delete_batch,
            "GetItem": self._get,
            "Query": self._query,
        }
        """Any other would not be counted, and is a mistake here."""

    @contextmanager
    def charging(self) -> Iterator[Charges]:
        """Counts what happens meanwhile."""
        before, self._charges = self._charges, Charges()
        try:
            yield self._charges
        finally:
            self._charges = before

    def __call__(self, endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        reply = self._carry(endpoint, headers, body)
        charge = self._operations[headers["x-amz-target"].rpartition(".")[2]]
        with self._lock:
            self._charges.requests += 1
            charge(msgspec.json.decode(body), msgspec.json.decode(reply.body) if reply.status == 200 else None)
        return reply

    def _put(self, request: Mapping[str, Any], answer: Mapping[str, Any] | None) -> None:
        place = _place(request["TableName"], request["Item"])
        if answer is not None:
            self._sizes[place] = prices.item_size(request["Item"])
        # A condition that fails costs as much as writing what is there.
        self._charges.write_units += prices.write_units(self._sizes.get(place, 0))

    def _update(self, *_: Mapping[str, Any] | None) -> None:
        # What is updated are counters and an hour's counts: never more than one unit.
        self._charges.write_units += 1

    def _delete(self, request: Mapping[str, Any], _: Mapping[str, Any] | None) -> None:
        size = self._sizes.pop(_place(request["TableName"], request["Key"]), 0)
        self._charges.write_units += prices.write_units(size)

    def _delete_batch(self, request: Mapping[str, Any], answer: Mapping[str, Any] | None) -> None:
        for table, writes in request["RequestItems"].items():
            for write in writes:
                self._delete({"TableName": table, "Key": write["DeleteRequest"]["Key"]}, answer)

    def _get(self, request: Mapping[str, Any], answer: Mapping[str, Any] | None) -> None:
        found = (answer or {}).get("Item")
        self._read(request, [found] if found else [])

    def _query(self, request: Mapping[str, Any], answer: Mapping[str, Any] | None) -> None:
        self._read(request, (answer or {}).get("Items", []))

    def _read(self, request: Mapping[str, Any], items: Sequence[prices.Item]) -> None:
        size = sum(map(prices.item_size, items))
        self._charges.read_units += prices.read_units(size, consistent=request.get("ConsistentRead", False))
        self._charges.bytes_read += size
        self._charges.items_read += len(items)


def _place(table: str, item: Mapping[str, Any]) -> tuple[str, str, str]:
    return table, item["p"]["B"], item["s"]["B"]

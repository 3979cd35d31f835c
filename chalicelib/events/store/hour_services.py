"""The services of indexed hours, taken from where their patterns are stored without unpacking those."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chalicelib.compression import zstd
from chalicelib.events.scope import Scope
from chalicelib.ids import Slot
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys


class HourServices(msgspec.Struct, frozen=True):
    """Events of an hour by service; those that name none, or one of those left out, are under "".

    `marks` is how many of the hour's marks they include; None where they are a draft, which is not all of the hour.
    """

    slot: Slot
    marks: int | None
    services: dict[str, int]
    size: int
    """Bytes, as they are stored."""


class _Columns(msgspec.Struct, frozen=True, array_like=True):
    """The beginning of what `pattern_hours` packs, as far as it is needed."""

    ids: msgspec.Raw
    last: msgspec.Raw
    levels: msgspec.Raw
    names: list[str]
    totals: list[int]


def read_services(scope: Scope, first: Slot, last: Slot, *, deadline: float) -> Iterator[HourServices]:
    """What is stored of the hours from `first` to `last`, both included, the newest first, read as it is consumed."""
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p AND s BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":p": {"B": keys.index_partition(scope.org, scope.project)},
            ":first": {"B": keys.pattern_hour_sort(first)},
            ":last": {"B": keys.pattern_hour_sort(last)},
        },
        "ConsistentRead": True,
        "ScanIndexForward": False,
    }
    for entry in dynamodb.query_all(request, deadline=deadline):
        data, marks = entry["b"].binary, entry["i"].number if "i" in entry else None
        yield HourServices(keys.pattern_hour(entry["s"].binary), marks, services_in(data), len(data))


def services_in(data: bytes) -> dict[str, int]:
    """Events by service in a packed hour."""
    columns = _DECODER.decode(zstd.decompress(data))
    return dict(zip(columns.names, columns.totals, strict=True))


_DECODER: Final = msgspec.msgpack.Decoder(_Columns)

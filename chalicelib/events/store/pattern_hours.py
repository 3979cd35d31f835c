"""What is stored of an hour's patterns: how often each occurred, at which levels, in which services, and when last.

Eight bytes stand for a pattern; its text is elsewhere (`pattern_templates`). An item is one of two things:

    counted    every block of the hour, by the indexer. Believed as the hour's counts are (`store.index`): only while it
               includes every mark that was made on the hour. `i` says how many it includes.
    draft      every block of an hour not indexed yet that was received until `d`, in milliseconds. What was received
               later is read from the blocks, which are few. A draft never replaces what was counted.

Items are bounded, whatever is sent: so many patterns, the most frequent ones, and so many names of services.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from chalicelib.compression import zstd
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import expires_of_hour
from chalicelib.ids import HOUR_MS, Slot
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

PATTERNS_LIMIT: Final = 2_000
"""Patterns in an item: about 14 bytes each, less than 200 KB in all where every one has many services."""
SERVICES_LIMIT: Final = 50
SERVICES_OF_A_PATTERN: Final = 8
LONGEST_SERVICE: Final = 200
"""Characters. Events of services with longer names are counted with those that are not named."""

LEVEL: Final = 9
LATEST_WITHIN_BYTES: Final = 3


class Occurred(msgspec.Struct):
    """One pattern: `last` in milliseconds, counts by level, and by service as far as services are named."""

    last: int
    levels: dict[str, int]
    services: dict[str, int]

    @property
    def count(self) -> int:
        return sum(self.levels.values())


class HourPatterns(msgspec.Struct):
    """The patterns of an hour by id. `other` counts, by level, the events of those that are left out.

    `services` counts all events of the hour by service, the largest fifty; what is left of them is under the name "".
    """

    patterns: dict[bytes, Occurred]
    other: dict[str, int]
    services: dict[str, int]


class StoredHour(msgspec.Struct, frozen=True):
    """An hour's item: `marks` of what was counted, `until` of a draft."""

    found: HourPatterns
    marks: int | None
    until: int | None
    size: int
    """Bytes, compressed."""


def bounded(found: HourPatterns) -> HourPatterns:
    """The same, with what an item has no room for counted as other."""
    services = _largest(found.services)
    # Ties by the end of the id: its beginning says where the text is kept, and no one place should get them all.
    ranked = sorted(found.patterns.items(), key=lambda each: (-each[1].count, each[0][::-1]))
    other = dict(found.other)
    for _, occurred in ranked[PATTERNS_LIMIT:]:
        add_to(other, occurred.levels)
    kept = {
        name: Occurred(occurred.last, occurred.levels, _named(occurred.services, services))
        for name, occurred in ranked[:PATTERNS_LIMIT]
    }
    return HourPatterns(kept, other, services)


def joined(one: HourPatterns, another: HourPatterns) -> HourPatterns:
    """What both add up to."""
    patterns = {name: Occurred(o.last, dict(o.levels), dict(o.services)) for name, o in one.patterns.items()}
    for name, occurred in another.patterns.items():
        held = patterns.setdefault(name, Occurred(occurred.last, {}, {}))
        held.last = max(held.last, occurred.last)
        add_to(held.levels, occurred.levels)
        add_to(held.services, occurred.services)
    other, services = dict(one.other), dict(one.services)
    add_to(other, another.other)
    add_to(services, another.services)
    return HourPatterns(patterns, other, services)


def add_to(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


def read_hour(scope: Scope, slot: Slot, *, deadline: float) -> StoredHour | None:
    stored = item(keys.EVENTS, *_place(scope, slot), deadline=deadline)
    return _stored(slot, stored) if stored else None


def read_hours(scope: Scope, first: Slot, last: Slot, *, deadline: float) -> Iterator[tuple[Slot, StoredHour]]:
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
        slot = keys.pattern_hour(entry["s"].binary)
        yield slot, _stored(slot, entry)


def write_counted(scope: Scope, slot: Slot, found: HourPatterns, *, marks: int, deadline: float) -> None:
    """Keeps what was counted after so many marks had been read, unless another run has counted after more."""
    condition = "attribute_not_exists(i) OR i <= :marks"
    _put(scope, slot, found, {"i": {"N": str(marks)}}, condition, {":marks": marks}, deadline=deadline)


def write_draft(scope: Scope, slot: Slot, found: HourPatterns, *, until: int, was: int | None, deadline: float) -> None:
    """Keeps a draft in place of the one that reached until `was`, if that is still the one there."""
    condition, values = "attribute_not_exists(p)", {}
    if was is not None:
        condition, values = "attribute_not_exists(i) AND d = :was", {":was": was}
    _put(scope, slot, found, {"d": {"N": str(until)}}, condition, values, deadline=deadline)


def _put(
    scope: Scope, slot: Slot, found: HourPatterns, told: Mapping[str, Any], condition: str, values: Mapping[str, int],
    *, deadline: float,
) -> None:  # fmt: skip
    partition, sort = _place(scope, slot)
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Item": {
            "p": {"B": partition}, "s": {"B": sort}, "b": {"B": packed(found, slot)},
            "t": {"N": expires_of_hour(scope, slot)}, **told,
        },
        "ConditionExpression": condition,
    }  # fmt: skip
    if values:
        request["ExpressionAttributeValues"] = {name: {"N": str(value)} for name, value in values.items()}
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except ConditionFailed:
        return  # another run is further on, or an answer was lost: what stands there is right in either case


def _place(scope: Scope, slot: Slot) -> tuple[bytes, bytes]:
    return keys.index_partition(scope.org, scope.project), keys.pattern_hour_sort(slot)


def _stored(slot: Slot, entry: Mapping[str, Value]) -> StoredHour:
    return StoredHour(
        unpacked(entry["b"].binary, slot),
        entry["i"].number if "i" in entry else None,
        entry["d"].number if "d" in entry else None,
        len(entry["b"].binary),
    )


# --- bytes ------------------------------------------------------------------------------------------------------------


class _Packed(msgspec.Struct, array_like=True):
    """By column, as zstd likes it: ids, last times within the hour, a list of counts for each level; for each pattern
    its services, as places in their list and counts in turn, without the count where there is only one."""

    ids: bytes
    last: bytes
    levels: dict[str, list[int]]
    names: list[str]
    totals: list[int]
    services: list[list[int]]
    other: dict[str, int]


def packed(found: HourPatterns, slot: Slot) -> bytes:
    start = slot * HOUR_MS
    patterns = list(found.patterns.values())
    names = list(found.services)
    places = {name: place for place, name in enumerate(names)}
    levels = {level: None for occurred in patterns for level in occurred.levels}
    columns = _Packed(
        ids=b"".join(found.patterns),
        last=b"".join((each.last - start).to_bytes(LATEST_WITHIN_BYTES, "big") for each in patterns),
        levels={level: [each.levels.get(level, 0) for each in patterns] for level in levels},
        names=names,
        totals=list(found.services.values()),
        services=[_places(each, places) for each in patterns],
        other=found.other,
    )
    return zstd.compress(msgspec.msgpack.encode(columns), level=LEVEL)


def unpacked(data: bytes, slot: Slot) -> HourPatterns:
    columns = _COLUMNS.decode(zstd.decompress(data))
    start, step = slot * HOUR_MS, LATEST_WITHIN_BYTES
    patterns = {}
    for at, served in enumerate(columns.services):
        last = start + int.from_bytes(columns.last[step * at : step * (at + 1)], "big")
        levels = {level: counts[at] for level, counts in columns.levels.items() if counts[at]}
        services = {columns.names[served[0]]: sum(levels.values())} if len(served) == 1 else _counts(served, columns)
        patterns[columns.ids[8 * at : 8 * (at + 1)]] = Occurred(last, levels, services)
    return HourPatterns(patterns, columns.other, dict(zip(columns.names, columns.totals, strict=True)))


_COLUMNS: Final = msgspec.msgpack.Decoder(_Packed)


def _places(occurred: Occurred, places: Mapping[str, int]) -> list[int]:
    if len(occurred.services) == 1 and sum(occurred.services.values()) == occurred.count:
        return [places[name] for name in occurred.services]
    return [number for name, count in occurred.services.items() for number in (places[name], count)]


def _counts(served: list[int], columns: _Packed) -> dict[str, int]:
    return {columns.names[place]: count for place, count in zip(served[::2], served[1::2], strict=True)}


def _largest(services: Mapping[str, int]) -> dict[str, int]:
    """The largest ones, and under "" those that are not named, beside events that name none."""
    ranked = sorted(services.items(), key=lambda each: (-each[1], each[0]))
    named = dict([each for each in ranked if each[0] and len(each[0]) <= LONGEST_SERVICE][:SERVICES_LIMIT])
    rest = sum(services.values()) - sum(named.values())
    return named | ({"": rest} if rest else {})


def _named(services: Mapping[str, int], known: Mapping[str, int]) -> dict[str, int]:
    ranked = sorted(services.items(), key=lambda each: (-each[1], each[0]))
    return dict([each for each in ranked if each[0] and each[0] in known][:SERVICES_OF_A_PATTERN])

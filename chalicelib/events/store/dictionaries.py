"""The dictionaries of a project: which one writers use, and that no block ever meets a missing one.

created ---- writers use it, each from a copy at most 5 minutes old ---- 7 days: no longer used ---- all its blocks
                                                                                                     expired, +1 day
A version is put once, never changed, and leaves only by its TTL: 7 days + the retention window + 2 days after it was
made. It says which window that was; a project whose window has grown since writes without it until the next one.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Final, TypeVar

import msgspec

from chalicelib.events.block import Dictionary
from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS, ProjectId
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

USED_MS: Final = 7 * DAY_MS
KEPT_LONGER_MS: Final = 2 * DAY_MS
CACHED_SECONDS: Final = 300
CACHED_VERSIONS: Final = 32

K = TypeVar("K")
V = TypeVar("V")


class DictionaryMissing(Exception):
    """A block names a dictionary version that is not there. That must never happen; it is never skipped silently."""


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """The value of a dictionary item. Times are in milliseconds."""

    created_at: int
    window_days: int
    data: bytes


class Current(msgspec.Struct, frozen=True):
    """The newest version of a project, if it has one."""

    version: int
    stored: Stored | None
    read_at: float


_versions: OrderedDict[tuple[ProjectId, int], Dictionary] = OrderedDict()
_current: OrderedDict[ProjectId, Current] = OrderedDict()
_writing = Lock()


def for_writing(scope: Scope, *, now_ms: int, deadline: float) -> Dictionary | None:
    """The dictionary to pack with now, or None where there is none that may be used."""
    current = _current.get(scope.project)
    if current is None or time.monotonic() - current.read_at > CACHED_SECONDS:
        current = newest(scope, deadline=deadline)
        _remember(_current, scope.project, current)
    stored = current.stored
    if stored is None or now_ms > stored.created_at + USED_MS or scope.retention_days > stored.window_days:
        return None
    return _dictionary(scope.project, current.version, stored)


def for_reading(scope: Scope, version: int, *, deadline: float) -> Dictionary:
    """The version that a block names. Raises `DictionaryMissing`."""
    known = _versions.get((scope.project, version))
    if known is not None:
        return known
    partition = keys.dictionary_partition(scope.org, scope.project)
    found = item(keys.EVENTS, partition, keys.dictionary_sort(version), deadline=deadline)
    if found is None:
        message = f"dictionary {version} of project {scope.project.hex()} is gone"
        raise DictionaryMissing(message)
    return _dictionary(scope.project, version, _stored(found))


def newest(scope: Scope, *, deadline: float) -> Current:
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": keys.dictionary_partition(scope.org, scope.project)}},
        "ScanIndexForward": False,
        "Limit": 1,
        "ConsistentRead": True,
    }
    items = dynamodb.call("Query", request, deadline=deadline).items
    if not items:
        return Current(0, None, time.monotonic())
    return Current(int.from_bytes(items[0]["s"].binary, "big"), _stored(items[0]), time.monotonic())


def publish(scope: Scope, dictionary: Dictionary, *, now_ms: int, deadline: float) -> bool:
    """Puts a new version, once. False where another run already put this version."""
    stored = Stored(now_ms, scope.retention_days, dictionary.data)
    expires = (now_ms + USED_MS + scope.retention_ms + KEPT_LONGER_MS) // 1000
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Item": {
            "p": {"B": keys.dictionary_partition(scope.org, scope.project)},
            "s": {"B": keys.dictionary_sort(dictionary.version)},
            "b": {"B": msgspec.msgpack.encode(stored)},
            "t": {"N": str(expires)},
        },
        "ConditionExpression": "attribute_not_exists(p)",
    }
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except ConditionFailed:
        return False
    return True


def ended_before(row: Mapping[str, Value], oldest: int) -> bool:
    """Whether no event since that time, in milliseconds, can be in a block that uses a stored version."""
    return _stored(row).created_at + USED_MS + KEPT_LONGER_MS < oldest


def forget(project: ProjectId) -> None:
    """Drops this process's copies of a project's dictionaries."""
    with _writing:
        _current.pop(project, None)
        for known in [key for key in _versions if key[0] == project]:
            del _versions[known]


def _stored(entry: Mapping[str, Value]) -> Stored:
    return msgspec.msgpack.decode(entry["b"].binary, type=Stored)


def _dictionary(project: ProjectId, version: int, stored: Stored) -> Dictionary:
    known = _versions.get((project, version))
    if known is None:
        known = Dictionary(version=version, data=stored.data)
        _remember(_versions, (project, version), known)
    return known


def _remember(cache: OrderedDict[K, V], key: K, value: V) -> None:
    with _writing:
        cache[key] = value
        cache.move_to_end(key)
        while len(cache) > CACHED_VERSIONS:
            cache.popitem(last=False)

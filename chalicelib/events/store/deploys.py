"""Deploy markers: what was released where, and when. Found by time, and gone with the window."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.storage import audit, dynamodb
from chalicelib.storage.audit import Actor, Fact
from chalicelib.storage.changes import Change, commit, present
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

AHEAD_MS: Final = 5 * 60_000
CHANCE_BYTES: Final = 4
ID_BYTES: Final = 6 + CHANCE_BYTES


class DeployUnknown(Exception):
    """The project has no marker of this id."""


class Release(Struct, frozen=True):
    """What was deployed. Two with the same first three fields are the same release."""

    version: str
    service: str = ""
    environment: str = ""
    url: str = ""
    note: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        return self.version, self.service, self.environment


class Deploy(Struct, frozen=True):
    """A marker. Times are in milliseconds; `at` is when it was deployed, whenever somebody said so."""

    id: str
    at: int
    release: Release
    by: Actor
    recorded_at: int


class Kept(Struct, frozen=True, array_like=True):
    """A marker as it is stored: its time and its chance are in its key."""

    version: str
    service: str
    environment: str
    url: str
    note: str
    by_kind: str
    by: str
    recorded_at: int


def deploys(
    scope: Scope, within: TimeRange, *, limit: int, now_ms: int, deadline: float, before: str = ""
) -> list[Deploy]:
    """Those of a stretch of time, the newest first, in one read; with `before` those that stand behind this one.

    `limit` is at most 500, so that one page of the store holds them. Raises `StoreUnavailable`.
    """
    start = max(within.start, scope.horizon(now_ms), 0)
    end = min(within.end, now_ms + AHEAD_MS + 1)
    last = _sort_of(before)
    high = keys.deploy_sort(end) if last is None else min(last, keys.deploy_sort(end))
    if end <= start or high <= keys.deploy_sort(start):
        return []
    request = between(scope, keys.deploy_sort(start), high) | {"ScanIndexForward": False, "Limit": limit + 1}
    rows = dynamodb.call("Query", request, deadline=deadline).items
    return [deploy_of(row) for row in rows if row["s"].binary != high][:limit]


def deploy(scope: Scope, named: str, *, now_ms: int, deadline: float) -> Deploy:
    """The marker of this id. Raises `DeployUnknown`, also where the window left it behind, and `StoreUnavailable`."""
    sort = _sort_of(named)
    row = item(keys.EVENTS, partition_of(scope), sort, deadline=deadline) if sort else None
    if row is None or (found := deploy_of(row)).at < scope.horizon(now_ms):
        raise DeployUnknown
    return found


def remove(scope: Scope, gone: Deploy, *, change: Change, by: Actor, now_ms: int, deadline: float) -> None:
    """Takes a marker away, and says so in the audit log: adds both to a change that makes sure of its author.

    Raises `DeployUnknown`, `StoreUnavailable`, and what the change demands.
    """
    sort = _sort_of(gone.id)
    assert sort is not None, "a marker has an id"
    change.delete(keys.EVENTS, partition_of(scope), sort, present(DeployUnknown()))
    version, service, environment = gone.release.identity
    known: dict[str, Fact] = {
        "project": scope.project.hex(), "version": version, "service": service, "environment": environment,
        "at": gone.at,
    }  # fmt: skip
    audit.record(
        change, scope.org, actor=by, action="deploy.delete", target=gone.id, at=now_ms // 1000, before=known
    )  # fmt: skip
    commit(change, deadline=deadline)


def partition_of(scope: Scope) -> bytes:
    return keys.index_partition(scope.org, scope.project)


def _sort_of(named: str) -> bytes | None:
    """The sort key of the marker with this id, if it is one."""
    try:
        place = bytes.fromhex(named)
    except ValueError:
        return None
    return keys.DEPLOY + place if len(place) == ID_BYTES and named == place.hex() else None


def between(scope: Scope, low: bytes, high: bytes) -> dict[str, Any]:
    return {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p AND s BETWEEN :low AND :high",
        "ExpressionAttributeValues": {":p": {"B": partition_of(scope)}, ":low": {"B": low}, ":high": {"B": high}},
        "ConsistentRead": True,
    }


def deploy_of(row: Item) -> Deploy:
    kept = msgspec.msgpack.decode(row["b"].binary, type=Kept)
    return from_kept(row["s"].binary[len(keys.DEPLOY) :].hex(), kept)


def kept_of(marker: Deploy) -> Kept:
    of, by = marker.release, marker.by
    return Kept(of.version, of.service, of.environment, of.url, of.note, by.kind, by.id, marker.recorded_at)


def from_kept(named: str, kept: Kept) -> Deploy:
    release = Release(kept.version, kept.service, kept.environment, kept.url, kept.note)
    at = int.from_bytes(bytes.fromhex(named)[:6], "big")
    return Deploy(named, at, release, Actor(_KINDS[kept.by_kind], kept.by), kept.recorded_at)


_KINDS: Final[dict[str, Any]] = {kind: kind for kind in ("person", "key", "operator", "system")}

"""Projects with something of everything in them, and what is left of them in the tables."""

import secrets
import time
from collections.abc import Iterator

import pytest

from chalicelib.compression import zstd
from chalicelib.events.block import Dictionary
from chalicelib.events.decode import UNTIMED, Rejection
from chalicelib.events.indexing import index_hour
from chalicelib.events.scope import Scope
from chalicelib.events.store import deploy_recording, dictionaries, index, rejections
from chalicelib.events.store.deploy_recording import Asking
from chalicelib.events.store.deploys import Release
from chalicelib.events.store.usage import Tally, Used
from chalicelib.ids import DAY_MS, HOUR_MS, OrgId, ProjectId, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.audit import OPERATOR
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS
from tests.jobs.conftest import put
from tests.store.driver import event, send, soon

WINDOW = 30
CREATED_MS = NOW_MS - 50 * DAY_MS
TRAINED = zstd.train_dict([b"order %d took %d0 ms" % (number, number) for number in range(2_000)], 1_000).dict_content


@pytest.fixture(autouse=True)
def _tables(engine_store: None) -> None:
    """Jobs walk everything that is registered, so each test has tables of its own."""
    faults.new_process()


def project(
    *,
    created_ms: int = CREATED_MS,
    days: int = WINDOW,
    widest: int = 0,
    shards: tuple[tuple[int, int], ...] = (),
    state: str = "active",
) -> Scope:
    """A project as people make it, in the list that jobs walk."""
    scope = Scope(OrgId(secrets.token_bytes(8)), ProjectId(secrets.token_bytes(8)), days, shards)
    keep(scope, created_ms=created_ms, widest=widest, state=state)
    listed = keys.project_list_partition(keys.work_number(scope.project))
    put(keys.WORK, listed, keys.project_list_sort(scope.org, scope.project), {})
    return scope


def keep(scope: Scope, *, created_ms: int = CREATED_MS, widest: int = 0, state: str = "active") -> None:
    """Puts the project's item: also with another window, or as a tombstone."""
    plan = [{"L": [{"N": str(first)}, {"N": str(count)}]} for first, count in scope.shards]
    row = {
        "org": {"B": scope.org}, "project": {"B": scope.project}, "slug": {"S": "web"}, "name": {"S": "Web"},
        "retention_days": {"N": str(scope.retention_days)}, "shards": {"L": plan}, "state": {"S": state},
        "created_at": {"N": str(created_ms // 1000)}, "version": {"N": "1"},
        "widest_days": {"N": str(widest or scope.retention_days)}, "kept_from": {"N": str(scope.kept_from)},
    }  # fmt: skip
    put(keys.TENANTS, keys.org_partition(scope.org), keys.project_sort(scope.project), row)


def fill(scope: Scope, at_ms: int) -> None:
    """Something of everything that a project stores, about and at that time."""
    hour = slot_of(at_ms)
    many = [
        event(f"order {number} took {number}0 ms", hour * HOUR_MS + number, trace_id=secrets.token_hex(16))
        for number in range(300)
    ]
    send(scope, many, now_ms=at_ms)
    send(scope, [event("one", at_ms)], now_ms=at_ms)
    send(scope, [event("with a key", UNTIMED)], now_ms=at_ms, idempotency_key=f"key {at_ms}")
    send(scope, [event("now", at_ms), event("too early", at_ms + 2 * DAY_MS)], now_ms=at_ms)
    index_hour(scope, hour, deadline=soon())
    index.raise_watermark(scope, hour, now_ms=at_ms + 3 * HOUR_MS, deadline=soon())
    version = dictionaries.newest(scope, deadline=soon()).version + 1
    dictionaries.publish(scope, Dictionary(version=version, data=TRAINED), now_ms=at_ms, deadline=soon())
    asking = Asking(by=OPERATOR, request_key=f"deploy {at_ms}")
    deploy_recording.record(
        scope, Release("1.0", "web", "prod"), at=at_ms, asking=asking, now_ms=at_ms, deadline=soon()
    )
    resolved = {"d": {"N": str(at_ms)}, "t": {"N": str((at_ms + (scope.retention_days + 3) * DAY_MS) // 1000)}}
    index_partition = keys.index_partition(scope.org, scope.project)
    put(keys.EVENTS, index_partition, keys.pattern_state_sort(secrets.token_bytes(8)), resolved)
    rejections.note(scope, [Rejection(0, "too_old", "")], now_ms=at_ms, deadline=soon())
    Tally().note(scope, "3fQ9Zk2L", Used(accepted=1, rejected=1), ["too_old"], now_ms=at_ms, deadline=soon())


def items_of(scope: Scope) -> list[tuple[str, bytes, bytes]]:
    """Every item, in whatever table, that names the project: table, partition and sort key."""
    return [found for found in all_items() if scope.project in found[1] + found[2]]


def all_items() -> Iterator[tuple[str, bytes, bytes]]:
    for table in (keys.EVENTS, keys.WORK, keys.TENANTS, keys.RECEIPTS):
        request: dict[str, object] = {"TableName": dynamodb.table(table), "ConsistentRead": True}
        while True:
            answer = dynamodb.call("Scan", request, deadline=time.monotonic() + 20)
            yield from ((table, row["p"].binary, row["s"].binary) for row in answer.items)
            if answer.last_evaluated_key is None:
                break
            request["ExclusiveStartKey"] = answer.last_evaluated_key

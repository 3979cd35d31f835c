"""The work register: which project-hours received events, so that jobs find their work without a scan.

A container notes {project, slot} under the hour it is now, before the first acknowledgement that needs it, and
remembers having done so. A job that has handled a note strikes it:

    clock   13:00                      14:00        14:15
    writer  note (hour 13) .. put ..   (puts at most until its deadline, half a minute)
    job                    reads notes, merges, indexes ...  strikes notes of hour 13 whose slots are done
    writer                             note (hour 14) .. put ..         the job finds that one

Notes live as long as what they stand for: where the jobs have not run for weeks, the watermark would else pass hours
that nobody has counted, and hide them.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS, OrgId, ProjectId, Slot, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables import keys

KEPT_LONGER_MS: Final = 3 * DAY_MS
REMEMBERED: Final = 20_000


class Work(msgspec.Struct, frozen=True):
    """A project-hour that received events during an hour of the clock."""

    noted: Slot
    org: OrgId
    project: ProjectId
    slot: Slot
    throttled: int
    """How many batches could not be stored meanwhile, because a partition had more than it takes."""


_noted: OrderedDict[tuple[bytes, Slot, Slot], None] = OrderedDict()


def note(scope: Scope, slot: Slot, *, now_ms: int, deadline: float) -> None:
    """Makes sure that the jobs will look at this project-hour."""
    hour = slot_of(now_ms)
    known = (dynamodb.table(keys.WORK).encode() + scope.project, slot, hour)
    if known in _noted:
        return
    request = _note(scope, slot, now_ms=now_ms, update="SET t = :t", values={})
    dynamodb.call("UpdateItem", request, deadline=deadline)
    _noted[known] = None
    while len(_noted) > REMEMBERED:
        _noted.popitem(last=False)


def note_throttled(scope: Scope, slot: Slot, *, now_ms: int, deadline: float) -> None:
    """Tells the jobs that a batch was refused for throttling, if that much can be written."""
    values = {":one": {"N": "1"}}
    request = _note(scope, slot, now_ms=now_ms, update="SET t = :t ADD throttled :one", values=values)
    try:
        dynamodb.call("UpdateItem", request, deadline=deadline)
    except StoreUnavailable:
        return  # it only serves growth, and where it matters another batch says it


def noted_work(number: int, *, deadline: float) -> Iterator[Work]:
    """What is noted in one of the register's partitions, by the clock hour of the note, oldest first."""
    for item in dynamodb.query_all(_all_of(keys.work_partition(number)), deadline=deadline):
        throttled = item["throttled"].number if "throttled" in item else 0
        yield Work(*keys.work_identity(item["s"].binary), throttled)


def strike(work: Work, *, deadline: float) -> None:
    """Deletes a note whose work is done."""
    key = _key(keys.work_sort(work.noted, work.org, work.project, work.slot), work.project)
    dynamodb.call("DeleteItem", {"TableName": dynamodb.table(keys.WORK), "Key": key}, deadline=deadline)


def projects_listed(number: int, *, after: bytes = b"", deadline: float) -> Iterator[tuple[OrgId, ProjectId]]:
    """Every project whose number in the register this is, with or without work, behind the one of this sort key."""
    request = _all_of(keys.project_list_partition(number), after=after)
    for item in dynamodb.query_all(request, deadline=deadline):
        yield keys.project_list_identity(item["s"].binary)


def _note(scope: Scope, slot: Slot, *, now_ms: int, update: str, values: dict[str, Any]) -> dict[str, Any]:
    expires = (now_ms + scope.retention_ms + KEPT_LONGER_MS) // 1000
    return {
        "TableName": dynamodb.table(keys.WORK),
        "Key": _key(keys.work_sort(slot_of(now_ms), scope.org, scope.project, slot), scope.project),
        "UpdateExpression": update,
        "ExpressionAttributeValues": values | {":t": {"N": str(expires)}},
    }


def _key(sort: bytes, project: ProjectId) -> dict[str, Any]:
    return {"p": {"B": keys.work_partition(keys.work_number(project))}, "s": {"B": sort}}


def _all_of(partition: bytes, *, after: bytes = b"") -> dict[str, Any]:
    return {
        "TableName": dynamodb.table(keys.WORK),
        "KeyConditionExpression": "p = :p AND s > :after",
        "ExpressionAttributeValues": {":p": {"B": partition}, ":after": {"B": after or b"\0"}},
        "ConsistentRead": True,
    }

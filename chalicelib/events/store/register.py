"""The work register: which project-hours received events, so that jobs find their work without a scan.

A container notes {project, slot} under the hour it is now, before the first acknowledgement that needs it, and
remembers having done so. Notes repeat harmlessly; a job that has handled one deletes it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS, OrgId, ProjectId, Slot, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys

KEPT_MS: Final = 7 * DAY_MS
REMEMBERED: Final = 20_000


class Work(msgspec.Struct, frozen=True, order=True):
    """A project-hour that received events during an hour of the clock."""

    org: OrgId
    project: ProjectId
    slot: Slot
    noted: Slot


_noted: OrderedDict[tuple[bytes, Slot, Slot], None] = OrderedDict()


def note(scope: Scope, slot: Slot, *, now_ms: int, deadline: float) -> None:
    """Makes sure that the jobs will look at this project-hour."""
    hour = slot_of(now_ms)
    known = (dynamodb.table(keys.WORK).encode() + scope.project, slot, hour)
    if known in _noted:
        return
    request = {
        "TableName": dynamodb.table(keys.WORK),
        "Item": {
            "p": {"B": keys.work_partition(hour, keys.work_number(scope.project))},
            "s": {"B": keys.work_sort(scope.org, scope.project, slot)},
            "t": {"N": str((now_ms + KEPT_MS) // 1000)},
        },
    }
    dynamodb.call("PutItem", request, deadline=deadline)
    _noted[known] = None
    while len(_noted) > REMEMBERED:
        _noted.popitem(last=False)


def noted_work(hour: Slot, *, after: bytes = b"", number: int, deadline: float) -> Iterator[Work]:
    """What was noted during an hour in one of the register's partitions, from `after` (a work's sort key) on."""
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.WORK),
        "KeyConditionExpression": "p = :p AND s > :after",
        "ExpressionAttributeValues": {
            ":p": {"B": keys.work_partition(hour, number)},
            ":after": {"B": after or b"\0"},
        },
        "ConsistentRead": True,
    }
    for item in dynamodb.query_all(request, deadline=deadline):
        org, project, slot = keys.work_identity(item["s"].binary)
        yield Work(org, project, slot, hour)


def strike(work: Work, *, deadline: float) -> None:
    """Deletes a note whose work is done."""
    request = {
        "TableName": dynamodb.table(keys.WORK),
        "Key": {
            "p": {"B": keys.work_partition(work.noted, keys.work_number(work.project))},
            "s": {"B": keys.work_sort(work.org, work.project, work.slot)},
        },
    }
    dynamodb.call("DeleteItem", request, deadline=deadline)


def projects_listed(number: int, *, deadline: float) -> Iterator[tuple[OrgId, ProjectId]]:
    """Every project whose number in the register this is, with or without work."""
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.WORK),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": keys.project_list_partition(number)}},
        "ConsistentRead": True,
    }
    for item in dynamodb.query_all(request, deadline=deadline):
        yield keys.project_list_identity(item["s"].binary)

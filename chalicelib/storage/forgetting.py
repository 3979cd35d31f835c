"""Taking out of the audit log what is old, and what it says of a project that is erased: of that who did what, and
when, is all that stays.

A module of its own, since no function that people reach may change an entry.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage import dynamodb
from chalicelib.storage.audit import KEPT_SECONDS, Fact, facts_of
from chalicelib.storage.changes import Change, commit, present
from chalicelib.storage.items import Item
from chalicelib.storage.tables import keys
from chalicelib.storage.writes import delete_all

LASTING: Final = frozenset(
    {"project", "user", "created_by", "key", "kind", "expires_at", "ends_at", "limit", "retention_days"}
)
"""Facts that stay: ids, kinds, numbers and times."""
AT_ONCE: Final = 50


class EntryGone(Exception):
    """Somebody erases the whole log at the same moment."""


def forget_project(org: OrgId, project: ProjectId, *, deadline: float) -> int:
    """Takes out of the organisation's entries what they say of a project, but `LASTING`; answers of how many.

    An entry is about the project if it names it, or if its target is something that an earlier one names with it.
    Raises `EntryGone` and `StoreUnavailable`; some are done then.
    """
    forgotten = 0
    rows = _spoken(_about(org, project, deadline=deadline))
    while chunk := list(islice(rows, AT_ONCE)):
        change = Change()
        for row in chunk:
            fields = {side: _lasting(facts_of(row[side])) for side in _SIDES}
            change.update(keys.AUDIT, row["p"].binary, row["s"].binary, fields, present(EntryGone()))
        commit(change, deadline=deadline)
        forgotten += len(chunk)
    return forgotten


def forget_old(org: OrgId, *, now: int, deadline: float) -> int:
    """Deletes the organisation's entries that have been kept for two years, and answers how many. (Those of people are
    left to the store's own expiry, and read by nobody.) Raises `StoreUnavailable`."""
    partition = keys.org_audit_partition(org)
    request = {
        "TableName": dynamodb.table(keys.AUDIT),
        "KeyConditionExpression": "p = :p AND s < :until",
        "ExpressionAttributeValues": {":p": {"B": partition}, ":until": {"B": keys.audit_sort(now - KEPT_SECONDS)}},
        "ProjectionExpression": "s",
        "ConsistentRead": True,
    }
    old = ((partition, row["s"].binary) for row in dynamodb.query_all(request, deadline=deadline))
    return delete_all(keys.AUDIT, old, deadline=deadline)


_SIDES: Final = ("before", "after")


def _about(org: OrgId, project: ProjectId, *, deadline: float) -> Iterator[Item]:
    """The entries about a project, the oldest first."""
    targets, wanted = {project.hex()}, project.hex()
    request = {
        "TableName": dynamodb.table(keys.AUDIT),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": keys.org_audit_partition(org)}},
        "ConsistentRead": True,
    }
    for row in dynamodb.query_all(request, deadline=deadline):
        named = {facts_of(row[side])["project"] for side in _SIDES if "project" in facts_of(row[side])}
        if wanted in named:
            targets.add(row["target"].text)
        if wanted in named or (not named and row["target"].text in targets):
            yield row


def _spoken(rows: Iterable[Item]) -> Iterator[Item]:
    """Those that still say more than may last."""
    return (row for row in rows if any(facts_of(row[side]).keys() - LASTING for side in _SIDES))


def _lasting(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    return {name: value for name, value in facts.items() if name in LASTING}

"""What is being erased: asked for in the change that ends it, worked off by jobs, ended by a receipt.

    asked      one change: a tombstone, an audit entry, and the erasure in this register
    passes     each deletes what it finds, everywhere; what it found is added up here
    receipt    one change: the receipt, the stub that stays, and the erasure leaves the register

A writer that began before the tombstone may still put something after the first pass. So a pass that found nothing
counts only where it began `QUIET_SECONDS` after the asking, which is longer than anything runs; and there are two.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage import audit, dynamodb
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Condition, Fields, commit, when
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys

QUIET_SECONDS: Final = 900
EMPTY_PASSES: Final = 2
WINDOW_RECEIPT_SECONDS: Final = 400 * 86_400

Kind = Literal["project", "window", "org", "account"]
"""A whole project; what a shortened window leaves behind; a whole organisation; a person's account."""


class ErasureChanged(Exception):
    """Another run worked on the same erasure, and has saved since this one read it."""


class Subject(Struct, frozen=True):
    """What is erased. The ids are those that its kind has, and empty otherwise."""

    kind: Kind
    org: OrgId = OrgId(b"")
    project: ProjectId = ProjectId(b"")
    user: UserId = UserId(b"")

    @property
    def sort(self) -> bytes:
        """By which it is known in the register."""
        match self.kind:
            case "project":
                return keys.project_erasure_sort(self.org, self.project)
            case "window":
                return keys.window_erasure_sort(self.org, self.project)
            case "org":
                return keys.org_erasure_sort(self.org)
            case "account":
                return keys.account_erasure_sort(self.user)


class Progress(Struct, frozen=True):
    """What all runs have done of an erasure."""

    passes: int = 0
    empty: int = 0
    """How many passes in a row, the last ones, began late enough and found nothing."""
    removed: Mapping[str, int] = {}
    """By kind of item, how many were deleted."""
    unfinished: "Unfinished | None" = None
    """The pass that was interrupted."""

    @property
    def is_enough(self) -> bool:
        return self.empty >= EMPTY_PASSES


class Unfinished(Struct, frozen=True):
    """A pass that goes on with the next run."""

    begun_at: int
    place: int
    """How far it is, in a form of its own."""
    found: int
    """How many items it has deleted so far."""


class Erasure(Struct, frozen=True):
    """One that is not done. `asked_at` is in seconds."""

    subject: Subject
    by: Actor
    asked_at: int
    progress: Progress

    @property
    def place(self) -> int:
        """Where the next pass goes on; 0 at its beginning."""
        return self.progress.unfinished.place if self.progress.unfinished else 0

    def after(self, deleted: Mapping[str, int], *, begun_at: int, reached: int | None) -> Progress:
        """The progress after a run that went as far as `reached`, or to the end of the pass."""
        done = self.progress
        begun = done.unfinished.begun_at if done.unfinished else begun_at
        found = sum(deleted.values()) + (done.unfinished.found if done.unfinished else 0)
        removed = {kind: done.removed.get(kind, 0) + deleted.get(kind, 0) for kind in {**done.removed, **deleted}}
        if reached is not None:
            return Progress(done.passes, done.empty, removed, Unfinished(begun, reached, found))
        was_late = begun >= self.asked_at + QUIET_SECONDS
        return Progress(done.passes + 1, done.empty + 1 if was_late and not found else 0, removed)


class Receipt(Struct, frozen=True, kw_only=True):
    """That something is gone for good. Times are in seconds, `behind` in milliseconds."""

    subject: Subject
    by: Actor
    asked_at: int
    at: int
    behind: int | None = None
    """Before which everything is gone; None where everything is."""
    passes: int
    removed: Mapping[str, int]


def ask(change: Change, subject: Subject, *, by: Actor, at: int) -> None:
    """Adds to a change that this is to be erased. Asking again begins anew: both that are asked for are done then."""
    fields: Fields = {"asked_at": at, "actor_kind": by.kind, "actor": by.id, "progress": _encode(Progress())}
    change.put(keys.WORK, keys.ERASURES, subject.sort, fields)


def erasures(*, deadline: float) -> Iterator[Erasure]:
    """All that are not done. Raises `StoreUnavailable`."""
    request = {
        "TableName": dynamodb.table(keys.WORK),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": keys.ERASURES}},
        "ConsistentRead": True,
    }
    for row in dynamodb.query_all(request, deadline=deadline):
        yield _erasure(row)


def erasures_in(org: OrgId, *, deadline: float | None = None) -> list[Erasure]:
    """Those of an organisation and of its projects that are not done. Raises `StoreUnavailable`."""
    prefixes = (make(org) for make in (keys.org_erasure_sort, _of_projects, _of_windows))
    found = [row for prefix in prefixes for row in items(keys.WORK, keys.ERASURES, prefix, deadline=deadline)]
    return sorted(map(_erasure, found), key=lambda each: (-each.asked_at, each.subject.sort))


def erasure_of(subject: Subject, *, deadline: float | None = None) -> Erasure | None:
    """The erasure of this, if it is asked for and not done. Raises `StoreUnavailable`."""
    row = item(keys.WORK, keys.ERASURES, subject.sort, deadline=deadline)
    return _erasure(row) if row else None


def save(erasure: Erasure, progress: Progress, *, deadline: float | None = None) -> Erasure:
    """Keeps what was done since it was read. Raises `ErasureChanged` and `StoreUnavailable`."""
    change = Change()
    change.update(keys.WORK, keys.ERASURES, erasure.subject.sort, {"progress": _encode(progress)}, _as_read(erasure))
    try:
        commit(change, deadline=deadline)
    except ErasureChanged:
        now = erasure_of(erasure.subject, deadline=deadline)
        if now is None or (now.asked_at, now.progress) != (erasure.asked_at, progress):  # else it was this call itself
            raise
    return msgspec.structs.replace(erasure, progress=progress)


def end(change: Change, erasure: Erasure, *, at: int, behind: int | None = None) -> Receipt:
    """Adds to a change that it is done, and its receipt. Committing raises `ErasureChanged`."""
    assert erasure.progress.is_enough, "a receipt says that nothing was found"
    receipt = Receipt(
        subject=erasure.subject, by=erasure.by, asked_at=erasure.asked_at, at=at, behind=behind,
        passes=erasure.progress.passes, removed=erasure.progress.removed,
    )  # fmt: skip
    change.delete(keys.WORK, keys.ERASURES, erasure.subject.sort, _as_read(erasure))
    put_receipt(change, receipt)
    return receipt


def drop(erasure: Erasure, *, deadline: float | None = None) -> None:
    """Takes it out of the register without a receipt. Raises `ErasureChanged` and `StoreUnavailable`."""
    change = Change()
    change.delete(keys.WORK, keys.ERASURES, erasure.subject.sort, _as_read(erasure))
    commit(change, deadline=deadline)


def put_receipt(change: Change, receipt: Receipt) -> None:
    """Adds a receipt, kept for ever, or for 400 days where it is of a window."""
    subject = receipt.subject
    expires_at = receipt.at + WINDOW_RECEIPT_SECONDS if subject.kind == "window" else None
    fields: Fields = {
        "kind": subject.kind, "org": subject.org or None, "project": subject.project or None,
        "user": subject.user or None, "actor_kind": receipt.by.kind, "actor": receipt.by.id,
        "asked_at": receipt.asked_at, "at": receipt.at, "behind": receipt.behind, "passes": receipt.passes,
        "removed": dict(receipt.removed), "t": expires_at,
    }  # fmt: skip
    partition = _receipts_partition(subject)
    change.put(keys.RECEIPTS, partition, keys.purge_receipt_sort(receipt.at, change.nonce), fields)


def receipts_of(org: OrgId, *, limit: int = 50, deadline: float | None = None) -> list[Receipt]:
    """An organisation's receipts, the newest first. Raises `StoreUnavailable`."""
    return _newest(keys.org_receipts_partition(org), limit, deadline)


def receipts_of_account(user: UserId, *, limit: int = 50, deadline: float | None = None) -> list[Receipt]:
    """Those of a person's account. Raises `StoreUnavailable`."""
    return _newest(keys.person_receipts_partition(user), limit, deadline)


def _newest(partition: bytes, limit: int, deadline: float | None) -> list[Receipt]:
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.RECEIPTS),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": partition}},
        "ScanIndexForward": False,
        "ConsistentRead": True,
        "Limit": limit,
    }
    return [_receipt(row) for row in dynamodb.call("Query", request, deadline=deadline).items]


def _of_projects(org: OrgId) -> bytes:
    return keys.project_erasure_sort(org, ProjectId(b""))


def _of_windows(org: OrgId) -> bytes:
    return keys.window_erasure_sort(org, ProjectId(b""))


def _receipts_partition(subject: Subject) -> bytes:
    if subject.kind == "account":
        return keys.person_receipts_partition(subject.user)
    return keys.org_receipts_partition(subject.org)


def _as_read(erasure: Erasure) -> Condition:
    return when(
        "#asked_at = :asked_at AND #progress = :seen", ErasureChanged(), asked_at=erasure.asked_at,
        seen=_encode(erasure.progress),
    )  # fmt: skip


def _encode(progress: Progress) -> bytes:
    return msgspec.msgpack.encode(progress, order="sorted")


_PROGRESS: Final = msgspec.msgpack.Decoder(Progress)


def _erasure(row: Item) -> Erasure:
    by = Actor(audit.KINDS[row["actor_kind"].text], row["actor"].text)
    return Erasure(_subject(row["s"].binary), by, row["asked_at"].number, _PROGRESS.decode(row["progress"].binary))


def _subject(sort: bytes) -> Subject:
    kind, ids = sort[:1], sort[1:]
    match kind:
        case b"p" | b"w":
            return Subject("project" if kind == b"p" else "window", OrgId(ids[:8]), ProjectId(ids[8:]))
        case b"q":
            return Subject("org", OrgId(ids))
        case _:
            return Subject("account", user=UserId(ids))


def _receipt(row: Item) -> Receipt:
    kinds: Mapping[str, Kind] = {"project": "project", "window": "window", "org": "org", "account": "account"}
    subject = Subject(
        kinds[row["kind"].text],
        OrgId(row["org"].binary if "org" in row else b""),
        ProjectId(row["project"].binary if "project" in row else b""),
        UserId(row["user"].binary if "user" in row else b""),
    )
    return Receipt(
        subject=subject, by=Actor(audit.KINDS[row["actor_kind"].text], row["actor"].text),
        asked_at=row["asked_at"].number, at=row["at"].number,
        behind=row["behind"].number if "behind" in row else None, passes=row["passes"].number,
        removed={name: value.number for name, value in (row["removed"].M or {}).items()},
    )  # fmt: skip

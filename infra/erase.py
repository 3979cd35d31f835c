"""Erasing an organisation or an account for good, from a shell, until a receipt says that nothing is left.

    deletion        as its owner would: from here on nothing of it works
    passes          what the scheduled purge does, now and here; both may run at once
    a quarter hour  a request that began before may still write: passes before that prove nothing
    receipt         when two passes in a row found nothing
    scan            every table, from end to end: what still names it, which must be the documented stub

It may be interrupted anywhere, and run again: it goes on with the erasure that is under way.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from chalicelib.identity import deletion, users
from chalicelib.identity.membership import Operator
from chalicelib.identity.orgs import org_by_id
from chalicelib.identity.projects import org_by_slug
from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.jobs import erasure
from chalicelib.jobs.clock import Clock
from chalicelib.storage import audit, dynamodb, erasures
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.erasures import QUIET_SECONDS, Receipt, Subject
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import MODELS

RUN_SECONDS: Final = 120.0
EVERY_SECONDS: Final = 300.0
COPIES_DAYS: Final = 7
"""How long account tables can be brought back as they were (`infra.deploy.tables`)."""

Say = Callable[[str], None]


class NothingToErase(Exception):
    """There is nothing of this name, and no erasure of it under way."""


class NotFinished(Exception):
    """The erasure goes on: it is not done, or something was found that should not be there."""


class Time(Struct, frozen=True):
    """What time it is, and how it passes. Tests have their own."""

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    pause: Callable[[float], None] = time.sleep


class Found(Struct, frozen=True):
    """An item that names what was erased."""

    table: str
    partition: bytes
    sort: bytes


def erase_org(slug: str, *, wait: bool, say: Say, of: Time | None = None) -> dict[str, Any]:
    """Erases an organisation with all its projects. Answers the receipt and what a scan of all tables found.

    Raises `NothingToErase`, `NotFinished` and `StoreUnavailable`.
    """
    passing = of or Time()
    org = org_by_slug(slug)
    if org is None:
        raise NothingToErase(f"there is no organisation {slug!r}")
    projects = [row["project"].binary for row in items(keys.TENANTS, keys.org_partition(org), keys.PROJECT)]
    living = org_by_id(org)
    if living is not None:
        say(f"deleting {slug}: its projects, members, keys and connections")
        deletion.delete_org(living, by=Operator(), now=passing.now_ms() // 1000)
    _work_off(lambda subject: subject.org == org, wait=wait, say=say, passing=passing)
    receipt = _needed(erasures.receipts_of(org), Subject("org", org))
    return _proof(receipt, _needles(org, *projects), _org_stub(org), say)


def erase_account(email: str, *, wait: bool, say: Say, of: Time | None = None) -> dict[str, Any]:
    """Erases a person's account. Answers and raises as `erase_org` does, and `OnlyOwner`.

    An account that is gone is found by its address no more: while its erasure goes on, name its id (`--user`), which
    was said when it was deleted.
    """
    passing = of or Time()
    user = _account(email)
    needles = list(_needles(user))
    living = users.by_id(user)
    if living is not None:
        say(f"deleting the account {user.hex()}")
        needles += [living.email.casefold().encode(), users.email_digest(living.email)]
        deletion.delete_account(living, by=audit.OPERATOR, now=passing.now_ms() // 1000)
    _work_off(lambda subject: subject.user == user, wait=wait, say=say, passing=passing)
    receipt = _needed(erasures.receipts_of_account(user), Subject("account", user=user))
    return _proof(receipt, needles, _account_stub(user), say)


def _account(named: str) -> UserId:
    """By address; or by id, where the account itself is gone."""
    found = users.by_email(named)
    if found is not None:
        return found.user
    try:
        user = UserId(bytes.fromhex(named))
    except ValueError:
        raise NothingToErase(f"there is no account of {named!r}") from None
    if item(keys.USERS, keys.user_partition(user), keys.ONLY) is None:
        raise NothingToErase(f"there is no account {named!r}")
    return user


# --- passes -----------------------------------------------------------------------------------------------------------


def _work_off(concerns: Callable[[Subject], bool], *, wait: bool, say: Say, passing: Time) -> None:
    while open_ones := [each for each in erasures.erasures(deadline=_soon()) if concerns(each.subject)]:
        clock = Clock(now_ms=passing.now_ms(), deadline=_soon())
        report = erasure.run(clock, concerns=concerns)
        say(f"{report.deleted} items deleted in {report.passes} passes, {report.ended} receipts")
        if report.failed:
            raise NotFinished("a pass failed: the log above says why. Run it again")
        left = max(each.asked_at for each in open_ones) + QUIET_SECONDS - passing.now_ms() // 1000
        if report.ended or report.deleted or report.interrupted:
            continue
        if not wait:
            raise NotFinished(f"nothing works any more. The receipt can come in {max(left, 0)} seconds: run it again")
        say(f"waiting: the receipt can come in {max(left, 0)} seconds")
        passing.pause(min(EVERY_SECONDS, max(1.0, left)))


def _needed(receipts: Sequence[Receipt], subject: Subject) -> Receipt:
    found = next((each for each in receipts if each.subject == subject), None)
    if found is None:
        raise NothingToErase("it was neither deleted nor erased")
    return found


def _soon() -> float:
    return time.monotonic() + RUN_SECONDS


# --- proof ------------------------------------------------------------------------------------------------------------


def _proof(receipt: Receipt, needles: Iterable[bytes], is_stub: Callable[[Found], bool], say: Say) -> dict[str, Any]:
    say("reading every table from end to end")
    read: Counter[str] = Counter()
    naming = list(_naming(list(needles), read))
    left = [found for found in naming if not is_stub(found)]
    if left:
        raise NotFinished(f"{len(left)} items still name it, the first in {left[0].table}: this is a fault")
    stub = Counter(found.table for found in naming)
    return {
        "receipt": receipt.subject.kind,
        "asked": _moment(receipt.asked_at),
        "done": _moment(receipt.at),
        "passes": receipt.passes,
        "removed": dict(receipt.removed),
        "items read in all tables": read.total(),
        "remaining": len(left),
        "stub that stays": dict(stub),
        "copies end": f"{_moment(receipt.at + COPIES_DAYS * 86_400)} (point-in-time recovery of account tables)",
    }


def _naming(needles: Sequence[bytes], read: Counter[str]) -> Iterator[Found]:
    """Every item of every table that holds one of these, in a key or anywhere in it."""
    for model in MODELS:
        for row in _rows(model.table):
            read[model.table] += 1
            content = b"\0".join(_texts(row.values()))
            if any(needle in content for needle in needles):
                yield Found(model.table, row["p"].binary, row["s"].binary)


def _rows(table: str) -> Iterator[Item]:
    request: dict[str, Any] = {"TableName": dynamodb.table(table), "ConsistentRead": True}
    while True:
        answer = dynamodb.call("Scan", request, deadline=_soon())
        yield from answer.items
        if answer.last_evaluated_key is None:
            return
        request["ExclusiveStartKey"] = answer.last_evaluated_key


def _texts(values: Iterable[Value]) -> Iterator[bytes]:
    for value in values:
        if value.B is not None:
            yield value.B
        if value.S is not None:
            yield value.S.casefold().encode()
        yield from _texts(value.L or ())
        for name, each in (value.M or {}).items():
            yield name.encode()
            yield from _texts((each,))


def _needles(*ids: bytes) -> Iterator[bytes]:
    """Ids as they are stored: raw, or in hex where somebody is to read them."""
    for each in ids:
        yield from (each, each.hex().encode())


def _org_stub(org: OrgId) -> Callable[[Found], bool]:
    """Its tombstone, its slugs and its receipts; and what passes by itself (`docs/retention.md`)."""
    place = (keys.TENANTS, keys.org_partition(org), keys.ORG)

    def is_stub(found: Found) -> bool:
        of_slug = found.table == keys.TENANTS and found.partition[:1] == keys.org_slug_partition("")
        of_member = found.table == keys.USERS and found.sort == keys.ONLY  # whose account is being erased
        own = (found.table, found.partition, found.sort) == place
        of_letter = found.table == keys.OUTBOX
        return own or of_slug or of_member or of_letter or found.table == keys.RECEIPTS or _is_position(found)

    return is_stub


def _account_stub(user: UserId) -> Callable[[Found], bool]:
    """Its tombstone and its receipts; and by its id, what it did in organisations (`docs/retention.md`)."""
    place = (keys.USERS, keys.user_partition(user), keys.ONLY)

    def is_stub(found: Found) -> bool:
        logged = found.table == keys.AUDIT and found.partition[:1] == keys.org_audit_partition(OrgId(b""))
        marked = found.table == keys.EVENTS and found.partition[16:] == keys.index_partition(OrgId(b""), ProjectId(b""))
        asked = found.table == keys.WORK and found.partition == keys.ERASURES
        own = (found.table, found.partition, found.sort) == place
        return own or logged or marked or asked or found.table == keys.RECEIPTS

    return is_stub


def _is_position(found: Found) -> bool:
    """How far a job is in the list of projects, until its next run."""
    return found.table == keys.WORK and found.partition[:1] == keys.lease_partition("")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()

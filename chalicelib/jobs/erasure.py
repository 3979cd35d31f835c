"""What people and operators have ended, deleted for good: pass by pass, until nothing is found any more.

    register of erasures -> by erasure    one pass, or as much of it as there is time for; what was done is saved
                            found nothing, twice, late enough -> receipt and stub, in one change

Passes may overlap, be cut off anywhere and be done again: each deletes what it finds.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from chalicelib.events.scope import Scope
from chalicelib.events.store import purging
from chalicelib.events.store.purging import Deleted, Removed, Stay
from chalicelib.identity import erasing
from chalicelib.identity.erasing import ErasureWaits, PassInterrupted
from chalicelib.identity.projects import Project, project_by_id, tombstone
from chalicelib.ids import DAY_MS, slot_of
from chalicelib.jobs.clock import Clock
from chalicelib.jobs.scope import scope_of
from chalicelib.storage import erasures
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.erasures import QUIET_SECONDS, Erasure, ErasureChanged, Kind, Receipt, Subject
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables.keys import RECEIPT_PARTITIONS

USUAL_SECONDS: Final = QUIET_SECONDS + 6 * 3600
"""How long an erasure may take: a large project needs many runs."""

logger: Final = logging.getLogger(__name__)


class Report(msgspec.Struct):
    """What a run did."""

    passes: int = 0
    deleted: int = 0
    ended: int = 0
    """Erasures that have a receipt now."""
    failed: int = 0
    """Erasures that were left for the next run; the log says why."""
    interrupted: bool = False


class Pass(msgspec.Struct, frozen=True):
    """What a run found, and how far it came: to the end, unless it says where to go on."""

    deleted: Deleted
    reached: int | None = None


def run(clock: Clock, *, concerns: Callable[[Subject], bool] = lambda _: True) -> Report:
    """Works on every erasure that it concerns, the one that waits for longest first. None takes the time of all."""
    report = Report()
    listed = [each for each in erasures.erasures(deadline=clock.deadline) if concerns(each.subject)]
    for left, erasure in zip(range(len(listed), 0, -1), sorted(listed, key=_asked_at), strict=True):
        if clock.is_over:
            report.interrupted = True
            break
        try:
            advance(erasure, report, clock.part(1 / left))
        except ErasureWaits:
            logger.info("the erasure of %s waits for those of its projects", erasure.subject)
        except ErasureChanged:
            logger.warning("another run works on the erasure of %s", erasure.subject)
        except Exception:  # whatever is wrong with one, the others go on
            logger.exception("the erasure of %s was left for the next run", erasure.subject)
            report.failed += 1
    return report


def _asked_at(erasure: Erasure) -> int:
    return erasure.asked_at


def advance(erasure: Erasure, report: Report, clock: Clock) -> Receipt | None:
    """Pass after pass, as long as there is time and they prove something. The receipt, if that is all.

    Raises `ErasureWaits`, `ErasureChanged` and `StoreUnavailable`.
    """
    while not clock.is_over:
        if _is_pointless(erasure, clock):
            erasures.drop(erasure, deadline=clock.deadline)
            return None
        erasure, found = _one_pass(erasure, report, clock)
        if erasure.progress.is_enough:
            return _end(erasure, report, clock)
        if not found and clock.now < erasure.asked_at + QUIET_SECONDS:
            return None  # a writer may still be at work: what is found now proves nothing
    report.interrupted = True
    return None


def overdue_seconds(*, now: int, deadline: float) -> int:
    """How much longer than it should the oldest erasure waits. Raises `StoreUnavailable`."""
    asked = [each.asked_at for each in erasures.erasures(deadline=deadline)]
    return max(0, now - min(asked) - USUAL_SECONDS) if asked else 0


def _is_pointless(erasure: Erasure, clock: Clock) -> bool:
    """Whether it is of the window of a project that is erased as a whole: that receipt says it all."""
    subject = erasure.subject
    return subject.kind == "window" and project_by_id(subject.org, subject.project, deadline=clock.deadline) is None


def _one_pass(erasure: Erasure, report: Report, clock: Clock) -> tuple[Erasure, bool]:
    begun_at = clock.now
    done = PASSES[erasure.subject.kind](erasure, clock)
    report.deleted += done.deleted.total()
    report.passes += done.reached is None
    progress = erasure.after(done.deleted, begun_at=begun_at, reached=done.reached)
    saved = erasures.save(erasure, progress, deadline=clock.deadline)
    return saved, bool(done.deleted) or done.reached is not None


def _project(erasure: Erasure, clock: Clock) -> Pass:
    subject = erasure.subject
    doomed = tombstone(subject.org, subject.project, deadline=clock.deadline)
    assert doomed is not None, "a project is erased after it was deleted"
    scope = scope_of(doomed)
    hours = purging.everything(
        scope, oldest_ms=doomed.oldest_ms, widest_ms=doomed.widest_days * DAY_MS, now_ms=erasure.asked_at * 1000
    )
    emptied = _hours(scope, hours, erasure, clock)
    if emptied.reached is not None:
        return emptied
    derived = _gathered(emptied.deleted, purging.empty_derived(scope, deadline=clock.stop_at), at=hours.stop)
    if derived.reached is not None:
        return derived
    return _of_people(
        lambda: erasing.erase_project(subject.org, subject.project, deadline=clock.stop_at), derived.deleted,
        at=hours.stop,
    )  # fmt: skip


def _window(erasure: Erasure, clock: Clock) -> Pass:
    """What a shortened window has left behind: all at once, and as far back as any window ever reached. What ages out
    meanwhile is the retention's."""
    subject = erasure.subject
    known = project_by_id(subject.org, subject.project, deadline=clock.deadline)
    assert known is not None, "pointless, as was asked a moment ago"
    scope, stay = scope_of(known), _stay(known)
    oldest = purging.oldest_slot(known.oldest_ms - purging.CLOCKS_MS)
    hours = range(oldest, max(oldest, slot_of(stay.behind)))
    emptied = _hours(scope, hours, erasure, clock)
    if emptied.reached is not None:
        return emptied
    derived = purging.empty_derived_behind(scope, stay, receipts=range(RECEIPT_PARTITIONS), deadline=clock.stop_at)
    return _gathered(emptied.deleted, derived, at=hours.stop)


def _org(erasure: Erasure, clock: Clock) -> Pass:
    return _of_people(lambda: erasing.erase_org(erasure.subject.org, deadline=clock.stop_at), Deleted(), at=1)


def _account(erasure: Erasure, clock: Clock) -> Pass:
    return _of_people(lambda: erasing.erase_account(erasure.subject.user, deadline=clock.stop_at), Deleted(), at=1)


PASSES: Final[Mapping[Kind, Callable[[Erasure, Clock], Pass]]] = {
    "project": _project, "window": _window, "org": _org, "account": _account
}  # fmt: skip


def _hours(scope: Scope, hours: range, erasure: Erasure, clock: Clock) -> Pass:
    """Empties the hours from where the last run stopped."""
    left = range(max(hours.start, min(erasure.place, hours.stop)), hours.stop)
    deleted, reached = purging.empty_hours(scope, left, deadline=clock.stop_at)
    return Pass(deleted, reached if reached < hours.stop else None)


def _gathered(before: Deleted, removed: Removed, *, at: int) -> Pass:
    """With what is removed now. Where that takes too long the pass goes on there: it is not at its end."""
    deleted = Counter(before)
    try:
        for kind, count in removed:
            deleted[kind] += count
    except StoreUnavailable as cut:
        logger.info("a pass goes on with the next run: %s", cut)
        return Pass(+deleted, at)
    return Pass(+deleted)


def _of_people(erase: Callable[[], Counter[str]], before: Deleted, *, at: int) -> Pass:
    try:
        return Pass(before + erase())
    except PassInterrupted as cut:
        logger.info("a pass goes on with the next run: %s", cut)
        return Pass(before + cut.found, at)


def _end(erasure: Erasure, report: Report, clock: Clock) -> Receipt:
    """The receipt and the stub that stays, in one change."""
    subject, change = erasure.subject, Change()
    behind = None
    match subject.kind:
        case "project":
            erasing.stub_project(change, subject.org, subject.project, at=clock.now)
        case "window":
            known = project_by_id(subject.org, subject.project, deadline=clock.deadline)
            if known is None:
                raise ErasureChanged
            behind = _stay(known).whole_hours_behind
        case "org":
            erasing.stub_org(change, subject.org, at=clock.now)
        case "account":
            erasing.stub_account(change, subject.user, at=clock.now)
    receipt = erasures.end(change, erasure, at=clock.now, behind=behind)
    commit(change, deadline=clock.deadline)
    report.ended += 1
    return receipt


def _stay(known: Project) -> Stay:
    """What was left behind when the window was shortened last. Nothing of that is left to the store's own expiry."""
    return Stay(known.kept_from, left_to_ttl=0)

"""What windows have left behind, project by project, once a day: verified gone, and deleted where it is not.

    list of projects, partition n     a lease each: of two runs one does the work, the other passes on
       -> by project                  the next run goes on behind the project where this one stopped
          -> hours                    from where the last purge ended, and two days before that once more
          -> what is derived          of the receipts of batches a sixteenth each day
          -> receipt                  where anything was found
          -> audit log                of its organisation: two years, whatever the window is

Nothing is scanned: the list has every project, and a project's keys say where its data can be.
"""

import logging
from collections import Counter
from typing import Final

import msgspec

from chalicelib import settings
from chalicelib.events.store import purging
from chalicelib.events.store.purging import LEFT_TO_TTL_MS, Deleted, Stay
from chalicelib.events.store.register import projects_listed
from chalicelib.identity.projects import Project, project_by_id
from chalicelib.ids import DAY_MS, OrgId, ProjectId, slot_of
from chalicelib.jobs.clock import Clock
from chalicelib.jobs.scope import scope_of
from chalicelib.jobs.turns import Walked, each_partition
from chalicelib.storage import audit, erasures, forgetting, leases, outbox
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.erasures import Receipt, Subject
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.leases import Lease
from chalicelib.storage.tables.keys import RECEIPT_PARTITIONS

EVERY_MS: Final = DAY_MS
REVISITED_HOURS: Final = 48
"""What a writer with a slow clock, or a run that was cut off, may have left behind the last purge."""
SAVED_EVERY: Final = 20
"""Projects that a run which is killed may have to go through again."""

logger: Final = logging.getLogger(__name__)


class Progress(msgspec.Struct, array_like=True):
    """What is remembered of a partition of the list from run to run."""

    after: bytes = b""
    """Organisation and project behind which to go on."""
    done_at: int = 0
    """When the walk last came to its end, in milliseconds."""
    deleted: dict[str, int] = {}
    """Of the project behind `after`, whose purge was interrupted."""


class Report(Walked):
    """What a run did."""

    projects: int = 0
    deleted: int = 0


def run(clock: Clock) -> Report:
    """One run over all partitions whose turn it is and that no other run holds."""
    report = Report()
    if settings.current().mail == "outbox":
        outbox.forget_old(now_ms=clock.begun_ms, deadline=clock.stop_at)
    each_partition(lambda number: _walk(number, report, clock), report, clock, what="the purge")
    return report


def _walk(number: int, report: Report, clock: Clock) -> None:
    lease = leases.acquire(
        f"retention-{number}", now_ms=clock.now_ms, seconds=clock.seconds_left, deadline=clock.deadline
    )
    if lease is None:
        return
    progress = msgspec.msgpack.decode(lease.progress, type=Progress) if lease.progress else Progress()
    if clock.begun_ms - progress.done_at >= EVERY_MS:
        _Walk(number, lease, progress, report, clock).run()
    leases.release(lease, deadline=clock.deadline)


class _Walk:
    """One run over one partition of the list."""

    def __init__(self, number: int, lease: Lease, progress: Progress, report: Report, clock: Clock) -> None:
        self.number = number
        self.lease = lease
        self.progress = progress
        self.report = report
        self.clock = clock

    def run(self) -> None:
        for org, project in projects_listed(self.number, after=self.progress.after, deadline=self.clock.deadline):
            if self.clock.is_over or not self._project(org, project):
                self.report.interrupted = True
                self._save(self.progress)
                return
            self.progress = Progress(after=org + project)
            if self.report.projects % SAVED_EVERY == 0:
                self._save(self.progress)
        self._save(Progress(done_at=self.clock.begun_ms))

    def _project(self, org: OrgId, project: ProjectId) -> bool:
        """Whether the walk may go on behind it."""
        try:
            known = project_by_id(org, project, deadline=self.clock.deadline)
            # What was deleted has an erasure of its own.
            is_all = known is None or self._living(known)
            forgetting.forget_old(org, now=self.clock.now, deadline=self.clock.deadline)
            return is_all
        except Exception:  # whatever is wrong with one project, the others are purged
            logger.exception("the purge of project %s was left for the next run", project.hex())
            self.report.failed += 1
            return True

    def _living(self, known: Project) -> bool:
        self.report.projects += 1
        asked_at, stay = self.clock.now, stay_of(known, now_ms=self.clock.now_ms)
        deleted, is_all = purge_behind(known, stay, self.clock)
        self.report.deleted += deleted.total()
        deleted += Counter(self.progress.deleted)
        if not is_all:
            self.progress = Progress(self.progress.after, self.progress.done_at, dict(deleted))
        elif deleted:
            _keep_receipt(known, deleted, asked_at=asked_at, behind=stay.whole_hours_behind, clock=self.clock)
        return is_all

    def _save(self, progress: Progress) -> None:
        self.progress = progress
        leases.save(self.lease, msgspec.msgpack.encode(progress), deadline=self.clock.deadline)


class WindowChanged(Exception):
    """Somebody changed the window while what lies behind it was looked for: a longer one may have let it in."""


def purge_behind(known: Project, stay: Stay, clock: Clock) -> tuple[Deleted, bool]:
    """Deletes what may not stay of a living project. Answers what it was, and whether that is all of it: not where the
    time was over, or the window changed meanwhile.

    Raises `StoreUnavailable`.
    """
    scope = scope_of(known)
    oldest, until = purging.oldest_slot(known.oldest_ms), slot_of(stay.behind)
    if until <= oldest:
        return Counter(), True  # it is younger than its window
    purged = purging.purged_until(scope, deadline=clock.deadline)
    # A window that has grown since lets events in again before where the last purge ended.
    begin = oldest if purged is None else max(oldest, min(purged, until) - REVISITED_HOURS)
    hours, deleted = range(begin, max(begin, until)), Deleted()
    try:
        deleted, reached = purging.empty_hours(
            scope, hours, deadline=clock.stop_at, still=lambda: _check_window(known, clock)
        )
        purging.note_purged_until(scope, reached, deadline=clock.deadline)
        if reached < until:
            return deleted, False
        today = clock.begun_ms // DAY_MS % RECEIPT_PARTITIONS
        for kind, count in purging.empty_derived_behind(scope, stay, receipts=[today], deadline=clock.stop_at):
            deleted[kind] += count
    except WindowChanged:
        return deleted, False
    except StoreUnavailable:
        if not clock.is_over:
            raise
        return +deleted, False
    return +deleted, True


def _check_window(known: Project, clock: Clock) -> None:
    """Raises `WindowChanged`. What was found before is behind the window that it was let in by."""
    now = project_by_id(known.org, known.project, deadline=clock.stop_at)
    if now is None or (now.retention_days, now.kept_from) != (known.retention_days, known.kept_from):
        raise WindowChanged


def stay_of(known: Project, *, now_ms: int) -> Stay:
    """Until when what it has stored may stay. Engines that are not AWS's do not expire anything by themselves."""
    expires = settings.current().dynamodb_endpoint is None
    return Stay(scope_of(known).horizon(now_ms), LEFT_TO_TTL_MS if expires else 0)


def _keep_receipt(known: Project, deleted: Deleted, *, asked_at: int, behind: int, clock: Clock) -> None:
    receipt = Receipt(
        subject=Subject("window", known.org, known.project), by=audit.SYSTEM, asked_at=asked_at, at=clock.now,
        behind=behind, passes=1, removed=deleted,
    )  # fmt: skip
    change = Change()
    erasures.put_receipt(change, receipt)
    commit(change, deadline=clock.deadline)

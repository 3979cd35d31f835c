"""What keeps a project's events cheap to read, every few minutes: merging, the day index, the dictionary, more shards.

The register says which project-hours received events; nothing is scanned. It has partitions, and for each a lease: of
two runs one does the work, the other passes on. A run stops at 80 % of its time and saves where it was.

    register, partition n       every note that is not struck
       -> by project            the next run goes on behind the project where this one stopped
          -> allowance          its owners are told before it runs out
          -> by hour            compact, index (or draft the patterns), strike the notes that are done
          -> watermark          once every hour that is noted and may be indexed has been
          -> dictionary, shards
       -> idle projects         watermark
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from chalicelib.events.compaction import compact, finished
from chalicelib.events.indexing import can_be_indexed, index_hour
from chalicelib.events.pattern_drafts import extend_draft
from chalicelib.events.scope import Scope
from chalicelib.events.store import index
from chalicelib.events.store.register import Work, noted_work, projects_listed, strike
from chalicelib.events.training import renew_dictionary
from chalicelib.identity.projects import project_by_id
from chalicelib.ids import HOUR_MS, OrgId, ProjectId, Slot, slot_of
from chalicelib.jobs.allowances import warn
from chalicelib.jobs.clock import Clock
from chalicelib.jobs.growth import grow
from chalicelib.jobs.scope import scope_of
from chalicelib.jobs.turns import Walked, each_partition
from chalicelib.storage import leases
from chalicelib.storage.leases import Lease

STRUCK_AFTER_MS: Final = 15 * 60_000
"""How long after its clock hour a note stays: a request that noted it may still be writing."""

IDLE_EVERY_MS: Final = 6 * HOUR_MS
"""How often the watermark of projects without events is raised, so that their empty hours cost no reading."""

logger: Final = logging.getLogger(__name__)


class Progress(msgspec.Struct, array_like=True):
    """What is remembered of a partition of the register from run to run."""

    after: bytes = b""
    """Organisation and project behind which to go on."""
    idle_after: bytes = b""
    """The same, of the walk over all projects that raises watermarks."""
    idle_at: int = 0
    """When that walk last came to its end, in milliseconds."""


class Report(Walked):
    """What a run did."""

    projects: int = 0
    merged: int = 0
    deleted: int = 0
    indexed: int = 0
    drafted: int = 0
    """Hours whose patterns were counted before they can be indexed."""
    trained: int = 0
    grown: int = 0
    warned: int = 0
    """Projects whose owners were told that the day's allowance runs out."""
    struck: int = 0


def run(*, now_ms: int, deadline: float) -> Report:
    """One run over all partitions that no other run holds. `deadline` is in `time.monotonic()` seconds."""
    clock = Clock(now_ms=now_ms, deadline=deadline)
    report = Report()
    each_partition(lambda number: _walk(number, report, clock), report, clock, what="upkeep")
    return report


def _walk(number: int, report: Report, clock: Clock) -> None:
    lease = leases.acquire(f"upkeep-{number}", now_ms=clock.now_ms, seconds=clock.seconds_left, deadline=clock.deadline)
    if lease is None:
        return
    _Walk(number, lease, report, clock).run()
    leases.release(lease, deadline=clock.deadline)


class _Walk:
    """One run over one partition of the register."""

    def __init__(self, number: int, lease: Lease, report: Report, clock: Clock) -> None:
        self.number = number
        self.lease = lease
        self.report = report
        self.clock = clock
        self.now_ms = clock.begun_ms
        self.deadline = clock.deadline
        self.progress = msgspec.msgpack.decode(lease.progress, type=Progress) if lease.progress else Progress()

    def run(self) -> None:
        noted: dict[bytes, list[Work]] = defaultdict(list)
        for work in noted_work(self.number, deadline=self.deadline):
            noted[work.org + work.project].append(work)
        for each in _from(self.progress.after, noted):
            if self._must_stop():
                return
            self._project(noted[each])
            self.progress.after = each
            self._save()
        self.progress.after = b""
        self._raise_idle_watermarks(noted.keys())
        self._save()

    def _project(self, works: list[Work]) -> None:
        org, project = works[0].org, works[0].project
        self.report.projects += 1
        try:
            known = project_by_id(org, project, deadline=self.deadline)
            if known is None:
                self._strike(works)
                return
            scope = scope_of(known)
            self.report.warned += warn(known, scope, now_ms=self.clock.now_ms, deadline=self.deadline)
            self._upkeep(scope, works)
        except Exception:  # whatever is wrong with one project, the others are kept up
            logger.exception("upkeep of project %s was left for the next run", project.hex())
            self.report.failed += 1

    def _upkeep(self, scope: Scope, works: list[Work]) -> None:
        self.report.grown += grow(scope, works, now_ms=self.clock.now_ms, deadline=self.deadline)
        indexed_before = index.read_watermark(scope, deadline=self.deadline)
        by_slot: dict[Slot, list[Work]] = defaultdict(list)
        for work in works:
            by_slot[work.slot].append(work)
        for slot in sorted(by_slot):
            if self._must_stop():
                return
            self._hour(scope, slot, by_slot[slot], indexed_before)
        self._raise_watermark(scope)
        self.report.trained += renew_dictionary(scope, now_ms=self.now_ms, deadline=self.deadline)

    def _hour(self, scope: Scope, slot: Slot, works: list[Work], indexed_before: Slot) -> None:
        compacted = compact(scope, slot, now_ms=self.now_ms, deadline=self.deadline)
        self.report.merged += compacted.merged
        self.report.deleted += compacted.deleted
        if not can_be_indexed(slot, now_ms=self.now_ms):
            self.report.drafted += extend_draft(scope, slot, now_ms=self.now_ms, deadline=self.deadline)
            return
        if slot >= indexed_before or index.read_marks(scope, slot, deadline=self.deadline).pending:
            index_hour(scope, slot, deadline=self.deadline)
            self.report.indexed += 1
        ripe = [work for work in works if (work.noted + 1) * HOUR_MS <= self.now_ms - STRUCK_AFTER_MS]
        if ripe and finished(scope, slot, deadline=self.deadline):
            self._strike(ripe)

    def _strike(self, works: Iterable[Work]) -> None:
        for work in works:
            strike(work, deadline=self.deadline)
            self.report.struck += 1

    def _raise_idle_watermarks(self, busy: Iterable[bytes]) -> None:
        """Of the projects without a note. Their clock is the one from before the notes were read: what was noted later
        lies in hours behind it, or is marked."""
        if self.now_ms - self.progress.idle_at < IDLE_EVERY_MS:
            return
        skipped = frozenset(busy)
        for org, project in projects_listed(self.number, after=self.progress.idle_after, deadline=self.deadline):
            if self._must_stop():
                return
            if org + project not in skipped:
                self._idle(org, project)
            self.progress.idle_after = org + project
        self.progress.idle_after = b""
        self.progress.idle_at = self.now_ms

    def _idle(self, org: OrgId, project: ProjectId) -> None:
        known = project_by_id(org, project, deadline=self.deadline)
        if known is not None:  # nothing is written of a project that is being deleted
            self._raise_watermark(scope_of(known))

    def _raise_watermark(self, scope: Scope) -> None:
        """Past every hour that may be indexed: those with events have been."""
        up_to = slot_of(self.now_ms - index.WATERMARK_BEHIND_MS)
        index.raise_watermark(scope, up_to, now_ms=self.now_ms, deadline=self.deadline)

    def _must_stop(self) -> bool:
        self.report.interrupted = self.report.interrupted or self.clock.is_over
        return self.clock.is_over

    def _save(self) -> None:
        leases.save(self.lease, msgspec.msgpack.encode(self.progress), deadline=self.deadline)


def _from(after: bytes, projects: Iterable[bytes]) -> list[bytes]:
    """All of them, those behind `after` first."""
    ordered = sorted(projects)
    return [each for each in ordered if each > after] + [each for each in ordered if each <= after]

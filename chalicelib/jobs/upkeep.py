"""What keeps a project's events cheap to read: merging, the day index, the dictionary. Runs every few minutes.

The register says which project-hours received events; nothing is scanned. It has partitions, and for each a lease: of two
runs one does the work, the other passes on. A run stops at 80 % of its time and saves where it was.

    register, partition n       notes of the hours since the oldest that is not done
       -> by project            the next run goes on behind the project where this one stopped
          -> by hour            compact, index
          -> watermark, dictionary
          -> strike the notes that are done: their clock hour is over, their hour is indexed and compacted
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from chalicelib.events.compaction import compact, finished
from chalicelib.events.indexing import can_be_indexed, index_hour
from chalicelib.events.scope import Scope
from chalicelib.events.store import index, register
from chalicelib.events.store.register import Work, noted_work, projects_listed, strike
from chalicelib.events.training import renew_dictionary
from chalicelib.identity.projects import project_by_id
from chalicelib.ids import HOUR_MS, OrgId, ProjectId, Slot, slot_of
from chalicelib.storage import leases
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.leases import Lease, LeaseLost
from chalicelib.storage.tables.keys import WORK_PARTITIONS

SHARE_OF_TIME: Final = 0.8
STRUCK_AFTER_MS: Final = 15 * 60_000
"""How long after its clock hour a note stays: a request that noted it may still be writing."""

IDLE_EVERY_MS: Final = 6 * HOUR_MS
"""How often the watermark of projects without events is raised, so that their empty hours cost no reading."""

logger: Final = logging.getLogger(__name__)


class Progress(msgspec.Struct, array_like=True):
    """What is remembered of a partition of the register from run to run."""

    first_hour: int = 0
    """The oldest clock hour with a note that is not done."""
    after: bytes = b""
    """The project behind which to go on."""
    idle_at: int = 0
    """When the watermarks of all projects were last raised, in milliseconds."""


class Report(msgspec.Struct):
    """What a run did."""

    projects: int = 0
    merged: int = 0
    deleted: int = 0
    indexed: int = 0
    trained: int = 0
    struck: int = 0
    failed: int = 0
    """Projects that were left for the next run because the store said no."""
    interrupted: bool = False


def run(*, now_ms: int, deadline: float) -> Report:
    """One run over all partitions that no other run holds. `deadline` is in `time.monotonic()` seconds."""
    begun = time.monotonic()
    stop_at = begun + (deadline - begun) * SHARE_OF_TIME
    report = Report()
    first = now_ms // (15 * 60_000)  # another partition first each time, so that none is always the last
    for number in ((first + offset) % WORK_PARTITIONS for offset in range(WORK_PARTITIONS)):
        if time.monotonic() >= stop_at:
            report.interrupted = True
            break
        seconds = int(deadline - time.monotonic()) + 1
        lease = leases.acquire(f"upkeep-{number}", now_ms=now_ms, seconds=seconds, deadline=deadline)
        if lease is None:
            continue
        try:
            _Walk(number, lease, report, now_ms=now_ms, deadline=deadline, stop_at=stop_at).run()
            leases.release(lease, deadline=deadline)
        except LeaseLost:
            logger.warning("upkeep of partition %d was taken over by another run", number)
    return report


class _Walk:
    """One run over one partition of the register."""

    def __init__(
        self, number: int, lease: Lease, report: Report, *, now_ms: int, deadline: float, stop_at: float
    ) -> None:
        self.number = number
        self.lease = lease
        self.report = report
        self.now_ms = now_ms
        self.deadline = deadline
        self.stop_at = stop_at
        self.progress = msgspec.msgpack.decode(lease.progress, type=Progress) if lease.progress else Progress()
        self.left: list[Work] = []
        """Notes that are not done."""

    def run(self) -> None:
        noted = self._noted()
        projects = sorted(noted)
        ordered = [each for each in projects if each[1] > self.progress.after]
        ordered += projects[: len(projects) - len(ordered)]
        for done, (org, project) in enumerate(ordered):
            if time.monotonic() >= self.stop_at:
                self.report.interrupted = True
                self.left += [work for each in ordered[done:] for work in noted[each]]
                break
            self._project(org, project, noted[org, project])
            self.progress.after = project
            self._save()
        else:
            self.progress.after = b""
            self._raise_idle_watermarks({project for _, project in noted})
        self.progress.first_hour = min((work.noted for work in self.left), default=slot_of(self.now_ms))
        self._save()

    def _noted(self) -> dict[tuple[OrgId, ProjectId], list[Work]]:
        oldest = slot_of(self.now_ms - register.KEPT_MS)
        noted: dict[tuple[OrgId, ProjectId], list[Work]] = defaultdict(list)
        for hour in range(max(self.progress.first_hour, oldest), slot_of(self.now_ms) + 1):
            for work in noted_work(Slot(hour), number=self.number, deadline=self.deadline):
                noted[work.org, work.project].append(work)
        return noted

    def _project(self, org: OrgId, project: ProjectId, works: list[Work]) -> None:
        self.report.projects += 1
        try:
            known = project_by_id(org, project, deadline=self.deadline)
            if known is None:
                self._strike(works)
                return
            self._upkeep(Scope(org, project, known.retention_days, known.shards), works)
        except StoreUnavailable:
            logger.exception("upkeep of project %s was left for the next run", project.hex())
            self.report.failed += 1
            self.left += works

    def _upkeep(self, scope: Scope, works: list[Work]) -> None:
        now_ms, deadline = self.now_ms, self.deadline
        indexed_before = index.read_watermark(scope, deadline=deadline)
        settled: set[Slot] = set()
        all_indexed = True
        for slot in sorted({work.slot for work in works}):
            if time.monotonic() >= self.stop_at:
                self.report.interrupted = True
                self.left += works
                return
            compacted = compact(scope, slot, now_ms=now_ms, deadline=deadline)
            self.report.merged += compacted.merged
            self.report.deleted += compacted.deleted
            if not can_be_indexed(slot, now_ms=now_ms):
                continue
            indexed = self._index(scope, slot, indexed_before)
            all_indexed = all_indexed and indexed
            if indexed and finished(scope, slot, deadline=deadline):
                settled.add(slot)
        if all_indexed:
            index.raise_watermark(
                scope, slot_of(now_ms - index.WATERMARK_BEHIND_MS), now_ms=now_ms, deadline=deadline
            )
        self.report.trained += renew_dictionary(scope, now_ms=now_ms, deadline=deadline)
        self._strike_done(works, settled)

    def _index(self, scope: Scope, slot: Slot, indexed_before: Slot) -> bool:
        if slot < indexed_before and not index.dirty_marks(scope, slot, deadline=self.deadline):
            return True
        self.report.indexed += 1
        return index_hour(scope, slot, deadline=self.deadline)

    def _strike_done(self, works: Iterable[Work], settled: set[Slot]) -> None:
        for work in works:
            clock_hour_over = (work.noted + 1) * HOUR_MS <= self.now_ms - STRUCK_AFTER_MS
            if clock_hour_over and work.slot in settled:
                self._strike([work])
            else:
                self.left.append(work)

    def _strike(self, works: Iterable[Work]) -> None:
        for work in works:
            strike(work, deadline=self.deadline)
            self.report.struck += 1

    def _raise_idle_watermarks(self, busy: set[ProjectId]) -> None:
        if self.now_ms - self.progress.idle_at < IDLE_EVERY_MS:
            return
        up_to = slot_of(self.now_ms - index.WATERMARK_BEHIND_MS)
        for org, project in projects_listed(self.number, deadline=self.deadline):
            if time.monotonic() >= self.stop_at:
                self.report.interrupted = True
                return
            if project not in busy:
                # Only the keys of a scope are needed to raise a watermark.
                idle = Scope(org, project, retention_days=1)
                index.raise_watermark(idle, up_to, now_ms=self.now_ms, deadline=self.deadline)
        self.progress.idle_at = self.now_ms

    def _save(self) -> None:
        leases.save(self.lease, msgspec.msgpack.encode(self.progress), deadline=self.deadline)

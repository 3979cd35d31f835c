"""Whose events: the one project that a request may touch, and what decides where its events stand and how long."""

import msgspec

from chalicelib.ids import DAY_MS, OrgId, ProjectId, Slot


class Scope(msgspec.Struct, frozen=True):
    """Made by whoever proved who is asking; everything in `events` works inside one."""

    org: OrgId
    project: ProjectId
    retention_days: int
    shards: tuple[tuple[int, int], ...] = ()
    """The shard plan, oldest entry first: (first slot, count). Before the first entry a slot has one shard. Entries
    are added for slots to come and never changed, so that a batch meets the same shard when it is sent again."""
    kept_from: int = 0
    """What happened before it, in milliseconds, was left behind when the window was shortened, and is gone for good: a
    window that is lengthened again does not bring it back."""

    @property
    def retention_ms(self) -> int:
        return self.retention_days * DAY_MS

    def horizon(self, now_ms: int) -> int:
        """The oldest moment that is kept, in milliseconds: nothing before it is shown, or taken (S37)."""
        return max(now_ms - self.retention_ms, self.kept_from)

    def shard_count(self, slot: Slot) -> int:
        count = 1
        for first, planned in self.shards:
            if first > slot:
                break
            count = planned
        return count

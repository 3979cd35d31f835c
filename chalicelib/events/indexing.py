"""Bringing the day index up to date: what the headers of an hour's blocks add up to."""

from collections import Counter

from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import HourCounts, needs_mark, read_marks, write_hour
from chalicelib.events.store.read import candidates
from chalicelib.ids import HOUR_MS, Slot


def index_hour(scope: Scope, slot: Slot, *, deadline: float) -> bool:
    """Counts an hour and writes its entry; see `store.index` for why that never hides an event.

    False where it was marked meanwhile: then its blocks are read until it is indexed again.
    """
    seen = read_marks(scope, slot, deadline=deadline)
    counts = count_hour(scope, slot, deadline=deadline)
    return write_hour(scope, slot, counts, seen=seen, deadline=deadline)


def count_hour(scope: Scope, slot: Slot, *, deadline: float) -> HourCounts:
    """What the headers of an hour's blocks add up to."""
    levels: Counter[str] = Counter()
    blocks = size = 0
    within = TimeRange(slot * HOUR_MS, (slot + 1) * HOUR_MS)
    for candidate in candidates(scope, within, "desc", deadline=deadline):
        levels.update(candidate.stored.block.header.level_counts)
        blocks += 1
        size += candidate.stored.size
    return HourCounts(dict(levels), blocks, size)


def can_be_indexed(slot: Slot, *, now_ms: int) -> bool:
    """Whether every block that lands in the hour from now on marks it."""
    return needs_mark(Slot(slot + 1), now_ms=now_ms)

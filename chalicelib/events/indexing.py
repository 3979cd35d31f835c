"""Bringing the day index up to date: what the headers of an hour's blocks add up to, and the patterns in them."""

from collections import Counter

from chalicelib.events.pattern_counting import add_all, found_in, hour_counter
from chalicelib.events.query.patterns import Patterns
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.index import HourCounts, needs_mark, read_marks, write_hour
from chalicelib.events.store.pattern_hours import write_counted
from chalicelib.events.store.pattern_templates import learn
from chalicelib.events.store.read import candidates
from chalicelib.ids import HOUR_MS, Slot


def index_hour(scope: Scope, slot: Slot, *, deadline: float) -> bool:
    """Counts an hour and writes its entry; see `store.index` for why that never hides an event.

    False where it was marked meanwhile: then its blocks are read until it is indexed again. The hour's patterns are
    written before, under the same rule; their texts before them, so that no reader meets one without.
    """
    seen = read_marks(scope, slot, deadline=deadline)
    patterns = hour_counter()
    counts = count_hour(scope, slot, into=patterns, deadline=deadline)
    if counts.blocks:
        found, texts = found_in(patterns)
        learn(scope, texts, deadline=deadline)
        write_counted(scope, slot, found, marks=seen.made, deadline=deadline)
    return write_hour(scope, slot, counts, seen=seen, deadline=deadline)


def count_hour(scope: Scope, slot: Slot, *, into: Patterns | None = None, deadline: float) -> HourCounts:
    """What the headers of an hour's blocks add up to. `into` takes in the patterns of their messages."""
    levels: Counter[str] = Counter()
    blocks = size = 0
    within = TimeRange(slot * HOUR_MS, (slot + 1) * HOUR_MS)
    for candidate in candidates(scope, within, "desc", deadline=deadline):
        levels.update(candidate.stored.block.header.level_counts)
        if into is not None:
            add_all(into, candidate.stored)
        blocks += 1
        size += candidate.stored.size
    return HourCounts(dict(levels), blocks, size)


def can_be_indexed(slot: Slot, *, now_ms: int) -> bool:
    """Whether every block that lands in the hour from now on marks it."""
    return needs_mark(Slot(slot + 1), now_ms=now_ms)

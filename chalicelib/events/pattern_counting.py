"""Counting the patterns of an hour's blocks: all of them, or those that were received within a stretch of time."""

from collections.abc import Sequence
from typing import Final

from chalicelib.events.block import Block
from chalicelib.events.patterns import pattern_id
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.patterns import Pattern, Patterns
from chalicelib.events.store.pattern_hours import HourPatterns, Occurred, add_to, bounded
from chalicelib.events.store.pattern_templates import Template
from chalicelib.events.store.stored import Stored

HELD: Final = 20_000
"""Patterns that are told apart while an hour is counted; the most frequent of them are kept."""
WORKED_OUT: Final = 50_000
"""Messages of an hour that are looked into: a second of work, ten at most. Those after them, that nothing met before
is like, are counted as other."""


def hour_counter() -> Patterns:
    return Patterns(most=HELD, worked_out=WORKED_OUT)


def add_all(into: Patterns, stored: Stored) -> None:
    """Counts every row of a block."""
    into.add(stored.block, Mask.everything(stored.block.header.count))


def add_received(into: Patterns, stored: Stored, *, after: int, until: int | None = None) -> int:
    """Counts what was received later than `after`, up to `until`, in milliseconds. Answers how many events that is.

    A merged block knows of each of its parts when it was received.
    """
    mask = _received(stored.block, after, until)
    if mask:
        into.add(stored.block, mask)
    return mask.count()


def found_in(counted: Patterns) -> tuple[HourPatterns, dict[bytes, Template]]:
    """What was counted, as an item holds it, and the texts of the patterns in it."""
    patterns = counted.result()
    whole = as_hour(patterns, counted.other_levels, counted.other_services)
    found = bounded(whole)
    named = {pattern_id(each.template): each for each in patterns}
    return found, {name: as_template(named[name]) for name in found.patterns}


def as_hour(patterns: Sequence[Pattern], other: dict[str, int], services: dict[str, int]) -> HourPatterns:
    """`services` are those of the other events."""
    total = dict(services)
    for each in patterns:
        add_to(total, each.services)
    by_id = {pattern_id(each.template): Occurred(each.last, each.levels, each.services) for each in patterns}
    return HourPatterns(by_id, other, total)


def as_template(pattern: Pattern) -> Template:
    return Template(pattern.template, pattern.sample, pattern.first, pattern.last)


def _received(block: Block, after: int, until: int | None) -> Mask:
    count = block.header.count
    if not block.parts:
        return Mask.everything(count) if _is_within(block.header.received_at, after, until) else Mask(0, count)
    wanted = bytes(_is_within(part.received_at, after, until) for part in block.parts)
    if 1 not in wanted or 0 not in wanted:
        return Mask.everything(count) if 1 in wanted else Mask(0, count)
    return Mask.of(bytes(wanted[block.origin(row)[0]] for row in range(count)))


def _is_within(received_at: int, after: int, until: int | None) -> bool:
    return after < received_at and (until is None or received_at <= until)

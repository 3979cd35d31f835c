"""Drafts: the patterns of hours that are not indexed yet, so that a list need not read all their blocks.

A run of upkeep adds to an hour's draft what was received since the last one, up to a minute ago: by then every block
that bears that time is stored. A reader adds what was received later.

    draft      everything received until d          [--------------- d]
    run        (d, run - 60 s]                                          [--------- d']
    reader     everything received after d'                                          [---- now]

Both look for blocks that end later than five minutes before `d`. So an event that is sent more than five minutes late
into an hour of the last three is not in its draft, until one of two: a quarter of an hour after the hour's end the
draft is made anew from all blocks, and two hours after it the hour is indexed.

Merging does not matter: a merged block knows when each of its parts was received. Nor does it that two runs meet: a
draft takes the place of just the one that it continues.
"""

from typing import Final

from chalicelib.events.pattern_counting import add_received, found_in, hour_counter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.pattern_hours import StoredHour, bounded, joined, read_hour, write_draft
from chalicelib.events.store.pattern_templates import learn
from chalicelib.events.store.read import candidates
from chalicelib.ids import HOUR_MS, Slot

STORED_MS: Final = 60_000
"""So long after it was received a block is stored for sure: a request takes half a minute, and clocks differ."""
LATE_MS: Final = 5 * 60_000
ANEW_MS: Final = 15 * 60_000
"""So long after its end an hour's draft is made anew, from blocks that were merged meanwhile."""
WORTH_IT: Final = 50
"""Blocks. Fewer are read about as fast as a draft is, and cost no writing."""


def extend_draft(scope: Scope, slot: Slot, *, now_ms: int, deadline: float) -> bool:
    """Brings the draft of an hour up to a minute ago. Says whether it wrote one."""
    stored = read_hour(scope, slot, deadline=deadline)
    if stored is not None and stored.until is None:
        return False
    until = now_ms - STORED_MS
    continued = stored if stored and not _is_made_anew(stored, slot, until) else None
    after = continued.until or 0 if continued else 0
    if until <= after:
        return False
    counted, blocks, events = hour_counter(), 0, 0
    for candidate in candidates(scope, still_to_read(slot, after), "desc", deadline=deadline):
        found = add_received(counted, candidate.stored, after=after, until=until)
        events += found
        blocks += found > 0
    if not events or (blocks < WORTH_IT and (continued or stored is None)):
        return False
    hour, texts = found_in(counted)
    learn(scope, texts, deadline=deadline)
    whole = bounded(joined(continued.found, hour)) if continued else hour
    write_draft(scope, slot, whole, until=until, was=stored.until if stored else None, deadline=deadline)
    return True


def still_to_read(slot: Slot, after: int) -> TimeRange:
    """Where in an hour the blocks stand that were received after this time, but for events that came very late."""
    return TimeRange(max(slot * HOUR_MS, after - LATE_MS), (slot + 1) * HOUR_MS)


def _is_made_anew(stored: StoredHour, slot: Slot, until: int) -> bool:
    return (stored.until or 0) < (slot + 1) * HOUR_MS + ANEW_MS <= until

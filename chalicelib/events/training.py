"""Training a project's dictionary from what it sent last, by a job and never in a request."""

import random
from typing import Final

from chalicelib.events.block.training import TooFewSamples, train
from chalicelib.events.event import Event
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries
from chalicelib.events.store.read import candidates
from chalicelib.ids import DAY_MS

LEAST_EVENTS: Final = 500
SAMPLE_EVENTS: Final = 2_000
EVENTS_OF_A_BLOCK: Final = LEAST_EVENTS
"""About so many are taken of one block, so that no batch speaks for all, and one is enough to begin with."""
SAMPLED_MS: Final = DAY_MS
RENEWED_AFTER_MS: Final = 6 * DAY_MS
"""A day before writers stop using it, so that there is always one."""


def renew_dictionary(scope: Scope, *, now_ms: int, deadline: float) -> bool:
    """Trains and publishes a new version where one is due and there is enough to learn from. Says whether it did."""
    current = dictionaries.newest(scope, deadline=deadline)
    stored = current.stored
    if stored is not None and _is_fresh(stored, scope, now_ms=now_ms):
        return False
    sample = _sample(scope, now_ms=now_ms, deadline=deadline)
    if len(sample) < LEAST_EVENTS:
        return False
    try:
        dictionary = train(sample, version=current.version + 1, chance=random.Random(now_ms))  # noqa: S311 (filler text)
    except TooFewSamples:  # they may be many and have nothing in common
        return False
    return dictionaries.publish(scope, dictionary, now_ms=now_ms, deadline=deadline)


def _is_fresh(stored: dictionaries.Stored, scope: Scope, *, now_ms: int) -> bool:
    return now_ms - stored.created_at < RENEWED_AFTER_MS and stored.window_days >= scope.retention_days


def _sample(scope: Scope, *, now_ms: int, deadline: float) -> list[Event]:
    """Events of the last day, newest blocks first, a share of each large one."""
    sample: list[Event] = []
    begin = max(now_ms - SAMPLED_MS, scope.horizon(now_ms))
    for candidate in candidates(scope, TimeRange(begin, now_ms), "desc", deadline=deadline):
        stored = candidate.stored
        stored.fetch_detail(deadline=deadline)
        if stored.gone:
            continue
        count = stored.block.header.count
        step = max(1, count // EVENTS_OF_A_BLOCK)
        sample += stored.block.events(range(0, count, step))
        if len(sample) >= SAMPLE_EVENTS:
            break
    return sample[:SAMPLE_EVENTS]

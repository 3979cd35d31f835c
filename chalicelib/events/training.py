"""Training a project's dictionary from what it sent last, by a job and never in a request."""

import random
from typing import Final

from chalicelib.events.block.training import train
from chalicelib.events.event import Event
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries
from chalicelib.events.store.read import candidates
from chalicelib.ids import DAY_MS

LEAST_EVENTS: Final = 500
SAMPLE_EVENTS: Final = 2_000
SAMPLED_MS: Final = DAY_MS
RENEWED_AFTER_MS: Final = 6 * DAY_MS
"""A day before writers stop using it, so that there is always one."""


def renew_dictionary(scope: Scope, *, now_ms: int, deadline: float) -> bool:
    """Trains and publishes a new version where one is due and there is enough to learn from. Says whether it did."""
    current = dictionaries.newest(scope, deadline=deadline)
    stored = current.stored
    fresh = stored is not None and now_ms - stored.created_at < RENEWED_AFTER_MS
    if fresh and stored is not None and stored.window_days >= scope.retention_days:
        return False
    sample = _sample(scope, now_ms=now_ms, deadline=deadline)
    if len(sample) < LEAST_EVENTS:
        return False
    dictionary = train(sample, version=current.version + 1, chance=random.Random(now_ms))  # noqa: S311 (filler text)
    return dictionaries.publish(scope, dictionary, now_ms=now_ms, deadline=deadline)


def _sample(scope: Scope, *, now_ms: int, deadline: float) -> list[Event]:
    """Events of the last day, newest blocks first, a share of each so that no single batch speaks for all."""
    sample: list[Event] = []
    window = min(SAMPLED_MS, scope.retention_ms)
    for candidate in candidates(scope, TimeRange(now_ms - window, now_ms), "desc", deadline=deadline):
        stored = candidate.stored
        stored.fetch_detail(deadline=deadline)
        count = stored.block.header.count
        step = max(1, count // 200)
        sample += stored.block.events(range(0, count, step))
        if len(sample) >= SAMPLE_EVENTS:
            break
    return sample[:SAMPLE_EVENTS]

"""The patterns of a project, as they are listed: how often, at which levels, since when, and what became of them."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from msgspec import Struct

from chalicelib.events.patterns import phrase
from chalicelib.events.query.answers import Understood
from chalicelib.events.query.comparison import Change, change_between
from chalicelib.events.query.counts import Counted
from chalicelib.events.query.expression import Everything, Expression, describe
from chalicelib.events.query.pattern_counts import (
    NOTHING,
    SPARK_HOURS,
    CountedPatterns,
    Found,
    from_events,
    from_hours,
)
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.pattern_states import Resolved
from chalicelib.events.store.pattern_templates import Template
from chalicelib.ids import DAY_MS, HOUR_MS

__all__ = ["ONLY", "SPARK_HOURS", "ListedPattern", "Only", "PatternList", "State", "listed", "pattern"]

State = Literal["open", "resolved", "regressed"]
Only = Literal["all", "new", "rising", "regressed", "resolved"]

SHORTEST_STORED_MS: Final = 2 * HOUR_MS
"""Whole hours would say too little of a shorter range."""

SERVICES: Final = 8


class ListedPattern(Struct, frozen=True, kw_only=True):
    """A pattern of messages. Times are in milliseconds.

    `count`, `levels` and `services` (at most eight) are of the range, `before` of the stretch of the same length before
    it. `first_seen_ms` and `last_seen_ms` are of all that the project keeps, and so are `new`, first seen within a day,
    and `regressed`, seen after it was resolved. `services` are left out where the query asks for levels and the
    pattern has others too. `spark` counts by the hour, the last 24 hours, whatever the query asks. `find` is a phrase
    for a query that finds its messages; empty where there is none.
    """

    id: str
    template: str
    sample: str
    count: int
    share: float
    before: int
    change: Change
    levels: dict[str, int]
    services: dict[str, int]
    first_seen_ms: int
    last_seen_ms: int
    new: bool
    rising: bool
    state: State
    resolved_at: int | None
    resolved_by: str
    """The person, in hex; empty for the operator."""
    note: str
    spark: list[int]
    find: str


class PatternList(Counted, frozen=True, kw_only=True):
    """Patterns, most frequent first. Of the `events`, `other` have patterns beyond those that are told apart.

    `from` and `to` are what was counted: whole hours, where the counts come from what is stored of each hour.
    """

    events: int
    other: int
    patterns: list[ListedPattern]


ONLY: Final[Mapping[Only, Callable[[ListedPattern], bool]]] = {
    "all": lambda each: each.count > 0,
    "new": lambda each: each.new,
    "rising": lambda each: each.rising,
    "regressed": lambda each: each.state == "regressed",
    "resolved": lambda each: each.state == "resolved",
}
"""What a list may be narrowed to."""


def listed(scope: Scope, expression: Expression, within: TimeRange, *, now_ms: int, deadline: float) -> PatternList:
    """What the messages of a range are like.

    From two hours on, and where the query asks for levels alone, whole hours are taken from what is stored of them:
    from the one in which the range begins to the one in which it ends. Any other query and shorter ranges look at every
    event that matches, exactly in the range. Also listed, with a count of 0, is what was resolved and is not in the
    range, unless the query asks for something; `ONLY["all"]` leaves that out.
    """
    wanted = Filter(expression)
    if wanted.only_levels and within.end - within.start >= SHORTEST_STORED_MS:
        counted = from_hours(scope, wanted, within, now_ms=now_ms, deadline=deadline)
    else:
        counted = from_events(scope, expression, within, now_ms=now_ms, deadline=deadline)
    also = isinstance(expression, Everything)
    patterns = [
        _listed(name, text, counted, now_ms)
        for name, text in counted.texts.items()
        if name in counted.found or (also and name in counted.resolved)
    ]
    unknown = sum(each.count for name, each in counted.found.items() if name not in counted.texts)
    return PatternList(
        partial=counted.reached is not None, reached=counted.reached, query=Understood(describe(expression)),
        start=counted.within.start, end=counted.within.end, scanned=counted.scanned, events=counted.events,
        other=counted.other + unknown, patterns=sorted(patterns, key=lambda each: (-each.count, each.template)),
    )  # fmt: skip


def pattern(scope: Scope, name: str, *, now_ms: int, deadline: float) -> ListedPattern | None:
    """The pattern of this id, its counts over all that the project keeps. None where there is none."""
    within = TimeRange(scope.horizon(now_ms), now_ms)
    found = listed(scope, Everything(), within, now_ms=now_ms, deadline=deadline)
    return next((each for each in found.patterns if each.id == name), None)


def _listed(name: bytes, text: Template, counted: CountedPatterns, now_ms: int) -> ListedPattern:
    found = counted.found.get(name, NOTHING)
    change = _change(text, found, counted)
    resolved = counted.resolved.get(name)
    return ListedPattern(
        id=name.hex(), template=text.text, sample=text.sample, count=found.count,
        share=found.count / counted.events if counted.events else 0.0, before=found.before, change=change,
        levels=found.levels, services=_largest(found.services), first_seen_ms=text.first, last_seen_ms=text.last,
        new=text.first > now_ms - DAY_MS, rising=change == "more", state=_state(resolved, text.last),
        resolved_at=resolved.at if resolved else None, resolved_by=resolved.by if resolved else "",
        note=resolved.note if resolved else "", spark=counted.recent.get(name, [0] * SPARK_HOURS),
        find=phrase(text.text, text.sample),
    )  # fmt: skip


def _change(text: Template, found: Found, counted: CountedPatterns) -> Change:
    """Against a stretch that was not read to its end, or is not kept to its end, only what is new can be told."""
    if counted.compares:
        return change_between(found.before, found.count)
    return "new" if text.first >= counted.within.start else "steady"


def _state(resolved: Resolved | None, last_seen_ms: int) -> State:
    if resolved is None:
        return "open"
    return "regressed" if last_seen_ms > resolved.at else "resolved"


def _largest(services: Mapping[str, int]) -> dict[str, int]:
    ranked = sorted(services.items(), key=lambda each: (-each[1], each[0]))
    return dict([each for each in ranked if each[0]][:SERVICES])

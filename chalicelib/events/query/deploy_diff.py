"""What a deploy changed: the same stretch of time before and after it, side by side.

           before                 after
    |------------------------|------------------------|
    at - length              at                       at + length

Both sides are equally long, also where less time has passed since than was asked for. What is compared are patterns of
messages, levels, and services with their errors; whatever was not read makes the answer partial.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from chalicelib.events.query import counts
from chalicelib.events.query.comparison import Change, Compared, compared
from chalicelib.events.query.counts import PatternsAnswer
from chalicelib.events.query.editing import joined, terms_of
from chalicelib.events.query.expression import Compare, Equals, Expression
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope

ERRORS: Final = ("fatal", "error")
WARNINGS: Final = ("warn",)
SHORTEST_MS: Final = 1_000
SHARES: Final = (0.35, 0.5, 0.5, 0.9)
"""Of the time left, that each of the four countings may take: the two of patterns first."""

Pair = tuple[int, int]
"""Before and after."""


class DeployDiff(Struct, frozen=True):
    """Two windows around a deploy. `errors` are those of level error and above, by service."""

    before: PatternsAnswer
    after: PatternsAnswer
    errors_before: Mapping[str, int]
    errors_after: Mapping[str, int]
    partial: bool

    @property
    def length_ms(self) -> int:
        return self.after.end - self.after.start

    def patterns(self) -> dict[Change, list[Compared]]:
        """By what happened to them, the largest difference first."""
        found: dict[Change, list[Compared]] = {"new": [], "gone": [], "more": [], "less": [], "steady": []}
        for each in compared(self.before, self.after):
            found[each.change].append(each)
        return found

    def level(self, *names: str) -> Pair:
        """How many events of these levels."""
        return (
            sum(self.before.levels.get(name, 0) for name in names),
            sum(self.after.levels.get(name, 0) for name in names),
        )

    def services(self) -> list["Affected"]:
        """Those of either side, by how much their errors changed, then by how much they said."""
        names = {**self.after.services, **self.before.services, **self.errors_after, **self.errors_before}
        found = [
            Affected(
                name,
                (self.before.services.get(name, 0), self.after.services.get(name, 0)),
                (self.errors_before.get(name, 0), self.errors_after.get(name, 0)),
            )
            for name in names
        ]
        return sorted(found, key=lambda each: (-_difference(each.errors), -_difference(each.events), each.name))


class Affected(Struct, frozen=True):
    """A service, and what it said before and after. Without a name: events that name none."""

    name: str
    events: Pair
    errors: Pair


def around(
    scope: Scope, at: int, *, longest_ms: int, expression: Expression, now_ms: int, deadline: float
) -> DeployDiff | None:
    """The two windows; None while less than a second has passed. Raises `StoreUnavailable`."""
    length = min(longest_ms, now_ms - at)
    if length < SHORTEST_MS:
        return None
    ranges = (TimeRange(at, at + length), TimeRange(at - length, at))
    shares = iter(SHARES)
    after, before = (
        counts.patterns(scope, expression, within, now_ms=now_ms, deadline=_by(deadline, next(shares)))
        for within in ranges
    )
    severe = joined([*terms_of(expression), Compare("level", ">=", "error")])
    errors_after, errors_before = (
        counts.facets(scope, severe, within, fields=("service",), now_ms=now_ms, deadline=_by(deadline, next(shares)))
        for within in ranges
    )
    return DeployDiff(
        before=before,
        after=after,
        errors_before={each.value: each.count for each in errors_before.facets["service"]},
        errors_after={each.value: each.count for each in errors_after.facets["service"]},
        partial=any(each.partial for each in (before, after, errors_before, errors_after)),
    )


def of_release(service: str, environment: str) -> Expression:
    """What is asked of events that are of the same service and environment, as far as these are known."""
    known: Sequence[Expression] = [
        Equals(field, value) for field, value in (("service", service), ("environment", environment)) if value
    ]
    return joined(known)


def _difference(pair: Pair) -> int:
    return abs(pair[1] - pair[0])


def _by(deadline: float, share: float) -> float:
    now = time.monotonic()
    return now + (deadline - now) * share

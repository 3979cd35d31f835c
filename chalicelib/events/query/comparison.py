"""Two countings of patterns put side by side: what is new, gone, more or less than before."""

from typing import Final, Literal

from msgspec import Struct

from chalicelib.events.event import LEVELS
from chalicelib.events.query.counts import PatternsAnswer
from chalicelib.events.query.patterns import Pattern

Change = Literal["new", "gone", "more", "less", "steady"]

TWICE: Final = 2
"""From half to twice as often is steady."""

FEW: Final = 5
"""A difference of fewer events is steady too, unless one side has none."""


class Compared(Struct, frozen=True):
    """A pattern, and how often it occurred before and after."""

    pattern: Pattern
    before: int
    after: int

    @property
    def change(self) -> Change:
        return change_between(self.before, self.after)

    @property
    def level(self) -> str:
        """The heaviest at which it occurred."""
        return max(self.pattern.levels, key=LEVELS.index)


def change_between(before: int, after: int) -> Change:
    """How a count changed."""
    if not before or not after:
        return "new" if after else "gone"
    if abs(after - before) < FEW:
        return "steady"
    if after >= TWICE * before:
        return "more"
    return "less" if TWICE * after <= before else "steady"


def compared(before: PatternsAnswer, after: PatternsAnswer) -> list[Compared]:
    """Every pattern of either, the largest difference first."""
    earlier = {each.template: each for each in before.patterns}
    later = {each.template: each for each in after.patterns}
    both = [
        Compared(
            later.get(template) or earlier[template],
            earlier[template].count if template in earlier else 0,
            later[template].count if template in later else 0,
        )
        for template in {**later, **earlier}
    ]
    return sorted(both, key=lambda each: (-abs(each.after - each.before), -each.after, each.pattern.template))

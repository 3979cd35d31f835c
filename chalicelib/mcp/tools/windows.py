"""Patterns of messages in two stretches of time, put side by side: what is new, gone, more or less than before."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from chalicelib.events.query import comparison, counts
from chalicelib.events.query.comparison import Compared
from chalicelib.events.query.counts import PatternsAnswer
from chalicelib.events.query.times import TimeRange
from chalicelib.mcp.asked import Question, written_time
from chalicelib.mcp.context import Context


class Windows(Struct, frozen=True):
    before: PatternsAnswer
    after: PatternsAnswer

    def compared(self) -> list[Compared]:
        """Every pattern of either window, the largest difference first."""
        return comparison.compared(self.before, self.after)

    def reading(self) -> dict[str, Any]:
        """How far reading got, in the window that was read less far."""
        reached = self.after.reached or self.before.reached
        return {
            "partial": self.before.partial or self.after.partial,
            "complete_from": "" if reached is None else written_time(reached),
        }

    def notes(self, context: Context) -> list[str]:
        """What makes the comparison less than it looks."""
        notes = []
        if self.before.partial or self.after.partial:
            notes.append("not everything was read: what is new, gone, more or less may be so for that reason alone")
        if self.before.start < context.scope.horizon(context.now_ms):
            notes.append(f"the earlier window reaches beyond the {context.scope.retention_days} days that are kept")
        if self.before.other or self.after.other:
            notes.append(f"{self.before.other + self.after.other:,} events have patterns beyond the first 2,000")
        return notes


def read_windows(about: Question, earlier_ms: int, context: Context) -> Windows:
    """The range of the question, and the one of the same length that lies so much earlier."""
    within = about.within
    before = TimeRange(within.start - earlier_ms, within.end - earlier_ms)
    after = _patterns(about, within, context, share=0.55)
    return Windows(_patterns(about, before, context, share=0.9), after)


def totals(name: str, before: dict[str, int], after: dict[str, int], names: Sequence[str] = ()) -> str:
    """One line: `levels, before -> after: error 3 -> 40, info 900 -> 880`."""
    known = [each for each in names if each in before or each in after] or sorted(
        {**before, **after}, key=lambda each: -(before.get(each, 0) + after.get(each, 0))
    )
    changes = ", ".join(f"{each} {before.get(each, 0):,} -> {after.get(each, 0):,}" for each in known)
    return f"{name}, before -> after: {changes or 'none'}"


def _patterns(about: Question, within: TimeRange, context: Context, *, share: float) -> PatternsAnswer:
    return counts.patterns(
        context.scope, about.expression, within, now_ms=context.now_ms, deadline=context.deadline_for(share)
    )

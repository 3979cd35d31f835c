"""The patterns' pages for programs: the same facts, whole and unwrapped."""

from collections.abc import Sequence

from msgspec import Struct, field

from chalicelib.events.query.answers import Understood
from chalicelib.events.query.budget import Scanned
from chalicelib.events.query.pattern_list import ListedPattern, PatternList


class PatternsTwin(Struct, frozen=True, kw_only=True):
    """What the list shows, of `of` patterns that are meant. Of the `events`, `other` have none that is told apart."""

    result: str
    data: list[ListedPattern]
    of: int
    events: int
    other: int
    partial: bool
    reached: int | None
    query: Understood
    start: int = field(name="from")
    end: int = field(name="to")
    scanned: Scanned


def twin(found: PatternList, shown: Sequence[ListedPattern], *, of: int, result: str) -> PatternsTwin:
    return PatternsTwin(
        result=result, data=list(shown), of=of, events=found.events, other=found.other, partial=found.partial,
        reached=found.reached, query=found.query, start=found.start, end=found.end, scanned=found.scanned,
    )  # fmt: skip

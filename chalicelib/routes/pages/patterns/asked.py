"""What the address of the patterns asks, and which of those that were found it means."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta

from chalicelib.events.event import LEVELS
from chalicelib.events.query.pattern_list import ONLY, ListedPattern, Only
from chalicelib.routes.pages.explore.asked import Ranged

Sort = Literal["count", "new", "level", "last"]

ROWS: Final = 40
MORE: Final = 100
MOST: Final = 500


class Asked(Ranged, frozen=True, kw_only=True):
    """All parameters of the list of patterns."""

    USUAL: ClassVar[str] = "24h"
    PLACE: ClassVar[Mapping[str, Any]] = {"open": "", "limit": ROWS}

    only: Annotated[
        Only,
        Meta(
            description="`new`: first seen less than a day ago. `rising`: at least twice as many as in the time before."
            " `regressed`: seen again after somebody resolved it."
        ),
    ] = "all"
    sort: Annotated[
        Sort, Meta(description="`new`: first seen last. `level`: the heaviest first. `last`: seen last.")
    ] = "count"
    limit: Annotated[int, Meta(ge=1, le=MOST, description="Rows on the page.")] = ROWS
    open: Annotated[str, Meta(max_length=64, description="The id of the pattern that the page shows whole.")] = ""


def heaviest(pattern: ListedPattern) -> str:
    """The heaviest level at which it occurred; empty where it did not."""
    return max(pattern.levels, key=LEVELS.index, default="")


def chosen(patterns: Sequence[ListedPattern], asked: Asked) -> list[ListedPattern]:
    """Those that are asked for, in the order that is asked for; alike ones by how often they occur."""
    held = sorted((each for each in patterns if ONLY[asked.only](each)), key=_usual)
    return sorted(held, key=_ORDERS[asked.sort])


def _usual(pattern: ListedPattern) -> tuple[int, str]:
    return -pattern.count, pattern.template


_ORDERS: Final[Mapping[Sort, Callable[[ListedPattern], int]]] = {
    "count": lambda each: -each.count,
    "new": lambda each: -each.first_seen_ms,
    "level": lambda each: -LEVELS.index(heaviest(each)) if each.levels else 1,
    "last": lambda each: -each.last_seen_ms,
}

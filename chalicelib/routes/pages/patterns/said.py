"""The result in one honest line: how many patterns, in how many events, of when, and what is missing."""

from collections.abc import Sequence
from typing import Final

from chalicelib.events.query.pattern_list import ListedPattern, Only, PatternList
from chalicelib.events.query.times import TimeRange
from chalicelib.routes.pages.explore.said import in_words
from chalicelib.routes.pages.explore.wording import clock, many, stretch
from chalicelib.routes.pages.patterns.asked import Asked, Sort

SORTED: Final[dict[Sort, str]] = {
    "count": "most frequent first", "new": "newest first", "level": "heaviest first", "last": "last seen first",
}  # fmt: skip

_KINDS: Final[dict[Only, str]] = {
    "all": "pattern", "new": "new pattern", "rising": "rising pattern", "regressed": "returned pattern",
    "resolved": "resolved pattern",
}  # fmt: skip


def said(
    asked: Asked, found: PatternList, shown: Sequence[ListedPattern], *, within: TimeRange, of: int, seconds: float,
    now_ms: int,
) -> str:  # fmt: skip
    """`1–30 of 42 patterns, in 12,400 events of the last 24 h, most frequent first, 84 ms, as of 14:03:20 UTC`."""
    line = [
        _patterns(asked, len(shown), of),
        f"in {many(found.events, 'event')} of {where(asked, found)}",
        SORTED[asked.sort],
        f"{seconds * 1_000:,.0f} ms",
        f"as of {clock(now_ms)} UTC",
    ]
    return "; ".join([", ".join(line), *missing(found, within)])


def where(asked: Asked, found: PatternList) -> str:
    """The stretch of time, as it was asked for."""
    if asked.start or asked.end:
        return f"{stretch(found.start, found.end)} UTC"
    return f"the last {in_words(asked.since or asked.USUAL)}"


def missing(found: PatternList, within: TimeRange) -> list[str]:
    """What the counts hold beside what was asked for, and what they leave out."""
    sentences = []
    if found.start < within.start:
        sentences.append(f"by whole hours, so from {_moment(found.start)} on")
    if found.partial and found.reached is not None:
        sentences.append(f"partial: counted back to {_moment(found.reached)} only, to stay quick")
    if found.other:
        sentences.append(f"{many(found.other, 'event')} of patterns that are too rare to be told apart")
    return sentences


def _patterns(asked: Asked, shown: int, of: int) -> str:
    what = many(of, _KINDS[asked.only])
    return what if shown >= of else f"1–{shown:,} of {what}"


def _moment(milliseconds: int) -> str:
    return stretch(milliseconds, milliseconds).partition("–")[0]

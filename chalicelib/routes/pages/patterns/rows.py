"""Patterns as rows: what differs from one message to the next as chips, a day by the hour, and the ways on."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from chalicelib.events.event import LEVELS
from chalicelib.events.query.comparison import Change
from chalicelib.events.query.editing import edited, text_of_query
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.pattern_list import ListedPattern
from chalicelib.routes.pages.explore.asked import Asked as Explored
from chalicelib.routes.pages.explore.asked import link, link_of
from chalicelib.routes.pages.explore.wording import Part, cut, many, moment, stamp, visible, visible_lines
from chalicelib.routes.pages.patterns.asked import Asked, heaviest
from chalicelib.routes.pages.views.patterns import Flag, Opened, Row, Settled, Spark, Tally, When

NO_WORDS: Final = "no words that a query could look for"
NO_MESSAGE: Final = "(no message)"
LONGEST_SERVICE: Final = 60
SHOWN_SERVICES: Final = 8
HOUR: Final = 4
"""Units of the drawing."""
HIGHEST: Final = 19

KINDS: Final = (
    "text", "email", "url", "uuid", "time", "ip", "version", "path", "duration", "size", "hex", "n", "id",
)  # fmt: skip
"""Chips of `events.patterns`. Anything else between such brackets is what a stranger wrote."""

_CHIPS: Final = re.compile(f"<({'|'.join(KINDS)})>")


class Drawn(Struct, frozen=True, kw_only=True):
    """What a row's links go on from. `asked` is None on the page of one pattern, which leads to no other row."""

    asked: Asked | None = None
    query: Expression = Everything()
    range: Mapping[str, Any] = {}
    """Of the explorer that shows the events: values of `since`, or of `start` and `end`."""
    now_ms: int


def row(pattern: ListedPattern, drawn: Drawn, *, opened: Opened | None = None) -> Row:
    """One line; texts of strangers are cut and made visible."""
    services = sorted(pattern.services.items(), key=lambda pair: (-pair[1], pair[0]))
    return Row(
        id=pattern.id, template=template(pattern.template), count=pattern.count, share=percent(pattern.share),
        bar=_bar(pattern.share), spark=spark(pattern.spark), level=heaviest(pattern), part=_part(pattern),
        levels=_levels(pattern),
        service=visible(cut(services[0][0], LONGEST_SERVICE)) if services else "", others=max(0, len(services) - 1),
        first=when(pattern.first_seen_ms, drawn.now_ms), last=when(pattern.last_seen_ms, drawn.now_ms),
        flags=tuple(flags(pattern)), opened=opened,
        next=link(drawn.asked, open="" if opened else pattern.id) if drawn.asked else "",
        events_link=_events(pattern, drawn), only_link=_edited(pattern, drawn, "only"),
        exclude_link=_edited(pattern, drawn, "exclude"), no_link="" if pattern.find else NO_WORDS,
    )  # fmt: skip


def opened(pattern: ListedPattern, settled: Settled) -> Opened:
    """The pattern, whole."""
    services = sorted(pattern.services.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN_SERVICES]
    rest = pattern.count - sum(count for _, count in services)
    return Opened(
        id=pattern.id, sample=visible_lines(pattern.sample) or NO_MESSAGE,
        change=f"{many(pattern.count, 'event')}, {_before(pattern)}", settled=settled,
        levels=tuple(
            _tally(level, pattern.levels[level], pattern) for level in LEVELS[::-1] if level in pattern.levels
        ),
        services=tuple(_tally(name, count, pattern) for name, count in services),
        rest=f"{many(rest, 'event')} of other services" if rest > 0 else "",
    )  # fmt: skip


def template(text: str) -> tuple[Part, ...]:
    """The pattern in pieces: words, and the kinds of what stands between them."""
    pieces = _CHIPS.split(visible(text or NO_MESSAGE))
    return tuple(Part(piece, hit=bool(number % 2)) for number, piece in enumerate(pieces) if piece)


def spark(counts: list[int]) -> Spark:
    """One stroke for each hour that had any; the highest reaches the top."""
    most = max(counts, default=0)
    if not most:
        return Spark("", "None in the last 24 hours")
    strokes = (
        f"M{place * HOUR + HOUR // 2} 20v-{max(1, round(count * HIGHEST / most))}"
        for place, count in enumerate(counts)
        if count
    )
    return Spark("".join(strokes), f"{sum(counts):,} in the last 24 hours, {most:,} at most in one, {counts[-1]:,} now")


def percent(share: float) -> str:
    """`3.4 %`, `100 %`, `<0.1 %`."""
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{share * 100:.1f} %".replace(".0 %", " %")


def when(at: int, now_ms: int) -> When:
    """`3 d`, `3 d ago`, and exactly."""
    since = _length(now_ms - at)
    return When(since or "now", f"{since} ago" if since else "just now", f"{stamp(at)} UTC", moment(at))


def flags(pattern: ListedPattern) -> list[Flag]:
    """What is to be noticed, the most urgent first."""
    found = {pattern.state: True, "new": pattern.new, "rising": pattern.rising}
    return [flag for flag in _FLAGS if found.get(flag.kind)]


_FLAGS: Final = (
    Flag("regressed", "came back", "Seen again after somebody resolved it"),
    Flag("new", "new", "First seen less than a day ago"),
    Flag("rising", "rising", "At least twice as many as in the time before"),
    Flag("resolved", "resolved", "Not seen since somebody resolved it"),
)


def _before(pattern: ListedPattern) -> str:
    if not pattern.before:
        return "none in the same time before"
    return f"{pattern.before:,} in the same time before: {_CHANGES[pattern.change]}"


_CHANGES: Final[Mapping[Change, str]] = {
    "new": "none then", "gone": "none now", "more": "at least twice as many now", "less": "half as many now, or fewer",
    "steady": "about as many",
}  # fmt: skip


_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"))


def _length(milliseconds: int) -> str:
    """In its largest unit; nothing where it is less than a minute."""
    return next((f"{milliseconds // size:,} {unit}" for size, unit in _UNITS if milliseconds >= size), "")


def _levels(pattern: ListedPattern) -> str:
    held = ((level, pattern.levels.get(level)) for level in LEVELS[::-1])
    return ", ".join(f"{count:,} {level}" for level, count in held if count)


def _part(pattern: ListedPattern) -> str:
    """How much of it has its heaviest level, unless all has."""
    held = pattern.levels.get(heaviest(pattern), 0)
    if held >= pattern.count:
        return ""
    return f"{held * 100 // pattern.count} %" if held * 100 >= pattern.count else "<1 %"


def _tally(name: str, count: int, pattern: ListedPattern) -> Tally:
    share = count / pattern.count if pattern.count else 0.0
    return Tally(visible(cut(name, LONGEST_SERVICE)) or "(none)", count, percent(share), _bar(share))


def _bar(share: float) -> float:
    return round(max(1.0, share * 100), 1) if share else 0.0


def _events(pattern: ListedPattern, drawn: Drawn) -> str:
    if not pattern.find:
        return ""
    query = edited(drawn.query, "message", pattern.find, "include")
    return link(Explored(q=text_of_query(query), **drawn.range))


def _edited(pattern: ListedPattern, drawn: Drawn, how: Literal["only", "exclude"]) -> str:
    if not pattern.find or drawn.asked is None:
        return ""
    return link_of(drawn.asked, edited(drawn.query, "message", pattern.find, how))

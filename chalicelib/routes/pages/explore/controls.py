"""What stands above an answer over a stretch of time: the query with its fault, the ways to other stretches."""

from collections.abc import Mapping
from typing import Final

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.times import TimeRange
from chalicelib.routes.pages.explore.asked import PRESETS, Ranged, fields_of, link
from chalicelib.routes.pages.explore.wording import stretch, visible
from chalicelib.routes.pages.views.explore import Caret, Preset, Range

LONGEST_SHOWN_QUERY: Final = 400
EDGE: Final = 60
"""Characters of a query that are shown on each side of a fault."""

_BESIDE: Final = frozenset({"q", "since", "from", "to"})
"""Parameters whose faults stand beside their own fields."""


def notices(wrong: Mapping[str, str]) -> tuple[str, ...]:
    """What is wrong with parameters that have no field."""
    return tuple(sentence for name, sentence in wrong.items() if name not in _BESIDE)


def caret(asked: Ranged, fault: QueryError | None) -> Caret | None:
    """Where a query is not understood, and the way to the one that was probably meant."""
    if fault is None:
        return None
    begin, end = fault.position, fault.position + fault.length
    before, after = asked.q[max(0, begin - EDGE) : begin], asked.q[end : end + EDGE]
    mended = "" if fault.suggestion is None else asked.q[:begin] + fault.suggestion + asked.q[end:]
    sentence = f"{fault.message[:1].upper()}{fault.message[1:]}. At character {begin + 1}."
    return Caret(
        visible(("…" if begin > EDGE else "") + before), visible(asked.q[begin:end][:LONGEST_SHOWN_QUERY]) or " ",
        visible(after), visible(sentence), visible(fault.suggestion or ""), link(asked, q=mended) if mended else "",
    )  # fmt: skip


def range_control(asked: Ranged, within: TimeRange, wrong: Mapping[str, str], *kept: str) -> Range:
    """The stretch of time and the ways to others; `kept` are the parameters that its form leaves as they are."""
    fault = next((wrong[name] for name in ("since", "from", "to") if name in wrong), "")
    since = "" if asked.start or asked.end else asked.since or asked.USUAL
    last = f"Last {dict(PRESETS).get(since, since)}" if since and not fault else ""
    return Range(
        words=last or stretch(within.start, within.end),
        presets=tuple(
            Preset(words, link(asked, since=value, start="", end=""), value == since) for value, words in PRESETS
        ),
        hidden=fields_of(asked, "q", *kept), start=asked.start, end=asked.end, wrong=fault,
    )  # fmt: skip

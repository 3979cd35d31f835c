"""The pages that lead on from a row: one event with what happened around it, and one trace."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from chalicelib.events.query.answers import Context
from chalicelib.events.query.expression import Equals, describe
from chalicelib.routes.pages.explore import copies
from chalicelib.routes.pages.explore.answered import Place, of_one
from chalicelib.routes.pages.explore.asked import Asked, link
from chalicelib.routes.pages.explore.rows import Drawn, opened, row
from chalicelib.routes.pages.explore.tracing import Traceable, Traced
from chalicelib.routes.pages.explore.wording import length, many, moment, stamp, visible
from chalicelib.routes.pages.views.explore import Event, Step, Trace

SIDES: Final = (("all", "Everything"), ("service", "The same service"), ("trace", "The same trace"))
MINUTE_MS: Final = 60_000
LATE_MS: Final = 2_000
MOST_AROUND: Final = 100
USUAL: Final = 10


def event_page(place: Place, found: Context, *, around: int, same: str, wrong: str) -> Event:
    """The event whole, and as many rows on each side of it as were asked for."""
    event = found.event
    minute = Asked(start=moment(event.timestamp - MINUTE_MS), end=moment(event.timestamp + MINUTE_MS))
    late = event.received_at - event.timestamp
    return Event(
        crumbs=place.crumbs, project=place.path, here=f"{place.path}/events/{event.id}", at=event.timestamp,
        level=event.level, opened=opened(event, Drawn(minute), copies.snippets(of_one(place, event, ""), "event")),
        late=f"It came {length(late)} after it happened." if late >= LATE_MS else "", same=same,
        ways=tuple(
            (value, words, f"around={around or USUAL}&same={value}") for value, words in SIDES if _has(found, value)
        ),
        more_link=f"around={min(MOST_AROUND, around * 2)}&same={same}" if 0 < around < MOST_AROUND else "",
        rows=tuple(row(each, Drawn(now_ms=place.now_ms)) for each in (*found.after, event, *found.before)),
        partial=found.partial,
        wrong=wrong, minute_link=link(minute),
    )  # fmt: skip


def _has(found: Context, same: str) -> bool:
    return same == "all" or bool(found.event.service if same == "service" else found.event.trace_id)


def trace_page(place: Place, trace_id: str, found: Traced, *, wrong: str) -> Trace:
    begin, end = found.within.start, found.within.end
    asked = Asked(q=describe(Equals("trace_id", trace_id)))
    around = replace(asked, start=moment(begin), end=moment(end)) if found.steps else replace(asked, since="24h")
    return Trace(
        crumbs=place.crumbs, project=place.path, here=f"{place.path}/traces/{quote(trace_id, safe='')}",
        trace=visible(trace_id), said=_said(found) if found.steps else "", steps=_steps(found.steps), wrong=wrong,
        query_link=link(around), further_link="" if found.steps else "since=30d",
    )  # fmt: skip


def _said(found: Traced) -> str:
    services = len({each.record.service for each in found.steps if each.record.service})
    took = found.steps[-1].offset_ms
    parts = [many(len(found.steps), "event"), many(services, "service"), f"{length(took)} from the first to the last"]
    more = "; partial: there may be more of it" if found.partial else ""
    return f"{', '.join(parts)}; began {stamp(found.steps[0].record.timestamp)} UTC{more}"


def _steps(found: Sequence[Traceable]) -> tuple[Step, ...]:
    took = max(1, found[-1].offset_ms) if found else 1
    return tuple(
        Step(
            row=row(each.record, Drawn()), offset=length(each.offset_ms), gap=length(each.gap_ms) if number else "",
            depth=each.depth, span=visible(each.record.span_id[:40]), left=round(each.offset_ms * 100 / took, 1),
        )
        for number, each in enumerate(found)
    )  # fmt: skip

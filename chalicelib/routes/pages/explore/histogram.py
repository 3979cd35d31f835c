"""Counts by level over time, drawn on the server: every bar is a link to its own stretch of time."""

from typing import Final

from chalicelib.events.event import LEVELS
from chalicelib.events.query.counts import Bucket, TimelineAnswer
from chalicelib.routes.pages.explore.asked import Asked, link
from chalicelib.routes.pages.explore.wording import length, many, moment, stretch
from chalicelib.routes.pages.views.explore import Bar, Histogram, Slice

HEIGHT: Final = 96
ROOM: Final = 92
"""That the highest bar takes."""
STEP: Final = 8
LEAST: Final = 2.0
"""What one event is at least, however many others there are: one error must be seen."""

HEAVIEST_FIRST: Final = LEVELS[::-1]
WIDER: Final = 3
"""How many times the range the way out shows."""


def histogram(asked: Asked, line: TimelineAnswer, now_ms: int) -> Histogram:
    highest = max((sum(bucket.counts.values()) for bucket in line.series), default=0)
    bars = tuple(_bar(asked, place, bucket, line, highest) for place, bucket in enumerate(line.series) if bucket.counts)
    uncounted = 0 if line.reached is None else STEP * -(-(line.reached - line.start) // line.bucket_ms)
    return Histogram(
        uncounted=uncounted,
        width=STEP * len(line.series), bars=bars, first=stretch(line.start, line.start).partition("–")[0],
        last=stretch(line.end, line.end).partition("–")[0], said=f"Each bar is {length(line.bucket_ms)}.",
        out_link=_wider(asked, line, now_ms),
    )  # fmt: skip


def _bar(asked: Asked, place: int, bucket: Bucket, line: TimelineAnswer, highest: int) -> Bar:
    begin, end = bucket.t, bucket.t + line.bucket_ms
    counts = [(level, bucket.counts[level]) for level in HEAVIEST_FIRST if bucket.counts.get(level)]
    return Bar(
        x=place * STEP, words=f"{stretch(begin, end)}: {', '.join(f'{count:,} {level}' for level, count in counts)}",
        next=link(asked, since="", start=moment(begin), end=moment(end)), slices=_slices(counts, highest),
        counts=tuple(bucket.counts.get(level, 0) for level in HEAVIEST_FIRST),
    )  # fmt: skip


def _slices(counts: list[tuple[str, int]], highest: int) -> tuple[Slice, ...]:
    """From the ground up, the heaviest first: what is rare and heavy stands where the eye compares.

    Each is drawn down to the ground, the upper ones first, so that one number says where it is: half a kilobyte less.
    """
    slices, top = [], float(HEIGHT)
    for level, count in counts:
        height = min(max(LEAST, count * ROOM / highest), top)
        top -= height
        slices.append(Slice(level, round(top * 2) / 2, round(height, 1)))
    return tuple(slices)


def _wider(asked: Asked, line: TimelineAnswer, now_ms: int) -> str:
    more = (line.end - line.start) * (WIDER - 1) // 2
    start = max(0, line.start - more) // line.bucket_ms * line.bucket_ms
    end = min(line.end + more, max(now_ms, line.end))
    return link(asked, since="", start=moment(start), end=moment(end))


def said_of(line: TimelineAnswer, total: int) -> str:
    """The whole drawing in one sentence, for who cannot see it."""
    return f"{many(total, 'event')} by level, {stretch(line.start, line.end)} UTC"

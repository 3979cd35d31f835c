"""A timeline counts each event once, by level, in the bucket of its time."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.event import Event
from chalicelib.events.query.language import parse
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.timeline import Timeline
from tests.query.blocks import FILLER, block_of, block_without_detail, events_in
from tests.query.strategies import MINUTE, START, event_lists

ranges = st.tuples(
    st.sampled_from((START - MINUTE, START, START + 17)), st.sampled_from((MINUTE, 3 * MINUTE + 5, 9 * MINUTE)),
    st.sampled_from((MINUTE, 2 * MINUTE, 99_000, 999, 10 * MINUTE)),
)  # fmt: skip


def naive(events: list[Event], timeline: Timeline) -> list[dict[str, int]]:
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for event in events:
        if timeline.start <= event.timestamp < timeline.end:
            counts[(event.timestamp - timeline.start) // timeline.bucket_ms][event.level] += 1
    return [dict(counts[at]) for at in range(len(timeline.result()))]


@given(
    event_lists(), st.sampled_from(((), FILLER[:40], FILLER)), ranges, st.sampled_from(("", "level>=warn", "e", "-*"))
)
def test_a_timeline_is_the_naive_count(events: list[Event], more, shape: tuple[int, int, int], query: str) -> None:
    start, span, bucket = shape
    block, wanted = block_of([*events, *more]), Filter(parse(query))
    mask, timeline = wanted.mask(block), Timeline(start, start + span, bucket)
    timeline.add(block, mask)
    chosen = [event for event, mark in zip(events_in(block), mask.flags, strict=True) if mark]
    assert [point.counts for point in timeline.result()] == naive(chosen, timeline)
    assert [point.at for point in timeline.result()] == list(range(start, start + span, bucket))


@given(event_lists(), ranges)
def test_a_header_counts_levels_as_its_block_does_or_not_at_all(
    events: list[Event], shape: tuple[int, int, int]
) -> None:
    start, span, bucket = shape
    block, wanted = block_of(events), Filter(parse("level:(info OR error)"))
    by_rows, by_header = Timeline(start, start + span, bucket), Timeline(start, start + span, bucket)
    by_rows.add(block, wanted.mask(block))
    counted = by_header.add_header(block, wanted.levels)
    assert by_header.result() == (by_rows if counted else Timeline(start, start + span, bucket)).result()


def test_whole_minutes_are_counted_from_headers_alone() -> None:
    timeline = Timeline(START, START + 10 * MINUTE, MINUTE)
    assert timeline.add_header(block_without_detail(FILLER), {"info"})
    assert sum(point.counts.get("info", 0) for point in timeline.result()) == len(FILLER)


@given(event_lists(smallest=2), ranges, st.data())
def test_merged_timelines_are_the_timeline_of_all(events: list[Event], shape, data: st.DataObject) -> None:
    start, span, bucket = shape
    cut = data.draw(st.integers(1, len(events) - 1))
    timelines = []
    for some in (events, events[:cut], events[cut:]):
        block, timeline = block_of(some), Timeline(start, start + span, bucket)
        timeline.add(block, Mask.everything(len(some)))
        timelines.append(timeline)
    timelines[1].merge(timelines[2])
    assert timelines[1].result() == timelines[0].result()


def test_counts_known_only_by_their_ends_are_taken_where_one_bucket_holds_them() -> None:
    timeline = Timeline(START, START + 2 * MINUTE, MINUTE)
    assert timeline.add_counts(START, START + MINUTE - 1, {"info": 2, "warn": 0})
    assert not timeline.add_counts(START, START + MINUTE, {"info": 2})
    assert not timeline.add_counts(START - 1, START, {"info": 2})
    assert not timeline.add_counts(START + MINUTE, START + 2 * MINUTE, {"info": 2})
    assert [point.counts for point in timeline.result()] == [{"info": 2}, {}]


def test_minutes_that_buckets_cut_are_not_counted_from_a_header() -> None:
    block = block_of([Event(timestamp=START + at * 5_000, message=f"{at}") for at in range(48)])
    assert block.minutes() is not None
    timeline = Timeline(START, START + 270_000, 90_000)
    assert not timeline.add_header(block, {"info"})
    timeline.add(block, Mask.everything(48))
    assert [point.counts for point in timeline.result()] == [{"info": 18}, {"info": 18}, {"info": 12}]


@pytest.mark.parametrize("end", [START + MINUTE, START + MINUTE + 30_000])
def test_an_event_at_the_very_end_is_not_counted(end: int) -> None:
    block = block_of([Event(timestamp=at, message=f"{at}") for at in (*range(START, START + 58), end - 1, end)])
    timeline = Timeline(START, end, MINUTE)
    assert not timeline.add_header(block, {"info"})
    assert not timeline.add_counts(end - 1, end, {"info": 1})
    timeline.add(block, Mask.everything(60))
    assert sum(point.counts.get("info", 0) for point in timeline.result()) == 59


@pytest.mark.requirement("I9")
@pytest.mark.parametrize("shape", [(5, 5, 1), (5, 4, 1), (0, 10, 0), (0, 10_001, 1)])
def test_a_timeline_without_buckets_or_with_too_many_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="buckets"):
        Timeline(*shape)


def test_timelines_of_different_shape_do_not_merge() -> None:
    with pytest.raises(ValueError, match="merge"):
        Timeline(0, 10, 1).merge(Timeline(0, 10, 2))

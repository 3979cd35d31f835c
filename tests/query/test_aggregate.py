"""Aggregates say what a naive computation over the events says, however the events are split and merged."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.block import Block
from chalicelib.events.event import Event
from chalicelib.events.query.aggregate import (
    COUNT,
    Aggregate,
    Counts,
    Group,
    Measures,
    Metric,
    aggregate_for,
    parse_fields,
    parse_metric,
)
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.language import parse
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.measures import Distinct, Quantiles
from chalicelib.events.query.scan import Filter
from chalicelib.events.query.values import is_present, number_of, text_of, values_at
from tests.query.blocks import FILLER, block_of, events_in
from tests.query.complaints import complaint_of
from tests.query.strategies import START, event_lists

DURATION = "metadata.duration_ms"


def whole(block: Block) -> Mask:
    return Mask.everything(block.header.count)


def values(event: Event, field: str) -> list[object]:
    if field.startswith("metadata."):
        return [value for value in values_at(event.metadata, field[9:]) if is_present(value)]
    return [value for value in [getattr(event, field)] if is_present(value)]


def labels(event: Event, field: str) -> list[str | None]:
    return list({text for value in values(event, field) if (text := text_of(value))}) or [None]


def table(aggregate: Aggregate) -> dict[tuple[str | None, ...], object]:
    return {tuple(group.key.values()): group.value for group in aggregate.result().groups}


fields = st.sampled_from(
    ("level", "service", "message", "user_id", "metadata.status", "metadata.http.status", "metadata.tags")
)
padding = st.sampled_from(((), FILLER[:40]))


@given(event_lists(), padding, st.lists(fields, max_size=2, unique=True).map(tuple), st.data())
def test_counts_are_those_of_a_naive_count(events: list[Event], more: Sequence[Event], by, data: st.DataObject) -> None:
    block = block_of([*events, *more])
    mask = Mask.of(
        bytes(data.draw(st.lists(st.integers(0, 1), min_size=block.header.count, max_size=block.header.count)))
    )
    counts = Counts(by)
    counts.add(block, mask)
    chosen = [event for event, mark in zip(events_in(block), mask.flags, strict=True) if mark]
    expected: Counter[tuple[str | None, ...]] = Counter()
    for event in chosen:
        keys: list[tuple[str | None, ...]] = [()]
        for field in by:
            keys = [(*key, label) for key in keys for label in labels(event, field)]
        expected.update(keys)
    assert table(counts) == (expected if by else {(): len(chosen)})
    assert counts.result().exact


@given(event_lists(), padding, st.sampled_from(((), ("service",), ("metadata.tags",))))
def test_numbers_are_summed_up_as_naively(events: list[Event], more: Sequence[Event], by: tuple[str, ...]) -> None:
    block = block_of([*events, *more])
    expected: dict[tuple[str | None, ...], list[float]] = defaultdict(list)
    for event in events_in(block):
        numbers = [number for value in values(event, "metadata.status") if (number := number_of(value)) is not None]
        for label in labels(event, by[0]) if by else [None]:
            expected[(label,) if by else ()] += numbers
    expected = {key: numbers for key, numbers in expected.items() if numbers}
    for function, naive in {"min": min, "max": max, "sum": sum, "avg": lambda found: sum(found) / len(found)}.items():
        measures = aggregate_for(Metric(function, "metadata.status"), by)
        measures.add(block, whole(block))
        found = {key: value for key, value in table(measures).items() if value is not None}
        if not by and function == "sum" and not expected:
            assert found == {(): 0}
            continue
        assert found.keys() == expected.keys()
        for key, numbers in expected.items():
            assert found[key] == pytest.approx(naive(numbers))


@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=60), st.integers(1, 99))
def test_a_percentile_is_the_smallest_number_that_enough_others_do_not_exceed(numbers: list[int], percent: int) -> None:
    quantiles = Quantiles()
    quantiles.add(numbers)
    found = quantiles.percentile(percent)
    needed = math.ceil(len(numbers) * percent / 100)
    assert found == min(number for number in numbers if sum(other <= number for other in numbers) >= needed)


@given(st.lists(st.floats(-1e12, 1e12).filter(lambda x: not x or abs(x) > 1e-6), min_size=12), st.integers(1, 99))
def test_past_its_bound_a_percentile_is_within_one_per_cent(numbers: list[float], percent: int) -> None:
    exact, bounded = Quantiles(), Quantiles(bound=10)
    exact.add(numbers)
    bounded.add(numbers)
    assert not bounded.exact
    assert bounded.percentile(percent) == pytest.approx(exact.percentile(percent), rel=0.0101)


def test_distinct_values_are_exact_up_to_the_bound_and_then_estimated() -> None:
    distinct = Distinct(bound=1_000)
    distinct.add(f"user {at}" for at in range(1_000))
    assert (distinct.estimate(), distinct.exact) == (1_000, True)
    distinct.add(f"user {at}" for at in range(50_000))
    assert not distinct.exact
    assert distinct.estimate() == pytest.approx(50_000, rel=0.1)


METRICS = ("count", "min(metadata.status)", "avg(metadata.status)", "p50(metadata.status)", "distinct(user_id)")


@given(
    event_lists(smallest=2),
    padding,
    st.sampled_from(METRICS),
    st.sampled_from(("", "service", "level,metadata.tags")),
    st.data(),
)
def test_merging_what_parts_say_is_what_the_whole_says(events, more, metric: str, by: str, data: st.DataObject) -> None:
    everything = sorted([*events, *more], key=lambda event: event.timestamp)
    cut = data.draw(st.integers(1, len(everything) - 1))
    parts = []
    for some in (everything, everything[:cut], everything[cut:]):
        block = block_of(some)
        part = aggregate_for(parse_metric(metric), parse_fields(by))
        part.add(block, whole(block))
        parts.append(part)
    together, first, second = parts
    first.merge(second)
    assert first.result().exact == together.result().exact
    found, expected = table(first), table(together)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == (value if value is None else pytest.approx(value))


@pytest.mark.requirement("I11")
def test_estimates_merge_into_the_same_estimates_whatever_the_split() -> None:
    numbers = [(at * 7919) % 100_003 for at in range(5_000)]
    for make, ask in ((Quantiles, lambda held: held.percentile(95)), (Distinct, Distinct.estimate)):
        together, first, second = make(100), make(100), make(100)
        together.add(numbers)
        first.add(numbers[:50])
        second.add(numbers[50:])
        first.merge(second)
        assert not first.exact
        assert ask(first) == ask(together)


@pytest.mark.requirement("I9", "I11")
def test_groups_past_the_bound_are_counted_as_other_and_the_answer_says_so() -> None:
    block = block_of(FILLER)
    counts = Counts((DURATION,), most=10)
    counts.add(block, whole(block))
    result = counts.result()
    assert len(result.groups) == 10
    assert result.other == len(FILLER) - 10
    assert not result.exact

    measures = Measures(Metric("max", DURATION), (DURATION,), most=10)
    measures.add(block, whole(block))
    assert len(measures.result().groups) == 10
    assert measures.result().other == len(FILLER) - 10
    assert not measures.result().exact


def test_groups_come_largest_first_and_absent_values_last_among_equals() -> None:
    services = ["b", "b", "b", "a", "a", "c", "c", "", ""]
    block = block_of([Event(timestamp=START + at, service=service) for at, service in enumerate(services)])
    counts = Counts(("service",))
    counts.add(block, whole(block))
    assert [(group.key["service"], group.value) for group in counts.result().groups] == [
        ("b", 3), ("a", 2), ("c", 2), (None, 2),
    ]  # fmt: skip
    assert [group.key["service"] for group in counts.top(2).groups] == ["b", "a"]
    assert counts.top(2).other == 2


def test_equal_values_of_another_kind_are_one_group_only_if_they_read_the_same() -> None:
    metadata = [
        {"n": 1},
        {"n": 1.0},
        {"n": "1"},
        {"n": True},
        {"n": "true"},
        {"n": None},
        {"n": [1, 1, 2]},
        {"n": {"x": 1}},
    ]
    block = block_of([Event(timestamp=START + at, metadata=each) for at, each in enumerate(metadata)])
    counts = Counts(("metadata.n",))
    counts.add(block, whole(block))
    assert table(counts) == {("1",): 4, ("true",): 2, (None,): 2, ("2",): 1}


def test_counts_by_level_can_be_added_without_a_block() -> None:
    for by, expected in (((), {(): 7}), (("level",), {("info",): 4, ("warn",): 3})):
        counts = Counts(by)
        counts.add_counts({"info": 3, "warn": 3})
        counts.add_counts({"info": 1, "error": 0})
        assert {key: value for key, value in table(counts).items() if value} == expected
    with pytest.raises(ValueError, match="service"):
        Counts(("service",)).add_counts({"info": 1})


def test_an_aggregate_knows_whether_it_needs_the_detail() -> None:
    assert not aggregate_for(COUNT, ("service", "level")).needs_detail
    assert not aggregate_for(parse_metric("max(timestamp)"), ("message",)).needs_detail
    assert aggregate_for(COUNT, ("user_id",)).needs_detail
    assert aggregate_for(parse_metric("max(metadata.x)"), ()).needs_detail


def test_nothing_to_measure_is_no_number() -> None:
    for metric, value in (("min(metadata.x)", None), ("avg(metadata.x)", None), ("p99(metadata.x)", None), ("count", 0),
                          ("distinct(user_id)", 0), ("sum(metadata.x)", 0)):  # fmt: skip
        assert aggregate_for(parse_metric(metric)).result().groups == (Group({}, value),)


def test_numbers_no_sum_could_hold_are_left_out() -> None:
    block = block_of(
        [Event(timestamp=START + at, metadata={"n": n}) for at, n in enumerate((10**400, 1e300, 2, -1e308))]
    )
    for function in ("sum", "max", "min", "avg"):
        measures = aggregate_for(Metric(function, "metadata.n"))
        measures.add(block, whole(block))
        assert table(measures) == {(): 2}


def test_a_timestamp_can_be_measured() -> None:
    last = aggregate_for(parse_metric("max(timestamp)"), ("service",))
    block = block_of([Event(timestamp=START + at, service="a") for at in range(3)])
    last.add(block, Filter(parse(f"ts<{START + 2}")).mask(block))
    assert table(last) == {("a",): START + 1}


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("", COUNT),
        ("count", COUNT),
        (" count() ", COUNT),
        ("p95(metadata.duration_ms)", Metric("p", DURATION, 95)),
        ("P5( meta.duration_ms )", Metric("p", DURATION, 5)),
        ("distinct(user)", Metric("distinct", "user_id")),
        ("max(ts)", Metric("max", "timestamp")),
    ],
)
def test_a_metric_is_understood(text: str, metric: Metric) -> None:
    assert parse_metric(text) == metric
    assert parse_metric(str(metric)) == metric


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("median(metadata.x)", "median(metadata.x)", "no metric `median"),
        ("p0(metadata.x)", "p0(metadata.x)", "no metric `p0"),
        ("p100(metadata.x)", "p100(metadata.x)", "no metric `p100"),
        ("p(metadata.x)", "p(metadata.x)", "no metric `p("),
        ("avg95(metadata.x)", "avg95(metadata.x)", "no metric `avg95"),
        ("avg", "avg", "no metric `avg`"),
        ("avg()", ")", "no field ``"),
        ("avg( duration_ms)", "duration_ms", "no field `duration_ms`; did you mean `metadata.duration_ms`"),
        ("avg(service)", "service", "`avg` needs numbers, as in `avg(metadata.duration_ms)`"),
    ],
)
def test_a_metric_that_is_none_is_pointed_at(text: str, part: str, message: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse_metric(text)
    assert refused.value.message.startswith(message)
    assert text[refused.value.position :][: refused.value.length] == part


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", ()),
        ("level", ("level",)),
        (" env , meta.a.b", ("environment", "metadata.a.b")),
        ("user,user_id", ("user_id",)),
    ],
)
def test_fields_to_group_by_are_understood(text: str, fields: tuple[str, ...]) -> None:
    assert parse_fields(text) == fields


@pytest.mark.parametrize(
    ("text", "part", "message"),
    [
        ("level, sevice", "sevice", "no field `sevice`; did you mean `service`?"),
        ("level,service,type", "type", "events are grouped by at most 2 fields"),
        ("timestamp", "timestamp", "events are grouped by time in a timeline"),
        ("level,,", ",", "no field ``"),
    ],
)
def test_fields_that_cannot_be_grouped_by_are_pointed_at(text: str, part: str, message: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse_fields(text)
    assert refused.value.message.startswith(message)
    assert text[refused.value.position :][: refused.value.length] == part


@pytest.mark.requirement("I9")
@given(
    st.one_of(
        st.text(max_size=30),
        st.lists(st.sampled_from(("p", "95", "(", ")", "avg", ",", "metadata.", "level", " ")), max_size=8).map(
            "".join
        ),
    )
)
def test_any_text_is_a_metric_and_fields_or_refused(text: str) -> None:
    for parser in (parse_metric, parse_fields):
        complaint = complaint_of(parser, text)
        assert complaint is None or 0 <= complaint.position <= len(text)

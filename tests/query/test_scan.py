"""The scanner says of every row of a block what the plain meaning says of the event, and reads no more than it must."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.event import LEVELS, Event
from chalicelib.events.query.expression import Contains, Expression
from chalicelib.events.query.language import parse
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.match import matches
from chalicelib.events.query.scan import Filter, TimeBounds
from tests.query.blocks import FILLER, block_of, block_without_detail, events_in
from tests.query.strategies import MINUTE, START, event_lists, expressions

blocks = st.tuples(event_lists(), st.sampled_from(((), FILLER[:40], FILLER))).map(
    lambda parts: block_of([*parts[0], *parts[1]])
)
"""Of a few events, in rows; of more, in columns; of many, with the detail apart."""


@given(expressions(), blocks)
def test_a_mask_marks_exactly_the_events_that_match(expression: Expression, block) -> None:
    wanted = Filter(expression)
    expected = [row for row, event in enumerate(events_in(block)) if matches(expression, event)]
    assert list(wanted.mask(block).rows()) == expected
    assert list(wanted.mask(block, wanted.narrow(block)).rows()) == expected


@given(expressions(), blocks)
def test_narrowing_keeps_every_match_and_is_exact_where_it_says_so(expression: Expression, block) -> None:
    wanted = Filter(expression)
    matching, kept = wanted.mask(block), wanted.narrow(block)
    assert not matching.without(kept)
    if wanted.exact_without_detail:
        assert kept.bits == matching.bits


@given(expressions(), event_lists(largest=3))
def test_what_a_filter_tells_a_planner_holds_for_every_match(expression: Expression, events: list[Event]) -> None:
    wanted, block = Filter(expression), block_of(events)
    matching = [event for event in events if matches(expression, event)]
    bounds = wanted.time_bounds
    assert wanted.admits(block.header) or not matching
    for event in matching:
        assert event.level in wanted.levels
        assert bounds.first is None or bounds.first <= event.timestamp
        assert bounds.last is None or event.timestamp <= bounds.last
        assert all(getattr(event, field).lower() == value for field, value in wanted.ids)
    if wanted.only_levels:
        assert sum(wanted.matching_counts(block.header.level_counts).values()) == len(matching)


@pytest.mark.requirement("I9")
@given(st.sampled_from(("e", "served", "request 1", "Straße", "ß", "σ", "k", "i", "i\u0307", "\u0307")), st.data())
def test_text_is_found_however_often_it_occurs(text: str, data: st.DataObject) -> None:
    messages = data.draw(
        st.lists(st.sampled_from(("", text, text.upper(), f"a{text}b{text}", "\u212a", "İ", "other")), min_size=1)
    )
    events = [Event(timestamp=START + at, message=message) for at, message in enumerate(messages * 9)]
    rows = Filter(Contains(text)).mask(block_of(events)).rows()
    assert list(rows) == [row for row, event in enumerate(events) if text.lower() in event.message.lower()]


@pytest.mark.parametrize(
    "text", ["k", "273 k", "i", "i\u0307", "istanbul", "İstanbul", "K", "\u212a", "οδος", "σ", "ß", "SS"]
)
def test_letters_whose_lower_case_is_peculiar_are_found_as_in_each_message_alone(text: str) -> None:
    messages = ["273 \u212a", "273 K", "İstanbul", "istanbul", "ΟΔΟΣ", "ΟΔΟΣ ΟΔΟΣΑ", "Straße", "STRASSE", ""] * 3
    events = [Event(timestamp=START + at, message=message) for at, message in enumerate(messages)]
    rows = Filter(Contains(text)).mask(block_of(events)).rows()
    assert list(rows) == [row for row, message in enumerate(messages) if text.lower() in message.lower()]


@pytest.mark.parametrize("query", [f"-ts:{START + 3}..{START + 5}", f"-ts<{START + 3}", f"-ts>{START + 5}"])
def test_a_time_range_can_be_excluded(query: str) -> None:
    events = [Event(timestamp=START + at) for at in range(9)]
    expected = [row for row, event in enumerate(events) if matches(parse(query), event)]
    assert list(Filter(parse(query)).mask(block_of(events)).rows()) == expected


def test_the_detail_is_not_needed_for_a_query_that_does_not_ask_for_it() -> None:
    block = block_without_detail(FILLER)
    assert block.needs_detail
    wanted = Filter(parse("level:info service:api -timeout timestamp<2027-01-01 7"))
    assert wanted.exact_without_detail
    assert wanted.mask(block).count() == sum("7" in event.message for event in FILLER)


def test_the_detail_is_not_needed_where_cheaper_terms_leave_no_row() -> None:
    block = block_without_detail(FILLER)
    wanted = Filter(parse("metadata.duration_ms>5 timeout"))
    assert wanted.needs_detail
    assert not wanted.narrow(block)
    assert not wanted.mask(block)


def test_rows_that_only_the_detail_can_decide_are_kept_until_it_is_there() -> None:
    wanted = Filter(parse('"request 7 " (metadata.duration_ms>500 OR metadata.duration_ms:7)'))
    block = block_without_detail(FILLER)
    assert list(wanted.narrow(block).rows()) == [7]
    assert list(wanted.mask(block_of(FILLER)).rows()) == [7]


@pytest.mark.parametrize(
    ("query", "levels"),
    [
        ("", "debug info warn error fatal"),
        ("timeout", "debug info warn error fatal"),
        ("level>=warn", "warn error fatal"),
        ("level>=warn timeout", "warn error fatal"),
        ("level>=warn OR timeout", "debug info warn error fatal"),
        ("level:(info OR fatal) -level:fatal", "info"),
        ("-(level:info OR user_id:x)", "debug warn error fatal"),
        ("level:info level:warn", ""),
        ("-*", ""),
    ],
)
def test_a_filter_knows_the_levels_that_can_match(query: str, levels: str) -> None:
    assert Filter(parse(query)).levels == set(levels.split())


@pytest.mark.parametrize(
    ("query", "only"),
    [("", True), ("level>=warn -level:fatal", True), ("NOT level:*", True), ("level:info x", False), ("ts>0", False)],
)
def test_a_filter_knows_whether_levels_are_all_it_asks_for(query: str, only: bool) -> None:
    assert Filter(parse(query)).only_levels is only


@pytest.mark.parametrize(
    ("query", "bounds"),
    [
        ("timeout", TimeBounds(None, None)),
        (f"ts>={START} ts<{START + MINUTE}", TimeBounds(START, START + MINUTE - 1)),
        (f"ts>{START} level:info", TimeBounds(START + 1, None)),
        (f"-ts>{START}", TimeBounds(None, START)),
        (f"-ts<{START}", TimeBounds(START, None)),
        (f"-ts:{START}..{START + 5}", TimeBounds(None, None)),
        (f"ts:{START}..{START + 5} OR ts:{START + 9}", TimeBounds(START, START + 9)),
        (f"ts>{START} OR timeout", TimeBounds(None, None)),
    ],
)
def test_a_filter_knows_the_times_that_can_match(query: str, bounds: TimeBounds) -> None:
    assert Filter(parse(query)).time_bounds == bounds


def test_a_filter_knows_the_ids_that_every_match_has() -> None:
    wanted = Filter(parse("trace:4BF9 user_id:u-7 -span:x (session:a OR session:b) service:api"))
    assert wanted.ids == (("trace_id", "4bf9"), ("user_id", "u-7"))


def test_a_header_alone_can_rule_a_block_out() -> None:
    header = block_of([Event(timestamp=START, level="info"), Event(timestamp=START + 9, level="warn")]).header
    assert not Filter(parse("level>=error x")).admits(header)
    assert not Filter(parse(f"ts>{START + 9}")).admits(header)
    assert not Filter(parse(f"ts<{START}")).admits(header)
    assert Filter(parse(f"level:warn ts>{START + 8}")).admits(header)
    assert Filter(parse(f"ts<={START}")).admits(header)


flags = st.lists(st.sampled_from((0, 1)), min_size=1, max_size=40).map(bytes)


@given(flags, st.integers(-3, 43), st.integers(-3, 43))
def test_a_mask_behaves_like_the_set_of_its_rows(marks: bytes, low: int, high: int) -> None:
    mask = Mask.of(marks)
    rows = [row for row, mark in enumerate(marks) if mark]
    inside = [row for row in rows if low <= row < high]
    assert mask.count() == len(rows)
    assert bool(mask) is bool(rows)
    assert mask.is_full is (len(rows) == len(marks))
    assert list(mask.rows()) == rows
    assert list(mask.rows(max(low, 0), max(high, 0))) == inside
    assert list(mask.rows_backwards(max(low, 0), max(high, 0))) == inside[::-1]
    assert list(mask.within(low, high).rows()) == inside
    assert list(mask.without(mask.within(low, high)).rows()) == [row for row in rows if row not in inside]
    assert mask.select(bytes(range(len(marks)))) == bytes(row + 1 if mark else 0 for row, mark in enumerate(marks))
    everything = Mask.everything(len(marks))
    assert (mask & everything).flags == marks
    assert (mask | everything).is_full


def test_every_level_can_be_asked_for_in_a_block_of_one_level() -> None:
    block = block_of([Event(timestamp=START + at, level="warn") for at in range(30)])
    assert [Filter(parse(f"level:{level}")).mask(block).count() for level in LEVELS] == [0, 0, 30, 0, 0]

"""Times as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.times import (
    DAY_MS,
    Moment,
    TimeRange,
    bucket_for,
    parse_duration,
    parse_moment,
    parse_range,
)
from tests.query.complaints import complaint_of

NOW = 1_767_323_045_000  # 2026-01-02T03:04:05Z
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90_000),
        ("30m", 1_800_000),
        ("1h", HOUR),
        (" 7D ", 7 * DAY_MS),
        ("2w", 14 * DAY_MS),
        ("3650d", 3650 * DAY_MS),
    ],
)
def test_a_length_of_time_is_understood(text: str, length: int) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "1", "h", "-1h", "1.5h", "0h", "1y", "1h30m", "١h", "999999999999h", "3651d", "522w"]
)
def test_what_is_no_length_of_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(QueryError, match=r"such as `90s` or `7d`|longer than the 3,650 days"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02T03:04:05Z", NOW),
        ("2026-01-02t03:04:05z", NOW),
        ("2026-01-02 03:04:05", NOW),
        ("2026-01-02T04:04:05+01:00", NOW),
        ("2026-01-01T21:34:05-05:30", NOW),
        ("2026-01-02T03:04:05.1Z", NOW + 100),
        ("2026-01-02T03:04:05.123456789Z", NOW + 123),
        ("2026-01-02T03:04Z", NOW - 5_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("1767323045000", NOW),
        ("0", 0),
        ("1969-12-31T23:59:59Z", -1_000),
    ],
)
def test_a_moment_is_understood(text: str, moment: int) -> None:
    assert parse_moment(text) == Moment(moment, moment)


def test_a_bare_date_is_its_whole_day() -> None:
    assert parse_moment("2026-01-02") == Moment(1_767_312_000_000, 1_767_312_000_000 + DAY_MS - 1)


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "yesterday", "2026", "2026-1-2", "2026-02-30", "2026-13-01", "2026-01-02T25:00:00Z", "2026-01-02T03",
        "2026-01-02T03:04:61Z", "2026-01-02T03:04:05+99:00", "2026-01-02T03:04:05+01:60", "0000-01-01", "20260102",
        "-5", "9" * 18, "9" * 40, "2026-W01-1", "２026-01-02", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(QueryError, match=r"`2026-01-02T03:04:05Z`, `2026-01-02`, or milliseconds|looks like seconds"):
        parse_moment(text)


def test_seconds_are_taken_for_seconds() -> None:
    with pytest.raises(QueryError) as refused:
        parse_moment("1767323045")
    assert refused.value.suggestion == "1767323045000"


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001  # made aware below
def test_any_moment_python_writes_is_read_back(at: datetime) -> None:
    at = at.replace(tzinfo=UTC, microsecond=at.microsecond // 1_000 * 1_000)
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000
    assert parse_moment(at.isoformat()).first == round(milliseconds)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({}, NOW - HOUR, NOW),
        ({"default_ms": 5}, NOW - 5, NOW),
        ({"since": "2w"}, NOW - 14 * DAY_MS, NOW),
        ({"since": "1h", "end": str(NOW - 60_000)}, NOW - HOUR, NOW - 60_000),
        ({"start": "2026-01-01"}, 1_767_225_600_000, NOW),
        ({"start": "2026-01-01", "end": "2026-01-01"}, 1_767_225_600_000, 1_767_312_000_000),
        ({"end": str(NOW - HOUR)}, NOW - 2 * HOUR, NOW - HOUR),
        ({"start": "0", "end": "2026-01-02T03:04:05Z"}, 0, NOW),
    ],
)
def test_a_range_is_understood(asked: dict[str, str], start: int, end: int) -> None:
    assert parse_range(now_ms=NOW, **asked) == TimeRange(start, end)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"since": "1h", "start": "0"}, "either `since` or `from`, not both"),
        ({"start": "2026-01-02", "end": "2026-01-01"}, "ends before it starts"),
        ({"start": "2027-01-01"}, "ends before it starts"),
        ({"start": "x"}, "`x` is no time"),
        ({"since": "1 hour"}, "`1 hour` is no length of time"),
    ],
)
def test_a_range_that_is_none_is_refused(asked: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse_range(now_ms=NOW, **asked)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    for parser in (parse_moment, parse_duration):
        complaint = complaint_of(parser, text)
        assert complaint is None or (complaint.position == 0 and complaint.length <= len(text))


@given(st.integers(1, 400 * DAY_MS), st.integers(1, 1_000))
def test_buckets_are_of_a_round_width_and_never_more_than_asked_for(span: int, buckets: int) -> None:
    width = bucket_for(span, buckets)
    assert -(-span // width) <= buckets
    assert width % 1_000 == 0
    assert DAY_MS % width == 0 or width % DAY_MS == 0


IN_WORDS = [
    ("now", "2026-01-02T03:04:05Z"),
    ("3 hours ago", "2026-01-02T00:04:05Z"),
    ("an hour ago", "2026-01-02T02:04:05Z"),
    ("a day ago", "2026-01-01T03:04:05Z"),
    ("90s ago", "2026-01-02T03:02:35Z"),
    ("2 weeks ago", "2025-12-19T03:04:05Z"),
    ("Yesterday 17:30", "2026-01-01T17:30:00Z"),
    ("yesterday at 5:30pm", "2026-01-01T17:30:00Z"),
    ("  last   monday  at 9am ", "2025-12-29T09:00:00Z"),
    ("friday at noon", "2025-12-26T12:00:00Z"),
    ("today 12am", "2026-01-02T00:00:00Z"),
    ("yesterday midnight", "2026-01-01T00:00:00Z"),
    ("14:00", "2026-01-01T14:00:00Z"),
    ("02:30:15", "2026-01-02T02:30:15Z"),
    ("noon", "2026-01-01T12:00:00Z"),
]

DAYS_IN_WORDS = [
    ("today", "2026-01-02", 1),
    ("yesterday", "2026-01-01", 1),
    ("monday", "2025-12-29", 1),
    ("last thursday", "2026-01-01", 1),
    ("on friday", "2025-12-26", 1),
    ("this week", "2025-12-29", 7),
    ("last week", "2025-12-22", 7),
    ("this month", "2026-01-01", 31),
    ("last month", "2025-12-01", 31),
]

WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
clocks = st.integers(1_600_000_000_000, 4_000_000_000_000)


@pytest.mark.parametrize(("text", "moment"), IN_WORDS)
def test_words_are_a_moment(text: str, moment: str) -> None:
    assert parse_moment(text, now_ms=NOW) == parse_moment(moment)


@pytest.mark.parametrize(("text", "first", "days"), DAYS_IN_WORDS)
def test_words_are_whole_days(text: str, first: str, days: int) -> None:
    begin = parse_moment(first).first
    assert parse_moment(text, now_ms=NOW) == Moment(begin, begin + days * DAY_MS - 1)


@pytest.mark.parametrize("text", [each[0] for each in IN_WORDS + DAYS_IN_WORDS])
def test_without_a_clock_words_are_no_time(text: str) -> None:
    """A query has none: `timestamp>yesterday` would mean something else tomorrow."""
    with pytest.raises(QueryError, match="is no time"):
        parse_moment(text)


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "monday 9",
        "25:00",
        "13pm",
        "0am",
        "at",
        "5 ago",
        "3 hours",
        "last year",
        "999999999 weeks ago",
        "١٤:٠٠",
    ],
)
def test_what_is_no_time_in_words_is_refused_with_examples_of_both_kinds(text: str) -> None:
    with pytest.raises(QueryError, match=r"milliseconds since 1970 .* in words: `yesterday 17:30`"):
        parse_moment(text, now_ms=NOW)


def test_a_range_may_be_in_words() -> None:
    yesterday = parse_moment("2026-01-01")
    asked = parse_range(now_ms=NOW, start="yesterday", end="yesterday")
    assert asked == TimeRange(yesterday.first, yesterday.last + 1)
    assert parse_range(now_ms=NOW, start="2 hours ago", end="1 hour ago") == TimeRange(NOW - 2 * HOUR, NOW - HOUR)


@given(clocks, st.sampled_from(WEEKDAYS))
def test_a_weekday_is_the_last_one_before_today(now: int, name: str) -> None:
    day = datetime.fromtimestamp(parse_moment(name, now_ms=now).first / 1000, UTC)
    today = datetime.fromtimestamp(now // 1000, UTC).replace(hour=0, minute=0, second=0)
    assert WEEKDAYS[day.weekday()] == name
    assert timedelta(days=1) <= today - day <= timedelta(days=7)


@given(clocks, st.integers(1, 500), st.sampled_from([("second", 1_000), ("min", 60_000), ("h", HOUR), ("day", DAY_MS)]))
def test_so_long_ago_is_exactly_so_long_ago(now: int, count: int, unit: tuple[str, int]) -> None:
    at = now - count * unit[1]
    assert parse_moment(f"{count} {unit[0]}s ago", now_ms=now) == Moment(at, at)


@given(clocks, st.integers(0, 23), st.integers(0, 59))
def test_a_clock_alone_is_within_the_last_day(now: int, hour: int, minute: int) -> None:
    moment = parse_moment(f"{hour}:{minute:02}", now_ms=now).first
    assert now - DAY_MS < moment <= now
    assert moment % DAY_MS == hour * HOUR + minute * 60_000


@given(st.text(max_size=30), clocks)
def test_any_text_is_a_time_in_words_or_refused(text: str, now: int) -> None:
    complaint = complaint_of(lambda each: parse_moment(each, now_ms=now), text)
    assert complaint is None or complaint.length <= len(text)

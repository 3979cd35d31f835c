"""Times as people write them."""

from datetime import UTC, datetime

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

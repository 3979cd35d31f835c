"""Times as people write them: how long ago, a moment, a range. Says what it accepts when it refuses.

The clock is an argument; nothing here reads one.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from msgspec import Struct

from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.spoken_times import SAID, spoken

SECOND_MS: Final = 1_000
DAY_MS: Final = 86_400_000
UNITS_MS: Final = {"s": SECOND_MS, "m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}
LONGEST_DAYS: Final = 3_650

EARLIEST_USABLE_MS: Final = 946_684_800_000
"""2000-01-01. A smaller count of milliseconds is refused: it is nearly always a count of seconds."""
LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, where the calendar of RFC 3339 stops."""


class TimeRange(Struct, frozen=True):
    """Milliseconds since the epoch; `start` belongs to the range, `end` does not."""

    start: int
    end: int


class Moment(Struct, frozen=True):
    """What a written time covers, first to last millisecond: a whole day for a bare date, else one instant."""

    first: int
    last: int


def parse_range(
    *, now_ms: int, since: str = "", start: str = "", end: str = "", default_ms: int = UNITS_MS["h"]
) -> TimeRange:
    """The range that `since=1h`, or `from=` and `to=`, ask for; without a start it is `default_ms` before the end.

    Both ends may be in words; a whole day as the end includes that day. Raises QueryError, its position counted in the
    parameter at fault.
    """
    if since and start:
        raise QueryError("give either `since` or `from`, not both", 0, len(since))
    until = _end_of(end, now_ms) if end else now_ms
    begin = parse_moment(start, now_ms=now_ms).first if start else until - default_ms
    if since:
        begin = now_ms - parse_duration(since)
    if begin >= until:
        raise QueryError(
            "the range ends before it starts: `to` must be later than `from`", 0, len(end or start or since)
        )
    return TimeRange(begin, until)


def parse_duration(text: str) -> int:
    """Milliseconds in `90s`, `30m`, `1h`, `7d` or `2w`."""
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text.strip().lower())
    if match is None or not int(match[1]):
        raise QueryError(
            f"{_shown(text)} is no length of time: write a number and s, m, h, d or w, such as `90s` or `7d`",
            0,
            len(text),
        )
    length = int(match[1]) * UNITS_MS[match[2]]
    if length > LONGEST_DAYS * DAY_MS:
        raise QueryError(f"{_shown(text)} is longer than the {LONGEST_DAYS:,} days a query may look back", 0, len(text))
    return length


def parse_moment(text: str, *, now_ms: int | None = None) -> Moment:
    """A time as RFC 3339, as a bare date, or as milliseconds since the epoch. Without an offset it is UTC.

    With a clock it may be in words too: a query itself has none, so that it means the same whenever it is asked.
    """
    text = text.strip()
    said = None if now_ms is None else spoken(text, now_ms=now_ms)
    if said is not None:
        return Moment(said.first, said.last)
    try:
        return _written_moment(text)
    except QueryError as error:
        if now_ms is None or error.suggestion:
            raise
        raise QueryError(f"{error.message}; or in words: {SAID}", error.position, error.length) from error


def _written_moment(text: str) -> Moment:
    if re.fullmatch(r"-?[0-9]{1,18}", text):
        return _counted(int(text), text)
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise _no_time(text)
    try:
        begin = _milliseconds(match)
    except (ValueError, OverflowError) as error:
        raise _no_time(text) from error
    if not _FIRST_MS <= begin <= LATEST_MS:
        raise _no_time(text)
    return Moment(begin, begin if match["hour"] else begin + DAY_MS - 1)


def bucket_for(span_ms: int, buckets: int) -> int:
    """The width in milliseconds, one that people count in, which cuts the span into at most so many buckets."""
    wanted = max(1, -(-span_ms // max(1, buckets)))
    return next((width for width in _WIDTHS_MS if width >= wanted), -(-wanted // DAY_MS) * DAY_MS)


_FIRST_MS: Final = -62_135_596_800_000  # 0001-01-01
_WIDTHS_MS: Final = tuple(
    SECOND_MS * seconds
    for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
)
_WRITTEN: Final = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _milliseconds(match: re.Match[str]) -> int:
    number = {name: int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")}
    leap = number["second"] == 60  # RFC 3339 allows a leap second; it counts as the next one
    at = datetime(
        number["year"],
        number["month"],
        number["day"],
        number["hour"],
        number["minute"],
        59 if leap else number["second"],
        tzinfo=_zone(match["offset"]),
    )
    whole = (at - _EPOCH) // timedelta(milliseconds=1)
    return whole + leap * SECOND_MS + int((match["fraction"] or "")[:3].ljust(3, "0"))


def _zone(offset: str | None) -> timezone:
    if not offset or offset in "Zz":
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if minutes > 59:
        raise ValueError(offset)
    ahead = timedelta(hours=hours, minutes=minutes)  # a day or more is refused by timezone
    return timezone(-ahead if offset[0] == "-" else ahead)


def _counted(milliseconds: int, text: str) -> Moment:
    if milliseconds == 0 or EARLIEST_USABLE_MS <= milliseconds <= LATEST_MS:
        return Moment(milliseconds, milliseconds)
    if EARLIEST_USABLE_MS <= milliseconds * 1_000 <= LATEST_MS:
        suggestion = str(milliseconds * 1_000)
        raise QueryError(
            f"`{text}` looks like seconds; times are in milliseconds: `{suggestion}`", 0, len(text), suggestion
        )
    raise _no_time(text)


def _end_of(text: str, now_ms: int) -> int:
    moment = parse_moment(text, now_ms=now_ms)
    return moment.last + 1 if moment.last > moment.first else moment.first


def _no_time(text: str) -> QueryError:
    accepted = "`2026-01-02T03:04:05Z`, `2026-01-02`, or milliseconds since 1970 such as `1767323045000`"
    return QueryError(f"{_shown(text)} is no time: write {accepted}", 0, len(text))


def _shown(text: str) -> str:
    return f"`{text[:40]}…`" if len(text) > 40 else f"`{text}`"

"""Times in words, counted from a clock that is an argument: `yesterday 17:30`, `3 hours ago`, `last monday`.

    now                               3 hours ago     an hour ago     90s ago         one instant
    today  yesterday  monday          last monday     on friday                       a whole day, midnight to midnight
    this week  last week              this month      last month                      from its first day on
    yesterday 17:30                   monday at 9am   noon            14:00:30        an instant of that day

Days begin at midnight UTC, weeks on Monday. A weekday is the last one before today, a clock alone its last occurrence.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from msgspec import Struct

SECOND_MS: Final = 1_000
DAY_MS: Final = 86_400 * SECOND_MS
LONGEST_TEXT: Final = 60

SAID: Final = "`yesterday 17:30`, `3 hours ago`, `today`, `last monday`"
"""Examples, for who wrote something else."""


class Stretch(Struct, frozen=True):
    """Milliseconds since the epoch, both included; one instant has both the same."""

    first: int
    last: int


def spoken(text: str, *, now_ms: int) -> Stretch | None:
    """What the words mean at that moment, or None if they are none of these."""
    words = " ".join(text.lower().split())
    if not words or len(words) > LONGEST_TEXT:
        return None
    if words == "now":
        return Stretch(now_ms, now_ms)
    return _ago(words, now_ms) or _stretch(words, now_ms) or _on_a_day(words, now_ms)


_UNITS_MS: Final = {
    "second": SECOND_MS, "sec": SECOND_MS, "s": SECOND_MS,
    "minute": 60_000, "min": 60_000, "m": 60_000,
    "hour": 3_600_000, "hr": 3_600_000, "h": 3_600_000,
    "day": DAY_MS, "d": DAY_MS,
    "week": 7 * DAY_MS, "w": 7 * DAY_MS,
}  # fmt: skip
_AGO: Final = re.compile(rf"(?P<count>an?|[0-9]{{1,9}}) ?(?P<unit>{'|'.join(_UNITS_MS)})s? ago")
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FURTHEST_MS: Final = 3_650 * DAY_MS


def _ago(words: str, now_ms: int) -> Stretch | None:
    match = _AGO.fullmatch(words)
    if match is None:
        return None
    count = 1 if match["count"].startswith("a") else int(match["count"])
    back = count * _UNITS_MS[match["unit"]]
    return Stretch(now_ms - back, now_ms - back) if back <= _FURTHEST_MS else None


def _stretch(words: str, now_ms: int) -> Stretch | None:
    today = _day_of(now_ms)
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    days = {
        "this week": (monday, monday + timedelta(days=7)),
        "last week": (monday - timedelta(days=7), monday),
        "this month": (first, _next_month(first)),
        "last month": ((first - timedelta(days=1)).replace(day=1), first),
    }
    found = days.get(words)
    return None if found is None else Stretch(_midnight(found[0]), _midnight(found[1]) - 1)


def _on_a_day(words: str, now_ms: int) -> Stretch | None:
    """A day, a day with a clock, or a clock."""
    parts = words.split()
    for cut in range(len(parts), -1, -1):
        day = _day(" ".join(parts[:cut]), _day_of(now_ms))
        clock = " ".join(parts[cut:]).removeprefix("at ")
        if day is not None and not clock:
            return Stretch(_midnight(day), _midnight(day) + DAY_MS - 1)
        after = _clock(clock)
        if after is not None and (day is not None or not cut):
            return _instant(day, after, now_ms)
    return None


def _instant(day: date | None, after: int, now_ms: int) -> Stretch:
    at = _midnight(day or _day_of(now_ms)) + after
    if day is None and at > now_ms:
        at -= DAY_MS
    return Stretch(at, at)


def _day(words: str, today: date) -> date | None:
    if words in ("today", "yesterday"):
        return today - timedelta(days=words == "yesterday")
    name = words.removeprefix("last ").removeprefix("on ")
    if name not in _WEEKDAYS:
        return None
    back = (today.weekday() - _WEEKDAYS.index(name)) % 7 or 7
    return today - timedelta(days=back)


_CLOCK: Final = re.compile(
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?)?(?: ?(?P<half>am|pm))?"
)
_NAMED: Final = {"midnight": 0, "noon": 12 * 3_600 * SECOND_MS}


def _clock(words: str) -> int | None:
    """Milliseconds after midnight. A bare hour is none, unless it says which half of the day."""
    if words in _NAMED:
        return _NAMED[words]
    match = _CLOCK.fullmatch(words)
    if match is None or not (match["minute"] or match["half"]):
        return None
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (match["half"] == "pm")
    if hour > 23:
        return None
    return ((hour * 60 + int(match["minute"] or 0)) * 60 + int(match["second"] or 0)) * SECOND_MS


def _day_of(now_ms: int) -> date:
    return datetime.fromtimestamp(now_ms // SECOND_MS, UTC).date()


def _midnight(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_MS


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)

"""Reads the times that log lines begin with, and guesses what they leave out: the zone and, in syslog, the year."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

MONTHS: Final = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)
}
_MONTH = "(?:" + "|".join(MONTHS) + ")"
_DAY_NAME = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
A_DAY: Final = timedelta(days=1)
"""For clocks that disagree about where midnight is."""

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"


@dataclass(frozen=True, slots=True)
class Clock:
    """What a line's time is read against.

    `latest` (aware) is the last moment that the file can speak of, its time of change: a time without a year belongs
    to the last year that does not put it after that. `zone` is that of times that name none; `None` is the machine's.
    """

    latest: datetime
    zone: tzinfo | None = None

    def milliseconds(self, moment: datetime) -> int:
        """Since the epoch; rounded down, as every reader of the same file rounds."""
        if moment.tzinfo is None and self.zone is not None:
            moment = moment.replace(tzinfo=self.zone)
        whole = int(moment.replace(microsecond=0).timestamp())
        return whole * 1000 + moment.microsecond // 1000


def read_time(kind: str, text: str, clock: Clock) -> int | None:
    """Milliseconds since the epoch of a `text` that matched the pattern `kind`; None if there is no such day."""
    try:
        return FORMATS[kind].read(text, clock)
    except (ValueError, OverflowError, OSError):
        return None


def number_as_time(value: float) -> int:
    """Milliseconds of an epoch in seconds, milliseconds, microseconds or nanoseconds, told apart by its size."""
    size = abs(value)
    if size < 1e11:
        return int(value * 1000)
    for limit, divisor in ((1e14, 1), (1e17, 1_000)):
        if size < limit:
            return int(value // divisor)
    return int(value // 1_000_000)


def text_as_time(text: str, clock: Clock) -> int | None:
    """Milliseconds of a whole text that is a time in any format of this module, or None."""
    stripped = text.strip()
    found = ANY.fullmatch(stripped)
    return read_time(found.lastgroup or "", stripped, clock) if found else None


def _iso(text: str, clock: Clock) -> int:
    plain = text.replace("/", "-")
    zone: tzinfo | None = None
    for name in ("UTC", "GMT"):
        if plain.endswith(name):
            plain, zone = plain.removesuffix(name), UTC
    date, rest = plain[:10], plain[11:].strip().replace(" ", "")
    moment = datetime.fromisoformat(f"{date}T{rest}")
    return clock.milliseconds(moment.replace(tzinfo=zone) if zone else moment)


def _access(text: str, clock: Clock) -> int:
    day, month, rest = text.split("/", 2)
    year, time = rest.split(":", 1)
    time, _, zone = time.partition(" ")
    return clock.milliseconds(datetime.fromisoformat(f"{year}-{MONTHS[month]:02}-{day}T{time}{zone}"))


def _ctime(text: str, clock: Clock) -> int:
    _, month, day, time, year = text.split()
    return clock.milliseconds(_moment(int(year), MONTHS[month], int(day), time))


def _redis(text: str, clock: Clock) -> int:
    day, month, year, time = text.split()
    return clock.milliseconds(_moment(int(year), MONTHS[month], int(day), time))


def _syslog(text: str, clock: Clock) -> int:
    month, day, time = text.split()
    return _guess_year(MONTHS[month], int(day), time, clock)


def _klog(text: str, clock: Clock) -> int:
    date, time = text.split()
    return _guess_year(int(date[:2]), int(date[2:]), time, clock)


def _short(text: str, clock: Clock) -> int:
    digits = text.replace("/", "").replace(":", "").replace(" ", "")
    year, month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 12, 2))
    return clock.milliseconds(_moment(2000 + year, month, day, f"{hour:02}:{minute:02}:{second:02}"))


def _epoch(text: str, clock: Clock) -> int:
    whole, _, fraction = text.partition(".")
    found = number_as_time(int(whole)) + int(fraction[:3].ljust(3, "0"))
    if found > clock.milliseconds(clock.latest + A_DAY):
        raise ValueError("a number, but no time that the file can speak of")
    return found


def _moment(year: int, month: int, day: int, time: str) -> datetime:
    return datetime.fromisoformat(f"{year:04}-{month:02}-{day:02}T{time}")


def _guess_year(month: int, day: int, time: str, clock: Clock) -> int:
    latest = clock.milliseconds(clock.latest + A_DAY)
    for year in range(clock.latest.year + 1, clock.latest.year - 9, -1):
        try:
            found = clock.milliseconds(_moment(year, month, day, time))
        except ValueError:  # 29 February in most years
            continue
        if found <= latest:
            return found
    raise ValueError(f"no year has {month:02}-{day:02}")


@dataclass(frozen=True, slots=True)
class Format:
    """How a time looks (a pattern without named groups) and what reads it."""

    pattern: str
    read: Callable[[str, Clock], int]


FORMATS: Final = {
    "iso": Format(rf"\d{{4}}[-/]\d\d[-/]\d\d(?:[T_]|  ?){_CLOCK}(?: ?(?:Z\b|UTC\b|GMT\b|[+-]\d\d:?\d\d\b))?", _iso),
    "access": Format(rf"\d\d/{_MONTH}/\d{{4}}:\d\d:\d\d:\d\d(?: [+-]\d{{4}})?", _access),
    "ctime": Format(rf"{_DAY_NAME} {_MONTH} [ \d]\d {_CLOCK} \d{{4}}", _ctime),
    "syslog": Format(rf"{_MONTH} [ \d]\d {_CLOCK}", _syslog),
    "redis": Format(rf"\d\d {_MONTH} \d{{4}} {_CLOCK}", _redis),
    "short": Format(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d|\d{6} \d{6}\b", _short),
    "epoch": Format(r"1\d{9}\.\d{1,9}\b|1\d{9}(?:\d{3}|\d{6}|\d{9})?\b(?![.:/-])", _epoch),
    "klog": Format(r"[01]\d[0-3]\d \d\d:\d\d:\d\d\.\d{6}", _klog),
}


def _alternatives(*kinds: str) -> str:
    return "|".join(f"(?P<{kind}>{FORMATS[kind].pattern})" for kind in kinds)


LEADING: Final = _alternatives("iso", "access", "ctime", "syslog", "redis", "short", "epoch")
"""A pattern of every time that may open a line; its last group is the name of the format."""

ANY: Final = re.compile(_alternatives(*FORMATS))

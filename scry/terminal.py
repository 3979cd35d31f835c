"""What this command writes to a terminal: strangers' text made harmless, colours, bars and a progress line.

Log lines are written by whoever can reach a logged service, and a terminal obeys escape sequences wherever they come
from: none that an event carries may get there.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_CONTROLS: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erasing
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and the like: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # every other control character; tab and newline are dealt with apart
    r"|[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\u2028\u2029]"  # invisible, or reorders text
    r"|[\ud800-\udfff]"
)
_BLOCKS: Final = "▏▎▍▌▋▊▉█"
_COLOURS: Final = {"debug": "2", "info": "36", "warn": "33", "error": "31", "fatal": "1;31", "dim": "2", "bold": "1"}


def harmless(text: str) -> str:
    """The text on one line, without anything that a terminal would obey."""
    if text.isascii() and text.isprintable():
        return text
    flat = text.replace("\r\n", "\n").replace("\n", " ↵ ").replace("\t", " ")
    return _CONTROLS.sub("", flat)


def width(text: str) -> int:
    """Columns that harmless text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours for one stream, or none."""

    enabled: bool

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.enabled and colour in _COLOURS else text


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at that stream."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def event_line(event: dict[str, Any], paint: Paint, fields: tuple[str, ...] = ()) -> str:
    """One event on one line: local time, level, service, message, and the wanted fields."""
    level = harmless(str(event.get("level", "")))
    parts = [
        paint(time_text(event.get("timestamp")), "dim"),
        paint(f"{level.upper():<5}", level),
        paint(harmless(str(event.get("service", "-") or "-")), "bold"),
        harmless(str(event.get("message", ""))),
    ]
    for name in fields:
        value = field_of(event, name)
        if value is not None:
            text = value if isinstance(value, str) else json_text(value)
            parts.append(paint(f"{harmless(name)}={harmless(text)}", "dim"))
    return "  ".join(parts)


def time_text(timestamp: Any) -> str:
    """Local time to the millisecond; what is no time, as it is."""
    if not isinstance(timestamp, int):
        return harmless(str(timestamp))
    try:
        moment = datetime.fromtimestamp(timestamp // 1000, UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return str(timestamp)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{timestamp % 1000:03}"


def field_of(event: dict[str, Any], name: str) -> Any | None:
    """The value of `service` or of `metadata.http.status`; a name that has dots of its own is found too."""
    if name in event:
        return event[name]
    head, _, rest = name.partition(".")
    inner = event.get(head)
    return field_of(inner, rest) if rest and isinstance(inner, dict) else None


def json_text(value: Any, *, ascii_only: bool = True) -> str:
    """JSON on one line; in ASCII nothing in it can move a terminal."""
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


def bar(value: float, largest: float, columns: int) -> str:
    """A bar of up to that many columns, to an eighth of one; something that is not nothing shows."""
    if value <= 0 or largest <= 0:
        return ""
    eighths = max(1, round(value / largest * columns * 8))
    full, rest = divmod(eighths, 8)
    return "█" * full + (_BLOCKS[rest - 1] if rest else "")


def caret(query: str, position: int, length: int) -> str:
    """The query, and under it a mark at the characters of which the server speaks."""
    start = min(max(position, 0), len(query))
    end = min(start + max(length, 1), max(len(query), start + 1))
    before, marked = harmless(query[:start]), harmless(query[start:end])
    return f"  {harmless(query)}\n  {' ' * width(before)}{'^' * max(1, width(marked))}"

"""Text of strangers, made fit to be looked at: nothing in it is unseen, and nothing turns what stands beside it."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

LONGEST_MARKED: Final = 20
"""Words of a query whose places in messages are shown."""

_CONTROL_PICTURES: Final = 0x2400
_UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
_UNSEEN_IN_LINES: Final = re.compile(_UNSEEN.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))


class Part(Struct, frozen=True):
    """A piece of a text, and whether the query asked for it."""

    text: str
    hit: bool = False


def visible(text: str) -> str:
    """On one line: control characters as their pictures (␊, ␛), what turns or hides text by its number."""
    return _UNSEEN.sub(_picture, text)


def visible_lines(text: str) -> str:
    """The same, but line breaks and tabs stay what they are."""
    return _UNSEEN_IN_LINES.sub(_picture, text)


def cut(text: str, longest: int) -> str:
    """The beginning of a long text, with a mark that says how much is missing."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} characters more)"


def marked(text: str, words: Iterable[str]) -> tuple[Part, ...]:
    """The text in pieces: those that are one of the words, in any case, and those between."""
    sought = [word for word in words if word][:LONGEST_MARKED]
    if not text or not sought:
        return (Part(text),) if text else ()
    longest_first = sorted(map(visible, sought), key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", text, flags=re.IGNORECASE)
    return tuple(Part(piece, hit=bool(number % 2)) for number, piece in enumerate(pieces) if piece)


def clock(milliseconds: int) -> str:
    """`14:03:20`."""
    return f"{_utc(milliseconds):%H:%M:%S}"


def moment(milliseconds: int) -> str:
    """`2026-11-24T14:03:20.123Z`, as short as it can be said without losing anything."""
    at = _utc(milliseconds)
    if milliseconds % 1_000:
        return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1_000:03d}Z"
    return f"{at:%Y-%m-%dT%H:%MZ}" if milliseconds % 60_000 == 0 else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def stamp(milliseconds: int) -> str:
    """`2026-11-24 14:03:20.123`, all of it."""
    return f"{_utc(milliseconds):%Y-%m-%d %H:%M:%S}.{milliseconds % 1_000:03d}"


def stretch(first: int, last: int) -> str:
    """`24 Nov 14:05–14:10`, with seconds where they matter and the day again where it is another."""
    begin, end = _utc(first), _utc(last)
    seconds = "" if first % 60_000 == last % 60_000 == 0 else ":%S"
    day = "" if begin.date() == end.date() else "%-d %b "
    return f"{begin:%-d %b %H:%M{seconds}}–{end:{day}%H:%M{seconds}}"


_STEPS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def length(milliseconds: int) -> str:
    """`1 h`, `90 s`, `2 d 3 h`, `840 ms`: its two largest units."""
    parts = []
    for size, unit in _STEPS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count:,} {unit}")
    if not parts:
        return f"{milliseconds} ms"
    return " ".join(parts[:2])


def many(count: int, thing: str) -> str:
    """`1 event`, `12,400 events`."""
    return f"{count:,} {thing}{'s' * (count != 1)}"


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return "\u2421" if code == 0x7F else f"⟨{code:04X}⟩"


def _utc(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1_000, UTC)

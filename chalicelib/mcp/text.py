"""What strangers wrote, made harmless and small: event text reaches a model as data, in a field, and never as more.

Taken out are control characters, terminal sequences, marks that turn the direction of reading, and characters that
nobody sees: what a person would be shown is what the model reads. Line ends are written `\\n`, so that no text can
pretend to be a new line of the answer. What is longer than it may be is cut, with a mark that says by how much.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from chalicelib.events.query.values import text_of

TOKENS: Final = 6_000
"""What an answer may cost a model, about."""

BYTES_PER_TOKEN: Final = 2.4
"""Of the densest full answer that was measured: ids and times cost most. How it was measured is in docs/mcp.md."""

BYTES: Final = int(TOKENS * BYTES_PER_TOKEN)

DEEPEST: Final = 6
"""Levels of nested metadata that are shown."""

MOST_MEMBERS: Final = 60
"""Elements of a list, and members of an object, that are shown."""

Cell = str | int | float | None


def tokens(text: str) -> int:
    """About how many tokens a text costs a model: its bytes in UTF-8, divided by a measured number."""
    return int(len(text.encode()) / BYTES_PER_TOKEN) + 1


def clean(text: str, longest: int) -> str:
    """The visible text in one line, at most so many characters of it and a mark that tells how many are missing."""
    head = text[: longest * 2 + 64]  # what is beyond would not be shown, whatever is taken out before it
    seen = _UNSEEN.sub("", _TERMINAL.sub("", head))
    line = _BREAK.sub(_written, seen)
    if len(line) <= longest and len(head) == len(text):
        return line
    return f"{line[:longest]}…[+{max(1, len(text) - longest):,} characters]"


def shown(value: Any) -> str:
    """A value that a client sent, as an error may repeat it."""
    return f"`{clean(value, 60)}`" if isinstance(value, str) else f"a value of type {type(value).__name__}"


def cleaned(value: Any, longest: int, depth: int = 0) -> Any:
    """A JSON value with all its text cleaned, keys too; what is nested too deep is a mark."""
    match value:
        case str():
            return clean(value, longest)
        case list() | dict() if depth >= DEEPEST:
            return "…[nested deeper]"
        case list():
            return [cleaned(each, longest, depth + 1) for each in value[:MOST_MEMBERS]] + _left_out(value)
        case dict():
            members = list(value.items())[:MOST_MEMBERS]
            marks = dict.fromkeys(_left_out(value), "")
            return {clean(key, 100): cleaned(each, longest, depth + 1) for key, each in members} | marks
        case int() if not -_EXACT <= value <= _EXACT:
            return text_of(value)
        case _:
            return value


def csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """RFC 4180, but for the line ends. The cells are clean: none holds a line break."""
    return "\n".join(",".join(map(_cell, row)) for row in (columns, *rows))


_EXACT: Final = 1 << 53
"""Beyond, other JSON readers would round."""

_TERMINAL: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]"  # CSI, as ECMA-48 writes it
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,2000}(?:\x07|\x1b\\|\x9c)"  # OSC, DCS and their like
    r"|\x1b[ -/]{0,16}[0-~]"
)
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e"
    r"\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)
"""Controls; what has no width; marks of direction; tags and private characters, in which whole texts can hide."""

_BREAK: Final = re.compile(r"[\t\n\r\x85\u2028\u2029]")
_NEEDS_QUOTES: Final = re.compile(r'[",]|^\s|\s$')


def _written(found: re.Match[str]) -> str:
    return {"\t": " ", "\r": ""}.get(found[0], "\\n")


def _left_out(value: list[Any] | dict[str, Any]) -> list[str]:
    return [f"…[+{len(value) - MOST_MEMBERS:,} more]"] if len(value) > MOST_MEMBERS else []


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else text_of(value) or ""
    return '"' + text.replace('"', '""') + '"' if _NEEDS_QUOTES.search(text) else text

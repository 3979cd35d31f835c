"""What other programs call the five levels: words, single letters, syslog priorities, and the numbers of loggers."""

import re
from typing import Any, Final

_WORDS: Final = {
    "debug": "debug dbg trace verbose fine finer finest debug1 debug2 debug3 debug4 debug5",
    "info": "info information informational notice log config statement detail hint",
    "warn": "warn warning wrn",
    "error": "error err severe failure",
    "fatal": "fatal critical crit alert emerg emergency panic",
}
LEVEL_OF: Final = {word: level for level, words in _WORDS.items() for word in words.split()}

WORD: Final = "(?:" + "|".join(sorted(LEVEL_OF, key=len, reverse=True)) + ")"
"""A pattern of every level word, in lower case."""

LETTERS: Final = {"D": "debug", "I": "info", "W": "warn", "E": "error", "F": "fatal"}
SYSLOG: Final = ("fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug")
"""By severity; of a priority, the lowest three bits."""

_SHOUTED: Final = re.compile(
    r"\b(?:(TRACE|DEBUG)|(INFO|NOTICE)|(WARN|WARNING)|(ERROR|SEVERE)|(FATAL|CRITICAL|PANIC|EMERG))\b"
)
_MARKED: Final = re.compile(
    r"(?:^|[\s\[(<])(trace|debug|info|notice|warn|warning|err|error|severe|crit|critical|fatal|panic)"
    r"(?:\]|\)|>|:(?=\s|$))",
    re.IGNORECASE,
)
_TRACE: Final = re.compile(r"^(?:Traceback \(most recent call last\)|Exception in thread |Unhandled |Uncaught )")
HEAD: Final = 160
"""How far into a message a level is looked for: further in, the word is more likely part of the story."""


def level_of(value: Any) -> str | None:
    """The level that a field's value names, or None: `WARNING`, `"err"`, pino's 50, a syslog priority `"3"`."""
    if isinstance(value, str):
        word = value.strip().lower()
        return LEVEL_OF.get(word) or (_level_of_number(int(word)) if word.isascii() and word.isdecimal() else None)
    if isinstance(value, int) and not isinstance(value, bool):
        return _level_of_number(value)
    return None


def level_in(message: str) -> str | None:
    """The level that free text seems to announce: a shouted word, or one in brackets or before a colon."""
    head = message[:HEAD]
    if found := _SHOUTED.search(head):
        return ("debug", "info", "warn", "error", "fatal")[(found.lastindex or 1) - 1]
    if found := _MARKED.search(head):
        return LEVEL_OF[found[1].lower()]
    return "error" if _TRACE.match(head) else None


def _level_of_number(number: int) -> str | None:
    if 0 <= number < len(SYSLOG):
        return SYSLOG[number]
    for limit, level in ((20, "debug"), (29, "debug"), (39, "info"), (49, "warn"), (59, "error"), (69, "fatal")):
        if 10 <= number <= limit:
            return level
    return None

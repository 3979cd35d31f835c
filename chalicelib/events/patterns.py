"""What a message is like: its words, with a chip in place of everything that differs from one time to the next.

    fingerprint('user 4711 paid 12.50 after 230ms from 10.0.0.7')   'user <n> paid <n> after <duration> from <ip>'

Equal messages have equal fingerprints on every machine and for ever: nothing is learnt, nothing is drawn. And so have
messages that differ only in digits: each is looked at as if it were 0, so that what was met before with other numbers
need not be looked at again.
"""

import re
from hashlib import sha256
from typing import Final

LOOKED_AT: Final = 400
"""Characters of a message. What follows rarely tells more, and a dump of a megabyte would cost a megabyte's time."""

SHORTEST_PHRASE: Final = 5
"""Characters. Shorter ones find too much else."""


def fingerprint(message: str) -> str:
    """The message's pattern. The time it takes grows with `LOOKED_AT` at most."""
    return " ".join(_CHIPS.sub(_chip, message[:LOOKED_AT].translate(_ZEROS)).split())


def pattern_id(template: str) -> bytes:
    """8 bytes that stand for a pattern, the same in every project."""
    return sha256(template.encode()).digest()[:8]


def phrase(template: str, sample: str) -> str:
    """The longest words of a pattern that find its messages, as its sample proves; empty if it has none.

    A pattern has a space where a message may have a line break: words do not go beyond one.
    """
    words = max((words for stretch in _CHIP.split(template) for words in _words_in(stretch, sample)), key=len)
    return words if len(words) >= SHORTEST_PHRASE else ""


def _words_in(stretch: str, sample: str) -> list[str]:
    """Its neighbouring words, as far as they stand in the sample as they do here."""
    found = [""]
    for word in stretch.split():
        longer = f"{found[-1]} {word}".lstrip()
        if longer in sample:
            found[-1] = longer
        else:
            found.append(word if word in sample else "")
    return [words.strip(_EDGES) for words in found]


_EDGES: Final = ' \t:;,.()[]{}=->"'
"""Of a stretch: they say nothing."""

_ZEROS: Final = str.maketrans("123456789", "0" * 9)

_CHIP: Final = re.compile(r"<[a-z]+>")

_CHIPS: Final = re.compile(
    r"""
      (?P<quoted>  "[^"\n]{0,200}" | `[^`\n]{0,200}` | (?<!\w)'[^'\n]{0,200}'(?!\w) | “[^”\n]{0,200}” )
    | (?P<email>   \b[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5} )
    | (?P<url>     \b[a-z][a-z0-9+]{1,10}://[^\s"'<>]{1,300} )
    | (?P<uuid>    \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b )
    | (?P<time>    \b\d{4}-\d\d-\d\d(?:[T\x20]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?\b
                 | \b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b )
    | (?P<ip>      \b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?\b
                 | (?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){3,7}(?![\w:]) )
    | (?P<version> \bv?\d{1,6}(?:\.\d{1,6}){2,3}\b )
    | (?P<path>    (?<![\w/])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\][\w.@%+~:-]{1,100}){1,20}[/\\]?(?:\?[^\s"'<>]{0,300})? )
    | (?P<duration> (?<![\w.])[+-]?\d{1,15}(?:\.\d{1,9})?\x20?(?:ns|[µμu]s|ms|s|sec|secs|seconds|m|min|mins|minutes|h|hours|d|days)\b )
    | (?P<size>    (?<![\w.])[+-]?\d{1,15}(?:\.\d{1,9})?\x20?(?:[kKMGT]i?)?(?:B|bytes)\b )
    | (?P<hex>     \b0x[0-9a-fA-F]{1,64}\b | \b(?=[a-fA-F]{0,63}\d)(?=\d{0,63}[a-fA-F])[0-9a-fA-F]{8,128}\b )
    | (?P<n>       (?<![\w.])[+-]?\d{1,40}(?:[.,]\d{1,15}){0,5}(?:[eE][+-]?\d{1,3})?%?(?![\w-]) )
    | (?P<id>      \b[^\W\d]{0,40}[\w-]{0,60}?\d[\w-]{0,100} )
    """,  # noqa: E501
    re.VERBOSE,
)
"""From left to right, the first that fits. Every repetition has an end, so that no message takes long."""


def _chip(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return "<text>" if kind == "quoted" else f"<{kind}>"

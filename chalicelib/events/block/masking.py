"""What a dictionary may learn from: events in which everything that is somebody's is replaced by random filler.

A dictionary outlives the events it was trained on, so nothing may enter it that retention or erasure must reach. Kept
are the punctuation, true, false and null, and words that many events share. Replaced, whatever their frequency, are

- every run of letters and digits that holds a digit: ids, numbers, versions, network addresses;
- whatever stands in quotes, mail addresses, and addresses of the sixth internet protocol;
- the values of user, session, device, trace and span ids, and of metadata whose key names a person, an id or a secret,
  with the words of these values wherever else they appear;
- all numbers in metadata.

Filler has the shape of what it replaces: digits for digits, hexadecimal letters for hexadecimal letters. Within one
call equal text gets equal filler, so that what repeats still repeats; between calls it does not, so that filler is not
learnt.
"""

import random
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, Final

import msgspec

from chalicelib.events.block.detail import DETAIL_FIELDS
from chalicelib.events.event import TEXT_FIELDS, Event

SHARED_BY: Final = 0.01
"""The share of events that must hold a word before it is kept: 20 of 2,000."""

FEWEST: Final = 5
"""Events that must hold it, however small the sample is."""


def kept_words(sample: Sequence[Event]) -> frozenset[str]:
    """The words that many events of the sample share and that name nobody."""
    events_with: Counter[str] = Counter()
    private: set[str] = set()
    for event in sample:
        found: set[str] = set()
        for text, named in _texts(event):
            (private if named else found).update(_words(text, quoted=named))
        events_with.update(found)
    least = max(FEWEST, ceil(len(sample) * SHARED_BY))
    return frozenset(word for word, count in events_with.items() if count >= least and word not in private)


def masked(events: Sequence[Event], words: frozenset[str], chance: random.Random) -> list[Event]:
    """The events with filler in place of all but these words. Their order stays; their times are new."""
    mask = _Mask(words, chance)
    out, time = [], chance.randrange(_YEAR_MS, 2 * _YEAR_MS)
    before = events[0].timestamp if events else 0
    for event in events:
        gap = max(event.timestamp - before, 0)
        before = event.timestamp
        time += chance.getrandbits(gap.bit_length()) if gap else 0
        out.append(mask.event(event, time))
    return out


class _Mask:
    def __init__(self, words: frozenset[str], chance: random.Random) -> None:
        self._words = words
        self._chance = chance
        self._filler: dict[str, str] = {}
        self._numbers: dict[tuple[type, int | float], int | float] = {}

    def event(self, event: Event, timestamp: int) -> Event:
        texts = {
            name: self._all(text) if name in DETAIL_FIELDS else self._text(text)
            for name in TEXT_FIELDS
            if name != "level" and (text := getattr(event, name))
        }
        return msgspec.structs.replace(event, timestamp=timestamp, metadata=self._object(event.metadata), **texts)

    def _object(self, members: dict[str, Any], *, named: bool = False) -> dict[str, Any]:
        return {self._text(key): self._value(value, named=named or _names(key)) for key, value in members.items()}

    def _value(self, value: Any, *, named: bool) -> Any:
        match value:
            case str():
                return self._all(value) if named else self._text(value)
            case bool() | None:
                return value
            case int() | float():
                return self._number(value)
            case list():
                return [self._value(element, named=named) for element in value]
            case _:
                return self._object(value, named=named)

    def _text(self, text: str) -> str:
        return _PIECE.sub(self._piece, text)

    def _piece(self, found: re.Match[str]) -> str:
        piece = found[0]
        return piece if piece in self._words and found.lastgroup == "run" else self._all(piece)

    def _all(self, text: str) -> str:
        """Filler for every letter and digit."""
        filler = self._filler.get(text)
        if filler is None:
            hexadecimal = _HEXADECIMAL.issuperset(text.lower())
            filler = self._filler[text] = "".join([self._character(one, hexadecimal=hexadecimal) for one in text])
        return filler

    def _character(self, one: str, *, hexadecimal: bool) -> str:
        if one.isdigit():
            return self._chance.choice(string.digits)
        if not one.isalpha():
            return one
        letters = "abcdef" if hexadecimal else string.ascii_lowercase
        letter = self._chance.choice(letters)
        return letter.upper() if one.isupper() else letter

    def _number(self, value: float) -> int | float:
        key = (type(value), value)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = _number_like(value, self._chance)
        return number


def _number_like(value: float, chance: random.Random) -> int | float:
    """A number of the same type and, but for exponents, of as many digits."""
    shape = repr(max(min(value, _LONG), -_LONG))
    if "e" in shape:
        return chance.random()
    return type(value)("".join([chance.choice("123456789") if one.isdigit() else one for one in shape]))


def _texts(event: Event) -> Iterator[tuple[str, bool]]:
    """Every text of the event, and whether it is somebody's name or id."""
    for field in TEXT_FIELDS:
        yield getattr(event, field), field in DETAIL_FIELDS
    waiting: list[tuple[Any, bool]] = [(event.metadata, False)]
    while waiting:
        value, named = waiting.pop()
        match value:
            case str():
                yield value, named
            case list():
                waiting.extend((element, named) for element in value)
            case dict():
                for key, member in value.items():
                    yield key, False
                    waiting.append((member, named or _names(key)))


def _words(text: str, *, quoted: bool) -> Iterator[str]:
    """Runs of letters: outside quotes and addresses, or everywhere."""
    for found in (_RUN if quoted else _PIECE).finditer(text):
        if (quoted or found.lastgroup == "run") and found[0].isalpha():
            yield found[0]


def _names(key: str) -> bool:
    """Whether a key's last word says that its value is a person's, an id or a secret: `userId`, `client_ip`."""
    words = _KEY_WORD.findall(key)
    return bool(words) and words[-1].lower() in _NAMING


_YEAR_MS: Final = 365 * 86_400_000
_LONG: Final = 10**18
_HEXADECIMAL: Final = frozenset("0123456789abcdef-")
_RUN: Final = re.compile(r"[^\W_]+")
_KEY_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")
_NAMING: Final = frozenset(
    "account address author auth authorization cookie credential customer email emails guid hash id ids ip key"
    " login mail member mobile name names nickname owner passwd password phone secret session signature ssn tel"
    " token user username users uuid".split()
)
_PIECE: Final = re.compile(
    r"""
      (?P<mail> [\w.+%-]{1,64} @ [\w.-]{1,255} )
    | (?P<network> (?<![\w:]) [0-9a-fA-F]{0,4} (?: : [0-9a-fA-F]{0,4} ){2,7} (?![\w:]) )
    | (?P<quoted> "[^"]*"? | `[^`]*`? | (?<!\w)'[^'\n]*'(?!\w) | “[^”]*”? | „[^“”]*[“”]? | «[^»]*»? )
    | (?P<run> [^\W_]+ )
    """,
    re.VERBOSE,
)

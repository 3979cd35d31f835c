"""Patterns of messages, counted block by block: how often each occurred, when, at which levels, in which services.

Most messages differ from an earlier one in their digits alone. So a pattern is remembered by the message with every
digit made 0, for a whole block at once, and worked out only for what was not met before.
"""

from collections import Counter
from itertools import compress
from typing import Final

from msgspec import Struct

from chalicelib.events.block import Block
from chalicelib.events.patterns import LOOKED_AT, fingerprint
from chalicelib.events.query.columns import SEPARATOR, words_and_codes
from chalicelib.events.query.mask import Mask

MOST_PATTERNS: Final = 2_000
"""Patterns held while counting. Events whose pattern comes after are counted as `other`."""

MOST_KNOWN: Final = 20_000
"""Messages whose pattern is remembered, so that what repeats is worked out once."""

SAMPLE_LENGTH: Final = 500

_LOOKED_AT_BYTES: Final = 4 * LOOKED_AT
_ZEROS: Final = bytes(ord("0") if chr(byte) in "123456789" else byte for byte in range(256))


class Pattern(Struct):
    """Times are in milliseconds. The sample is the pattern's newest message, its first characters."""

    template: str
    sample: str
    first: int
    last: int
    count: int = 0
    levels: dict[str, int] = {}
    services: dict[str, int] = {}


class Patterns:
    """An event without a message has the empty pattern.

    At most `most` patterns are told apart, and at most `worked_out` messages looked into; the rest is `other`.
    """

    needs_detail = False

    def __init__(self, *, most: int = MOST_PATTERNS, worked_out: int | None = None) -> None:
        self._other = _Tally("")
        self._known = _Known(most, worked_out, self._other)

    @property
    def other(self) -> int:
        return sum(self._other.levels.values())

    @property
    def other_levels(self) -> dict[str, int]:
        return dict(self._other.levels)

    @property
    def other_services(self) -> dict[str, int]:
        return dict(self._other.services)

    def add(self, block: Block, mask: Mask) -> None:
        """Takes in the masked rows of a block."""
        flags = mask.flags
        levels, level_codes = words_and_codes(block, "level")
        services, service_codes = words_and_codes(block, "service")
        texts = block.messages.translate(_ZEROS).split(SEPARATOR)
        tallies = list(map(self._known.__getitem__, compress(texts, flags)))
        rows = list(compress(range(block.header.count), flags))
        for (tally, level, service), count in Counter(
            zip(tallies, compress(level_codes, flags), compress(service_codes, flags), strict=True)
        ).items():
            tally.add(levels[level], services[service], count)
        self._note_times(block, tallies, rows)

    def result(self) -> list[Pattern]:
        """The patterns, most frequent first."""
        found = (tally.pattern() for tally in self._known.held.values())
        return sorted(found, key=lambda each: (-each.count, each.template))

    def _note_times(self, block: Block, tallies: list["_Tally"], rows: list[int]) -> None:
        times, messages = block.times, block.messages.split(SEPARATOR)  # rows ascend in time
        for tally, row in dict(zip(reversed(tallies), reversed(rows), strict=True)).items():
            tally.first = min(tally.first, times[row])
        for tally, row in dict(zip(tallies, rows, strict=True)).items():
            if times[row] >= tally.last:
                tally.last, tally.sample = times[row], messages[row][: 4 * SAMPLE_LENGTH]


class _Tally:
    """One pattern while it is counted. Two are the same only if they are one."""

    __slots__ = ("first", "last", "levels", "sample", "services", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        self.sample = b""
        self.first = 1 << 63
        self.last = -1
        self.levels: dict[str, int] = {}
        self.services: dict[str, int] = {}

    def add(self, level: str, service: str, count: int) -> None:
        self.levels[level] = self.levels.get(level, 0) + count
        self.services[service] = self.services.get(service, 0) + count

    def pattern(self) -> Pattern:
        sample = self.sample.decode(errors="ignore")[:SAMPLE_LENGTH]
        count = sum(self.levels.values())
        return Pattern(self.template, sample, self.first, self.last, count, self.levels, self.services)


class _Known(dict[bytes, _Tally]):
    """The tally of each message that was met, its digits made 0."""

    def __init__(self, most: int, worked_out: int | None, other: _Tally) -> None:
        super().__init__()
        self.held: dict[str, _Tally] = {}
        self._most = most
        self._left = worked_out
        self._other = other

    def __missing__(self, text: bytes) -> _Tally:
        if len(text) > _LOOKED_AT_BYTES:
            return self[text[:_LOOKED_AT_BYTES]]
        if self._left is not None:
            if not self._left:
                return self._other
            self._left -= 1
        tally = self._tally(fingerprint(text.decode(errors="ignore")))
        if len(self) < MOST_KNOWN:
            self[text] = tally
        return tally

    def _tally(self, template: str) -> _Tally:
        held = self.held.get(template)
        if held is None:
            if len(self.held) >= self._most:
                return self._other
            held = self.held[template] = _Tally(template)
        return held

"""Patterns of messages, counted block by block: how often each occurred, when first and last, at which levels."""

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


class Pattern(Struct):
    """Times are in milliseconds. The sample is a message of the pattern, its first characters."""

    template: str
    sample: str
    first: int
    last: int
    count: int = 0
    levels: dict[str, int] = {}


class Patterns:
    """An event without a message has the empty pattern."""

    needs_detail = False

    def __init__(self, *, most: int = MOST_PATTERNS) -> None:
        self.other = 0
        self._most = most
        self._held: dict[str, Pattern] = {}
        self._known: dict[bytes, str] = {}

    def add(self, block: Block, mask: Mask) -> None:
        """Takes in the masked rows of a block."""
        words, codes = words_and_codes(block, "level")
        messages = block.messages.split(SEPARATOR)
        for row in mask.rows():
            self._count(messages[row], words[codes[row]], block.times[row])

    def result(self) -> list[Pattern]:
        """The patterns, most frequent first."""
        return sorted(self._held.values(), key=lambda each: (-each.count, each.template))

    def _count(self, message: bytes, level: str, at: int) -> None:
        template = self._template(message[: 4 * LOOKED_AT])
        held = self._held.get(template)
        if held is None:
            if len(self._held) >= self._most:
                self.other += 1
                return
            sample = message[: 4 * SAMPLE_LENGTH].decode(errors="ignore")[:SAMPLE_LENGTH]
            held = self._held[template] = Pattern(template, sample, at, at)
        held.count += 1
        held.first, held.last = min(held.first, at), max(held.last, at)
        held.levels[level] = held.levels.get(level, 0) + 1

    def _template(self, message: bytes) -> str:
        known = self._known.get(message)
        if known is None:
            known = fingerprint(message.decode(errors="ignore"))
            if len(self._known) < MOST_KNOWN:
                self._known[message] = known
        return known

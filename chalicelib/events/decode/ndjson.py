"""NDJSON: one event a line. Blank lines are nothing, and are not counted in the index of an event."""

import re
from itertools import islice
from typing import Final

import msgspec

from chalicelib.events.decode import MOST_EVENTS, Decoded, TooManyEvents
from chalicelib.events.decode.json import EVENT_LIMIT, Sent, decode_each, recorded
from chalicelib.events.decode.normalisation import TooDeep

_LINE: Final = re.compile(rb"\S[^\n]*")


def decode(body: bytes) -> Decoded:
    """The events of the lines. A line that is not an event is rejected by its index; the others live.

    Raises `TooManyEvents`.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    lines = [line[0] for line in islice(_LINE.finditer(body), MOST_EVENTS + 1)]
    if len(lines) > MOST_EVENTS:
        raise TooManyEvents
    if max(map(len, lines), default=0) > EVENT_LIMIT:
        return decode_each(lines, {})
    try:
        return _decode_whole(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TooDeep):
        return decode_each(lines, {})  # which names the lines that are wrong


def looks_like_lines(body: bytes) -> bool:
    """Whether a body that says nothing about itself is NDJSON: an object ends with the first line and more follows."""
    first, newline, rest = body.strip().partition(b"\n")
    if not newline or not rest.strip().startswith(b"{"):
        return False
    try:
        return isinstance(msgspec.json.decode(first), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _decode_whole(body: bytes) -> Decoded:
    events = recorded(_decode_lines(body), {})
    return Decoded(events, list(range(len(events))), [])


_decode_lines: Final = msgspec.json.Decoder(Sent).decode_lines

"""Takes a batch apart by its brackets alone, for bodies that a strict parser refuses because one event in them is bad.

It looks at strings, brackets and commas, and at nothing inside the events: a bad one is found out later, alone. Linear
in the body.
"""

import re
from collections.abc import Iterator
from typing import Final

from chalicelib.events.decode import MOST_EVENTS, TooManyEvents

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"(\s*+:)?+|\\?\Z)|[][{},]', re.DOTALL)
"""A string (followed by a colon, it is a key) or a mark. A string that never ends takes all that is left, so that no
byte is read twice."""

_OPENING: Final = (b"[", b"{")
_CLOSING: Final = {b"]": b"["[0], b"}": b"{"[0]}


def split(body: bytes) -> tuple[list[bytes], bytes] | None:
    """The elements of the batch's array and the body around them, the array empty. None if the brackets do not match.
    Raises `TooManyEvents`.

    The array is the body itself, or what stands at `events` in the body's object.
    """
    tokens = _TOKEN.finditer(body)
    start = _array_start(tokens)
    if start is None:
        return None
    elements, end = _elements(body, tokens, start)
    if elements == [b""]:
        return [], body
    return None if b"" in elements else (elements, body[:start] + body[end:])


def _array_start(tokens: Iterator[re.Match[bytes]]) -> int | None:
    """The place behind the opening bracket of the batch's array."""
    depth, key = 0, b""
    for token in tokens:
        mark = token[0][:1]
        if mark == b"[" and (depth == 0 or (depth == 1 and key.startswith(b'"events"'))):
            return token.end()
        if mark in _OPENING:
            depth += 1
        elif mark in _CLOSING:
            depth -= 1
        elif depth == 1 and token[1] is not None:
            key = token[0]
    return None


def _elements(body: bytes, tokens: Iterator[re.Match[bytes]], start: int) -> tuple[list[bytes], int]:
    """The elements and the place of the closing bracket. An element is empty where something is missing."""
    elements: list[bytes] = []
    inside = bytearray(b"[")
    for token in tokens:
        mark = token[0][:1]
        if mark in _OPENING:
            inside += mark
        elif mark in _CLOSING:
            if inside.pop() != _CLOSING[mark]:
                break
            if not inside:
                return [*elements, body[start : token.start()].strip()], token.start()
        elif mark == b"," and len(inside) == 1:
            elements.append(body[start : token.start()].strip())
            if len(elements) == MOST_EVENTS:
                raise TooManyEvents
            start = token.end()
    return [b"", b""], len(body)

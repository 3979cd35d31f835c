"""Reads JSON documents of any size event by event: an array, an object with `events`, or such values in a row.

Only one event is in memory at a time. The parser of the standard library wants whole values, so the text is kept
until one is complete:

    {"device_id": "d1", "events": [ {…}, {…}, … ]}
    └── members until "events" ──┘  └─ one at a time ─┘
"""

import codecs
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from scry.items import Found, Item, Unsendable
from scry.lines import LONGEST, UNDECODABLE
from scry.records import from_record
from scry.text import refuse_constant
from scry.times import Clock

_SPACE: Final = " \t\r\n\ufeff"
_DECODER: Final = json.JSONDecoder(parse_constant=refuse_constant)


def documents(chunks: Iterable[bytes], clock: Clock) -> Iterator[Item]:
    """Every event of the documents. What does not parse is reported with its line, and ends the file there."""
    text = _Text(chunks)
    try:
        while text.peek():
            yield from _document(text, clock)
            if text.peek() == ",":  # between documents a comma is a common slip, and harmless
                text.take()
    except ValueError as error:
        yield Unsendable(text.line, f"not_json: {error}; nothing after this was read")


def _document(text: "_Text", clock: Clock) -> Iterator[Item]:
    match text.peek():
        case "[":
            yield from _array(text, clock, shared={})
        case "{":
            yield from _object(text, clock)
        case _:
            raise ValueError("expected an object or an array")


def _array(text: "_Text", clock: Clock, *, shared: dict[str, Any]) -> Iterator[Item]:
    text.expect("[")
    while text.peek() != "]":
        line, offset = text.line, text.offset
        value = text.value()
        if isinstance(value, dict):
            yield Found(from_record(shared | value, clock), line, offset, text.replaced)
        else:
            yield Unsendable(line, "not_an_object: an event is a JSON object")
        if text.peek() != ",":
            break
        text.take()
    text.expect("]")


def _object(text: "_Text", clock: Clock) -> Iterator[Item]:
    """An object with `events` is a batch, whose `device_id` holds for all of them; any other is an event itself."""
    line, offset = text.line, text.offset
    text.expect("{")
    members: dict[str, Any] = {}
    is_batch = replaced = False
    while text.peek() != "}":
        name = text.value()
        if not isinstance(name, str):
            raise ValueError("expected the name of a member")
        text.expect(":")
        if name == "events" and text.peek() == "[":
            is_batch = True
            shared = {"device_id": members["device_id"]} if "device_id" in members else {}
            yield from _array(text, clock, shared=shared)
        else:
            members[name] = text.value()
            replaced |= text.replaced
            if is_batch and name == "device_id":
                yield Unsendable(text.line, "late_member: device_id after the events was not applied to them")
        if text.peek() != ",":
            break
        text.take()
    text.expect("}")
    if not is_batch:
        yield Found(from_record(members, clock), line, offset, replaced)


class _Text:
    """The document as a window of text that grows at its end and is dropped at its beginning."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.line = 1
        self.offset = 0  # characters: enough to tell two events of a file apart
        self._window = ""
        self._at = 0
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._ended = False
        self.replaced = False  # whether the last value had bytes that are no UTF-8

    def peek(self) -> str:
        """The next character that is not white space, or `""` at the end."""
        while True:
            start = self._at
            while start < len(self._window) and self._window[start] in _SPACE:
                start += 1
            self._advance(start)
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._grow():
                return ""

    def take(self) -> None:
        self._advance(self._at + 1)

    def expect(self, character: str) -> None:
        found = self.peek()
        if found != character:
            place = f"found {found!r}" if found else "found the end"
            raise ValueError(f"expected {character!r}, {place}")
        self.take()

    def value(self) -> Any:
        """The next whole value. Raises ValueError where there is none within the size of an event."""
        if not self.peek():
            raise ValueError("the file ends in the middle of a value")
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._at)
            except RecursionError as error:
                raise ValueError("nested too deeply") from error
            except json.JSONDecodeError as error:
                self._grow_for(error)
                continue
            if end == len(self._window) and not self._ended:  # a number may go on in the next chunk
                self._grow()
                continue
            text = self._window[self._at : end]
            self._advance(end)
            self.replaced = bool(UNDECODABLE.search(text))
            return _DECODER.decode(UNDECODABLE.sub("\ufffd", text)) if self.replaced else value

    def _grow_for(self, error: json.JSONDecodeError) -> None:
        room = len(self._window) - self._at
        if room > 4 * LONGEST:
            raise ValueError(f"{error.msg}, or an event of more than {LONGEST:,} bytes") from error
        if not self._grow():
            self.line += self._window.count("\n", self._at, error.pos)
            raise ValueError(error.msg) from error

    def _grow(self) -> bool:
        """Takes in at least as much as is held, so that a long value is not parsed once a chunk."""
        wanted = max(1, len(self._window) - self._at)
        pieces: list[str] = []
        while not self._ended and wanted > 0:
            chunk = next(self._chunks, None)
            self._ended = chunk is None
            pieces.append(self._decoder.decode(chunk or b"", final=self._ended))
            wanted -= len(pieces[-1])
        more = "".join(pieces)
        self._window, self._at = self._window[self._at :] + more, 0
        return bool(more)

    def _advance(self, to: int) -> None:
        self.line += self._window.count("\n", self._at, to)
        self.offset += to - self._at
        self._at = to

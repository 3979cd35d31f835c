"""Reads lines: plain text with its stack traces joined to their event, and JSON objects one a line."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from scry.guess import guess
from scry.items import Found, Item, Pause, Unsendable
from scry.lines import LONGEST, Line, decoded
from scry.records import from_record
from scry.shapes import ANSI, CONTINUATION, TRACE
from scry.times import Clock

JOINED_LINES: Final = 1_000
JOINED_CHARACTERS: Final = 64_000
"""Where a joined event ends and the next line begins one of its own: the server takes 256 KB, escaped and with the
rest of the event."""

TOO_LONG: Final = f"too_large: the line is longer than {LONGEST:,} bytes"


def objects(lines: Iterable[Line | None], clock: Clock) -> Iterator[Item]:
    """One JSON object a line; any other line is reported. Blank lines carry nothing and are passed over."""
    for line in lines:
        if line is None:
            yield Pause()
        elif line.too_long:
            yield Unsendable(line.number, TOO_LONG)
        elif line.data.strip():
            text, replaced = decoded(line.data)
            try:
                event = from_record(json_object(text), clock)
            except ValueError as error:
                yield Unsendable(line.number, f"not_json: {error}")
            else:
                yield Found(event, line.number, line.offset, replaced)


def events(lines: Iterable[Line | None], clock: Clock, *, with_json: bool) -> Iterator[Item]:
    """Plain text, and with `with_json` also the JSON objects among it. Blank lines between events are passed over.

    A line without a time of its own, in a file whose lines have one, happened when the line before it did.
    """
    held: _Held | None = None
    last_time: int | None = None
    for line in lines:
        if line is None or line.too_long:
            if held:
                yield held.found()
                held = None
            yield Unsendable(line.number, TOO_LONG) if line else Pause()
            continue
        text, replaced = decoded(line.data)
        if held and held.takes(text):
            held.join(text, replaced=replaced)
            continue
        if not text.strip():
            continue
        if held:
            yield held.found()
        held = _begin(line, text, clock, with_json=with_json, replaced=replaced)
        if held.joinable:
            last_time = held.event.setdefault("timestamp", last_time)
            if last_time is None:
                del held.event["timestamp"]
    if held:
        yield held.found()


def json_object(text: str) -> dict[str, Any]:
    """The object of a line. Raises ValueError for anything else, numbers that JSON lacks included."""
    try:
        found = json.loads(text, parse_constant=refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def refuse_constant(name: str) -> None:
    """Python reads NaN and Infinity from JSON; nobody else does."""
    raise ValueError(f"{name} is no JSON number")


@dataclass(slots=True)
class _Held:
    """An event that the next lines may still belong to."""

    line: Line
    event: dict[str, Any]
    joinable: bool
    timed: bool
    replaced: bool
    program: str = ""
    more: list[str] = field(default_factory=list)
    size: int = 0

    def takes(self, text: str) -> bool:
        """Whether that line goes on with this event."""
        if not self.joinable or len(self.more) >= JOINED_LINES or self.size + len(text) > JOINED_CHARACTERS:
            return False
        plain = ANSI.sub("", text)
        if not plain.strip():
            return bool(self.more)
        return bool(CONTINUATION.match(plain) or ((self.timed or self.more) and TRACE.match(plain)))

    def join(self, text: str, *, replaced: bool) -> None:
        self.more.append(text)
        self.size += len(text) + 1
        self.replaced |= replaced

    def found(self) -> Found:
        if self.more:
            self.event["message"] = "\n".join([self.event.get("message", ""), *self.more]).rstrip()
        return Found(self.event, self.line.number, self.line.offset, self.replaced, self.program)


def _begin(line: Line, text: str, clock: Clock, *, with_json: bool, replaced: bool) -> _Held:
    if with_json and text.lstrip().startswith("{"):
        try:
            return _Held(line, from_record(json_object(text), clock), joinable=False, timed=True, replaced=replaced)
        except ValueError:
            return _begin_text(line, text, clock, replaced=replaced)  # it only looked like JSON
    return _begin_text(line, text, clock, replaced=replaced)


def _begin_text(line: Line, text: str, clock: Clock, *, replaced: bool) -> _Held:
    guessed = guess(text.rstrip(), clock)
    held = _Held(line, guessed.event, joinable=True, timed=guessed.timed, replaced=replaced, program=guessed.program)
    held.size = len(text)
    return held

"""Turns one line of text into an event: guesses its time, level and origin, and keeps everything else it says."""

import re
from dataclasses import dataclass
from typing import Any, Final

from scry.levels import LETTERS, SYSLOG, level_in, level_of
from scry.records import from_record
from scry.shapes import ANSI, HEADS, LEAD, MARKS, PAIR, WHOLE
from scry.times import Clock, read_time

Fields = dict[str, Any]

_FIELDS: Final = frozenset({"level", "letter", "priority", "mark", "message", "program", "http_user"})
_NUMBERS: Final = frozenset({"pid", "http_status", "http_bytes"})


@dataclass(frozen=True, slots=True)
class Guess:
    """An event as the wire names its fields, and the program that the line names: its service, unless told better."""

    event: Fields
    program: str = ""

    @property
    def timed(self) -> bool:
        """Whether the line had a time of its own."""
        return "timestamp" in self.event


def guess(line: str, clock: Clock) -> Guess:
    """What a line says. Escape sequences of a terminal are ignored in reading and kept in the message."""
    text = ANSI.sub("", line) if "\x1b" in line else line
    guessed = _logfmt(text, clock) or _leading(text, clock) or _whole(text, clock) or Guess({"message": text})
    event = guessed.event
    if text is not line:
        event["message"] = _with_escapes(line, str(event.get("message", "")))
    if "level" not in event and (level := level_in(str(event.get("message", "")))):
        event["level"] = level
    return guessed


def _leading(text: str, clock: Clock) -> Guess | None:
    lead = LEAD.match(text)
    if not lead:
        return None
    kind = lead.lastgroup or ""
    timestamp = read_time(kind, lead[kind], clock)
    if timestamp is None:
        return None
    found = next(match for head in HEADS[kind] if (match := head.match(text, lead.end())))
    return _event(found, timestamp, priority=lead["priority"])


def _whole(text: str, clock: Clock) -> Guess | None:
    for shape in WHOLE:
        if found := shape.match(text):
            return _event(found, _time_of(found, clock))
    return None


def _time_of(found: re.Match[str], clock: Clock) -> int | None:
    for name, value in found.groupdict().items():
        if value and name.startswith("time_"):
            return read_time(name.removeprefix("time_"), value, clock)
    return None


def _event(found: re.Match[str], timestamp: int | None, *, priority: str | None = None) -> Guess:
    said = {name: value for name, value in found.groupdict().items() if value and not name.startswith("time_")}
    event: Fields = {"message": said.get("message", "")}
    if timestamp is not None:
        event["timestamp"] = timestamp
    if level := _level(said, priority or said.get("priority")):
        event["level"] = level
    if metadata := _metadata(said):
        event["metadata"] = metadata
    if "http_status" in said:
        event["type"] = "api_call"
    return Guess(event, said.get("program", ""))


def _level(said: dict[str, str], priority: str | None) -> str | None:
    if "level" in said:
        return level_of(said["level"])
    if "letter" in said:
        return LETTERS[said["letter"]]
    if "mark" in said:
        return MARKS[said["mark"]]
    if "http_status" in said:
        return {"4": "warn", "5": "error"}.get(said["http_status"][0], "info")
    return SYSLOG[int(priority) % 8] if priority else None


def _metadata(said: dict[str, str]) -> Fields:
    metadata: Fields = {}
    http: Fields = {"user": said["http_user"]} if "http_user" in said else {}
    for name, text in said.items():
        if name in _FIELDS:
            continue
        value: str | int = int(text) if name in _NUMBERS else text.strip()
        if name.startswith("http_"):
            http[name.removeprefix("http_")] = value
        else:
            metadata[name] = value
    return metadata | {"http": http} if http else metadata


def _logfmt(text: str, clock: Clock) -> Guess | None:
    first = PAIR.match(text)
    if not first:
        return None
    pairs = {key: _unquoted(quoted) if quoted else bare for key, quoted, bare in PAIR.findall(text)}
    if not pairs.keys() & {"msg", "message"} or not pairs.keys() & {"level", "lvl", "severity", "time", "ts", "t"}:
        return None
    if PAIR.sub("", text).strip():  # there is text between the pairs, which a record would lose
        return None
    return Guess(from_record(pairs, clock))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1]), text)


def _with_escapes(line: str, message: str) -> str:
    """The end of `line` that reads `message` without its escape sequences; `message` itself if it is not its end."""
    if not message or not ANSI.sub("", line).endswith(message):
        return message
    missing, end = len(message), len(line)
    for found in reversed(list(ANSI.finditer(line))):
        between = end - found.end()
        if between >= missing:
            break
        missing, end = missing - between, found.start()
    return line[end - missing :]

"""One event as a client sent it, made into the record, whatever it was. What cannot be used where it stood is not lost:
it is kept in the metadata, under `_sent`.

`docs/api.md` has these rules as a table for those who write clients.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from chalicelib.events.decode import UNTIMED, with_all_sent, with_sent
from chalicelib.events.event import LEVELS, TEXT_FIELDS, Event

EARLIEST: Final = 946_684_800_000
"""2000-01-01. What claims to be older is a clock that was never set, or seconds taken for milliseconds."""

LATEST: Final = 1 << 47
"""The year 6429: what is later are microseconds or nanoseconds."""

LEVEL_NAMES: Final = {level: level for level in LEVELS} | {
    "": "info",
    "warning": "warn",
    "err": "error",
    "critical": "fatal",
    "emergency": "fatal",
    "alert": "fatal",
    "panic": "fatal",
    "notice": "info",
    "information": "info",
    "trace": "debug",
    "verbose": "debug",
}

DEEPEST: Final = 64
"""How many objects and arrays may stand inside each other in an event's metadata."""

TRACE_KEYS: Final = {"trace_id": "trace_id", "traceId": "trace_id", "span_id": "span_id", "spanId": "span_id"}
"""Where metadata holds the ids of a trace. They stay there too."""

_PLAIN_TEXTS: Final = tuple(name for name in TEXT_FIELDS if name not in ("level", "type"))
_FIELDS: Final = frozenset(Event.__struct_fields__)


class TooDeep(ValueError):
    """The event nests more deeply than `DEEPEST`."""


def normalised(sent: dict[str, Any], shared: dict[str, str]) -> Event:
    """The record of one JSON object. `shared` has the text fields that the batch gives to events without their own.

    Raises `TooDeep`.
    """
    metadata = _with_unknown(_metadata(sent.get("metadata")), sent)
    if nests_too_deep((metadata,)):
        raise TooDeep
    texts = {name: _text(sent.get(name)) for name in _PLAIN_TEXTS}
    level, metadata = _level(sent.get("level"), metadata)
    timestamp, metadata = _timestamp(sent.get("timestamp"), metadata)
    return completed(
        Event(timestamp=timestamp, level=level, type=_text(sent.get("type")) or "custom", metadata=metadata, **texts),
        shared,
    )


def completed(event: Event, shared: dict[str, str]) -> Event:
    """The event with its empty fields taken from the batch it came in and from its metadata."""
    found = {name: text for name, text in shared.items() if not getattr(event, name)}
    for key, field in TRACE_KEYS.items():
        if key in event.metadata and not getattr(event, field) and type(event.metadata[key]) in (str, int):
            found[field] = _text(event.metadata[key])
    return msgspec.structs.replace(event, **found) if found else event


def nests_too_deep(metadata: Iterable[dict[str, Any]]) -> bool:
    """Whether any of these nests more deeply than `DEEPEST`. Looks at all of them level by level, which is quickest."""
    level: list[Any] = list(metadata)
    for _ in range(DEEPEST):
        level = [
            value
            for outer in level
            for value in (outer.values() if type(outer) is dict else outer)
            if type(value) is dict or type(value) is list
        ]
        if not level:
            return False
    return True


def _metadata(sent: Any) -> dict[str, Any]:
    match sent:
        case dict():
            return sent
        case list():
            return {str(place): value for place, value in enumerate(sent)}
        case None | "":
            return {}
        case _:
            return {"value": sent}


def _with_unknown(metadata: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    """The metadata with the keys that no event has. Where the metadata has one too, both are kept."""
    unknown = {name: value for name, value in sent.items() if name not in _FIELDS}
    clashes = {name: unknown.pop(name) for name in tuple(unknown) if name in metadata}
    metadata = metadata | unknown
    return with_all_sent(metadata, clashes) if clashes else metadata


def _text(sent: Any) -> str:
    """Text as it came, nothing as nothing, and all else as the JSON it was."""
    if isinstance(sent, str):
        return sent
    return "" if sent is None else msgspec.json.encode(sent).decode()


def _level(sent: Any, metadata: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if sent is None:
        return "info", metadata
    known = LEVEL_NAMES.get(sent.strip().lower()) if isinstance(sent, str) else None
    return (known, metadata) if known else ("info", with_sent(metadata, "level", sent))


def _timestamp(sent: Any, metadata: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if sent is None or sent == "":
        return UNTIMED, metadata
    at = _milliseconds(sent)
    if at is not None and EARLIEST <= at < LATEST:
        return at, metadata
    return UNTIMED, with_sent(metadata, "timestamp", sent)


def _milliseconds(sent: Any) -> int | None:
    match sent:
        case bool():
            return None
        case int():
            return sent
        case float():
            return math.floor(sent)
        case str():
            return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 20 else _instant(sent)
        case _:
            return None


def _instant(text: str) -> int | None:
    """The milliseconds of an RFC 3339 time. One without an offset is taken for UTC, as most loggers mean it."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

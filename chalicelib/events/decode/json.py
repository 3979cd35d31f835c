"""JSON bodies: `{"events": […]}` as the SDKs send it, a bare array of events, or one event.

whole body as typed structs, in C ──── fits ──────────────────────────────► events      0.7 µs an event, and 0.65
        │ one field of one event does not
        ▼
a list of raw events, in C ────┐
        │ not strict JSON      ├─► each event: typed, else normalised, else rejected by its index
        ▼                      │
split by brackets ─────────────┘
        │ brackets do not match
        ▼
BodyUnreadable
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from chalicelib.events.decode import UNTIMED, BodyUnreadable, Decoded, Rejection
from chalicelib.events.decode.coding import RECEIVED_LIMIT
from chalicelib.events.decode.counting import check_count
from chalicelib.events.decode.elements import split
from chalicelib.events.decode.normalisation import (
    DEEPEST,
    EARLIEST,
    LATEST,
    TRACE_KEYS,
    TooDeep,
    completed,
    nests_too_deep,
    normalised,
)
from chalicelib.events.event import Event

EVENT_LIMIT: Final = 256 * 1024
"""Bytes of one event's JSON."""

SPLIT_LIMIT: Final = RECEIVED_LIMIT
"""Bytes of a body that is searched for its one bad event, at 0.3 µs a token."""

SHARED: Final = ("device_id", "device_type", "service", "environment", "user_id", "session_id")
"""What may stand beside `events` and then holds for those events of the batch that do not say it themselves."""

NO_EVENTS: Final = 'The body must have its events in an array: {"events": [{"message": "…"}]}.'


def decode(body: bytes) -> Decoded:
    """The events of a JSON body. Raises `TooManyEvents`, and `BodyUnreadable` if it is no batch at all."""
    body = body.removeprefix(b"\xef\xbb\xbf")
    check_count(body)
    fast = _decode_whole(body)
    if fast is not None:
        return fast
    raws, shared = _taken_apart(body)
    return decode_each(raws, shared)


def decode_each(raws: Iterable[bytes | Raw], shared: dict[str, str]) -> Decoded:
    """Events that are JSON texts of their own. One that cannot be used is rejected and the others live."""
    events: list[Event] = []
    indices: list[int] = []
    rejected: list[Rejection] = []
    for index, raw in enumerate(raws):
        event = _decode_one(memoryview(raw), shared, index)
        if isinstance(event, Rejection):
            rejected.append(event)
        else:
            events.append(event)
            indices.append(index)
    return Decoded(events, indices, rejected)


class Sent(Struct, forbid_unknown_fields=True):
    """An event that needs no repair, checked by the parser itself. Its fields are those of `Event`."""

    timestamp: Annotated[int, Meta(ge=EARLIEST, lt=LATEST)] = UNTIMED
    level: Literal["debug", "info", "warn", "error", "fatal"] = "info"
    type: Annotated[str, Meta(min_length=1)] = "custom"
    message: str = ""
    service: str = ""
    environment: str = ""
    user_id: str = ""
    session_id: str = ""
    device_type: str = ""
    device_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    metadata: dict[str, Any] = {}


def recorded(sent: Sequence[Sent], shared: dict[str, str]) -> list[Event]:
    """The records of events that need no repair. Raises `TooDeep`."""
    if nests_too_deep([e.metadata for e in sent]):
        raise TooDeep
    events = [
        Event(
            timestamp=e.timestamp, level=e.level, type=e.type, message=e.message, service=e.service,
            environment=e.environment, user_id=e.user_id, session_id=e.session_id, device_type=e.device_type,
            device_id=e.device_id, trace_id=e.trace_id, span_id=e.span_id, metadata=e.metadata,
        )
        for e in sent
    ]  # fmt: skip
    if shared:
        return [completed(event, shared) for event in events]
    return [event if TRACE_KEYS.keys().isdisjoint(event.metadata) else completed(event, shared) for event in events]


class _Batch(Struct):
    """A body whose events need no repair. Other keys beside them are about the batch and are not stored."""

    events: list[Sent]
    device_id: str = ""
    device_type: str = ""
    service: str = ""
    environment: str = ""
    user_id: str = ""
    session_id: str = ""


class _Envelope(Struct):
    """The same, of events that are still to be read."""

    events: list[Raw] | UnsetType = UNSET
    device_id: Any = None
    device_type: Any = None
    service: Any = None
    environment: Any = None
    user_id: Any = None
    session_id: Any = None


_decode_batch: Final = msgspec.json.Decoder(_Batch).decode
_decode_sent: Final = msgspec.json.Decoder(Sent).decode
_decode_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_decode_list: Final = msgspec.json.Decoder(list[Raw]).decode
_decode_object: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_REFUSALS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _decode_whole(body: bytes) -> Decoded | None:
    """The common case, or None if anything in the body is uncommon."""
    if len(body) > EVENT_LIMIT and not _all_small(body):
        return None
    try:
        batch = _decode_batch(body)
        events = recorded(batch.events, _shared(batch))
    except (*_REFUSALS, TooDeep):
        return None
    return Decoded(events, list(range(len(events))), [])


def _all_small(body: bytes) -> bool:
    try:
        return all(len(memoryview(raw)) <= EVENT_LIMIT for raw in _strictly_apart(body)[0])
    except _REFUSALS:
        return False


def _taken_apart(body: bytes) -> tuple[Sequence[bytes | Raw], dict[str, str]]:
    """The events of the body, each still JSON, and the fields they share."""
    try:
        return _strictly_apart(body)
    except msgspec.ValidationError as other:
        raise BodyUnreadable(NO_EVENTS) from other
    except _REFUSALS as refusal:
        apart = split(body) if len(body) <= SPLIT_LIMIT else None
        if apart is None:
            raise _unreadable(refusal, body) from refusal
    elements, around = apart
    try:
        return elements, _strictly_apart(around)[1]
    except _REFUSALS as refusal:
        raise _unreadable(refusal, around) from refusal


def _strictly_apart(body: bytes) -> tuple[list[Raw], dict[str, str]]:
    match body.lstrip()[:1]:
        case b"[":
            return _decode_list(body), {}
        case b"{":
            envelope = _decode_envelope(body)
            return _events_of(envelope, body), _shared(envelope)
        case b"":
            raise BodyUnreadable("The body is empty.", 0)
    msgspec.json.decode(body)
    raise BodyUnreadable(NO_EVENTS, 0)


def _events_of(envelope: _Envelope, body: bytes) -> list[Raw]:
    """The batch's events; a body without `events` that names a field of an event is one event itself."""
    if envelope.events is not UNSET:
        return envelope.events
    if _decode_object(body).keys().isdisjoint(Event.__struct_fields__):
        raise BodyUnreadable(NO_EVENTS)
    return [Raw(body)]


def _shared(envelope: _Batch | _Envelope) -> dict[str, str]:
    found = {name: getattr(envelope, name) for name in SHARED}
    return {name: text for name, text in found.items() if isinstance(text, str) and text}


def _decode_one(raw: memoryview, shared: dict[str, str], index: int) -> Event | Rejection:
    if len(raw) > EVENT_LIMIT:
        return Rejection(index, "too_large", f"The event has {len(raw)} bytes; at most {EVENT_LIMIT} are stored.")
    try:
        return _recorded_one(raw, shared)
    except (TooDeep, RecursionError):
        return Rejection(index, "too_deep", f"At most {DEEPEST} objects and arrays may stand inside each other.")
    except NotAnObject as other:
        return Rejection(index, "not_an_object", f"An event must be a JSON object, not {other}.")
    except ValueError as refusal:
        return Rejection(index, "invalid_json", f"The event cannot be read: {refusal}.")


class NotAnObject(Exception):
    """An event is JSON, but of another type."""


def _recorded_one(raw: memoryview, shared: dict[str, str]) -> Event:
    try:
        return recorded((_decode_sent(raw),), shared)[0]
    except msgspec.ValidationError:
        sent = msgspec.json.decode(raw)
        if not isinstance(sent, dict):
            raise NotAnObject(_TYPE_NAMES[type(sent)]) from None
        return normalised(sent, shared)


_TYPE_NAMES: Final[dict[type, str]] = {
    list: "an array", str: "text", int: "a number", float: "a number", bool: "true or false", type(None): "null"
}  # fmt: skip


def _unreadable(refusal: Exception, body: bytes) -> BodyUnreadable:
    """What msgspec said about the whole body, and where it was when it said it."""
    text = str(refusal).removeprefix("JSON is malformed: ")
    found = re.search(r" \(byte (\d+)\)", text)
    if found:
        return BodyUnreadable(f"The body is not JSON: {text[: found.start()]}.", int(found[1]))
    if "truncated" in text:
        return BodyUnreadable("The body is not JSON: it ends too early.", len(body))
    return BodyUnreadable(f"The body is not JSON: {text}.")

"""The small form: a few events as lines of JSON arrays, trace and span ids in binary beside them.

Each line is `[age, level, type, message, service, environment, user_id, session_id, device_type, device_id, trace_id,
span_id, metadata]`. Age is milliseconds before the block's last event. A trace or span id is text, or a number: 0 for
none, 1 for the next raw bytes, n > 1 for the id of n - 1 events before.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from chalicelib.events.block.columns import Column
from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.event import Event

TRACE_SIZE: Final = 16
SPAN_SIZE: Final = 8


class Row(msgspec.Struct, array_like=True, frozen=True):
    age: int
    level: str
    type: str
    message: str
    service: str
    environment: str
    user_id: str
    session_id: str
    device_type: str
    device_id: str
    trace_id: int | str
    span_id: int | str
    metadata: dict[str, Any]


def encode(events: Sequence[Event]) -> Column:
    last = events[-1].timestamp
    traces, raw_traces = _taken_out([event.trace_id for event in events], TRACE_SIZE)
    spans, raw_spans = _taken_out([event.span_id for event in events], SPAN_SIZE)
    rows = [
        Row(
            last - event.timestamp,
            event.level,
            event.type,
            event.message,
            event.service,
            event.environment,
            event.user_id,
            event.session_id,
            event.device_type,
            event.device_id,
            trace,
            span,
            event.metadata,
        )
        for event, trace, span in zip(events, traces, spans, strict=True)
    ]
    return Column(_ENCODER.encode_lines(rows), raw_traces + raw_spans)


def decode(packed: bytes, raw: bytes, *, last: int, count: int) -> list[Event]:
    """The events again, ascending by time."""
    try:
        rows = _DECODER.decode_lines(packed)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableBlock(f"has a damaged row: {error}") from error
    if len(rows) != count:
        raise UnreadableBlock("has another number of rows than it states")
    traces, at = _put_back([row.trace_id for row in rows], raw, 0, TRACE_SIZE)
    spans, at = _put_back([row.span_id for row in rows], raw, at, SPAN_SIZE)
    if at != len(raw):
        raise UnreadableBlock("has ids that nothing refers to")
    events = [
        Event(
            timestamp=last - row.age,
            level=row.level,
            type=row.type,
            message=row.message,
            service=row.service,
            environment=row.environment,
            user_id=row.user_id,
            session_id=row.session_id,
            device_type=row.device_type,
            device_id=row.device_id,
            trace_id=trace,
            span_id=span,
            metadata=row.metadata,
        )
        for row, trace, span in zip(rows, traces, spans, strict=True)
    ]
    if any(later.timestamp < event.timestamp for event, later in pairwise(events)):
        raise UnreadableBlock("has rows that are not in order")
    return events


def _taken_out(ids: Sequence[str], size: int) -> tuple[list[int | str], bytes]:
    """What stands in the rows for these ids, and the bytes of those that were new."""
    out: list[int | str] = []
    raw, seen = bytearray(), dict[str, int]()
    for at, text in enumerate(ids):
        if text in seen:
            out.append(at - seen[text] + 1)
        elif not text:
            out.append(0)
            continue
        elif len(text) == 2 * size and (binary := _binary(text)) is not None:
            out.append(1)
            raw += binary
        else:
            out.append(text)
            continue
        seen[text] = at
    return out, bytes(raw)


def _binary(text: str) -> bytes | None:
    try:
        binary = bytes.fromhex(text)
    except ValueError:
        return None
    return binary if binary.hex() == text else None


def _put_back(marks: Sequence[int | str], raw: bytes, at: int, size: int) -> tuple[list[str], int]:
    """The ids again, and where their bytes end."""
    out: list[str] = []
    for mark in marks:
        if isinstance(mark, str):
            out.append(mark)
        elif mark == 0:
            out.append("")
        elif mark == 1:
            binary = raw[at : at + size]
            at += size
            if len(binary) != size:
                raise UnreadableBlock("ends within an id")
            out.append(binary.hex())
        elif 1 < mark <= len(out) + 1:
            out.append(out[1 - mark])
        else:
            raise UnreadableBlock("refers to an event before the first")
    return out, at


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Row)

"""Turns one JSON object of any logger into an event: known names become its fields, the rest its metadata."""

import math
from typing import Any, Final

from scry.levels import level_in, level_of
from scry.times import Clock, number_as_time, text_as_time

JOURNAL_TIME: Final = "__REALTIME_TIMESTAMP"

ALIASES: Final = {
    "timestamp": ("timestamp", "time", "ts", "@timestamp", "datetime", "date", "t", "Timestamp", JOURNAL_TIME),
    "level": ("level", "severity", "lvl", "levelname", "log.level", "severity_text", "SeverityText", "PRIORITY"),
    "message": ("message", "msg", "event", "MESSAGE", "log", "text", "body", "Body"),
    "service": ("service", "service.name", "service_name", "SYSLOG_IDENTIFIER"),
    "environment": ("environment", "env", "deployment.environment"),
    "user_id": ("user_id", "userId"),
    "session_id": ("session_id", "sessionId"),
    "trace_id": ("trace_id", "traceId", "TraceId"),
    "span_id": ("span_id", "spanId", "SpanId"),
    "type": ("type",),
    "device_type": ("device_type",),
    "device_id": ("device_id",),
}
"""What loggers call the fields of an event: ours, pino, bunyan, structlog, zap, logrus, Docker, journald,
OpenTelemetry. The first name that an object has, with a value that the field can hold, is the field."""


def from_record(record: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """The event of a JSON object. Nothing is left out: what is no field of an event is metadata."""
    rest = dict(record)
    event: dict[str, Any] = {}
    for field, names in ALIASES.items():
        for name in names:
            if name in rest and (value := _value(field, rest[name], clock)) is not None:
                event[field] = value
                del rest[name]
                break
    if "level" not in event and (level := level_in(event.get("message", ""))):
        event["level"] = level
    if metadata := _metadata(rest):
        event["metadata"] = metadata
    return event


def _metadata(rest: dict[str, Any]) -> dict[str, Any]:
    own = rest.get("metadata")
    others = {name: value for name, value in rest.items() if name != "metadata" and value not in ("", None)}
    if own is None or (isinstance(own, dict) and not own.keys() & others.keys()):
        return others | (own or {})
    return others | {"metadata": own}


def _value(field: str, value: Any, clock: Clock) -> Any | None:
    if field == "timestamp":
        return _timestamp(value, clock)
    if field == "level":
        return level_of(value)
    if field == "message" and _is_bytes(value):  # journald writes what is not UTF-8 as a list of numbers
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    is_scalar = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_scalar else None


def _is_bytes(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 256 for item in value)


def _timestamp(value: Any, clock: Clock) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        return number_as_time(int(text)) if text.isascii() and text.isdecimal() else text_as_time(text, clock)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return number_as_time(value) if value > 0 else int(value)

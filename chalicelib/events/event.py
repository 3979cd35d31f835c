"""The record: one thing that happened, in the shape that is stored, searched and answered.

It is what decoding made of whatever a client sent; nothing after decoding repairs an event again.
"""

from typing import Any, Final

import msgspec

LEVELS: Final = ("debug", "info", "warn", "error", "fatal")
"""In order of weight: `level>=warn` is an index comparison."""

TYPES: Final = ("crash", "session", "navigation", "api_call", "custom", "cron")
"""What existing clients send. Others are kept as they come."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. Text fields are `""` where the client sent none, and then left out of answers.

    `timestamp` is in milliseconds since the epoch, in UTC. `level` is one of `LEVELS`. `metadata` holds JSON values
    only: objects with text keys, arrays, text, numbers, booleans and null. Numbers are finite; integers may be of any
    size that Python reads from JSON.
    """

    timestamp: int
    level: str = "info"
    type: str = "custom"
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


TEXT_FIELDS: Final = tuple(name for name in Event.__struct_fields__ if name not in ("timestamp", "metadata"))

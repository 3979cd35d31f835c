"""What clients send, made into events: one module per wire format, and the bounded way out of a coding."""

from typing import Any, Final

import msgspec

from chalicelib.events.event import Event

UNTIMED: Final = -1
"""The timestamp of an event that came without a usable one; the store puts the time of receipt in its place."""

MOST_EVENTS: Final = 25_000
"""Events of one body: what is packed in a second, and can be rejected one by one in an answer of 6 MB."""


class Rejection(msgspec.Struct, frozen=True):
    """An event that is not stored, and why, in a code that is stable and a sentence that says how to mend it."""

    index: int
    reason: str
    detail: str


class Decoded(msgspec.Struct, frozen=True):
    """A body taken apart. Every event of it is in exactly one of the two lists."""

    events: list[Event]
    indices: list[int]
    """The place that each of `events` had in the body."""
    rejected: list[Rejection]


class BodyUnreadable(Exception):
    """The body as a whole is not what it must be. `position` is the byte where reading it stopped, if that is known."""

    def __init__(self, detail: str, position: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.position = position


class BodyTooLarge(Exception):
    """The body is, or would become, larger than `limit` bytes."""

    def __init__(self, limit: int, *, inflated: bool) -> None:
        super().__init__(f"the body has more than {limit} bytes" + " after inflation" * inflated)
        self.limit = limit
        self.inflated = inflated


class TooManyEvents(Exception):
    """The body has more events than are read at once."""

    limit = MOST_EVENTS

    def __init__(self) -> None:
        super().__init__(f"the body has more than {self.limit} events")


class MediaRefused(Exception):
    """The body is in a format or a coding that is not read."""


def with_sent(metadata: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    """The metadata with what the client sent in a field that could not be used as it was, under `_sent`."""
    return with_all_sent(metadata, {field: value})


def with_all_sent(metadata: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The same for several fields at once."""
    before = metadata.get("_sent", {})
    kept = before if isinstance(before, dict) else {"_sent": before}
    return metadata | {"_sent": kept | fields}

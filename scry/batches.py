"""Gathers events into request bodies of bounded size, each under a key that a resend of the same file repeats."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from scry.items import Found, Item, Pause, Unsendable

MOST_EVENTS: Final = 1_000
MOST_BYTES: Final = 1_000_000
"""Of a body before compression. The server takes 4 MB; a smaller one is cheaper to repeat and answered sooner."""

_OPENING: Final = b'{"events":['
_CLOSING: Final = b"]}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded events in the order of the file, and the line that each begins at.

    The key is a hash of body, file and offset. A file sent again therefore repeats its keys, so that even lines
    without a time are stored once, while the same thousand lines further down are new ones. It covers the body, so
    that a key never stands for two bodies, which the server would refuse.
    """

    identity: str
    offset: int
    events: tuple[bytes, ...]
    lines: tuple[int, ...]
    part: str = ""
    """Which half of which half, where a batch had to be divided."""

    @property
    def body(self) -> bytes:
        return _OPENING + b",".join(self.events) + _CLOSING

    @property
    def key(self) -> str:
        name = json.dumps([self.identity, self.offset, self.part]).encode()
        return hashlib.sha256(name + b"\n" + self.body).hexdigest()[:40]

    def halves(self) -> tuple["Batch", "Batch"]:
        """The two batches that together are this one of at least two events."""
        middle = len(self.events) // 2
        first, second = slice(None, middle), slice(middle, None)
        return self._of(first, "0"), self._of(second, "1")

    def _of(self, some: slice, part: str) -> "Batch":
        return Batch(self.identity, self.offset, self.events[some], self.lines[some], self.part + part)


def batches(items: Iterable[Item], *, identity: str, nonce: str) -> Iterator[Batch | Unsendable]:
    """Full batches, and what cannot be sent where it stood.

    Events that all have a time are the same in whichever file they are: a renamed file is recognised. Others are told
    apart by the `identity` of their file. Where there is none (standard input) nobody can tell a resend from news:
    there the `nonce` keeps them apart from those of other runs.
    """
    gathering = _Gathering(identity, nonce)
    for item in items:
        match item:
            case Pause():
                yield from gathering.taken()
            case Unsendable():
                yield item
            case Found():
                event = _encoded_or_why(item)
                if isinstance(event, Unsendable):
                    yield event
                    continue
                if not gathering.has_room(event):
                    yield from gathering.taken()
                gathering.add(event, item)
    yield from gathering.taken()


def encoded(event: dict[str, Any]) -> bytes:
    """The event as JSON; half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _encoded_or_why(item: Found) -> bytes | Unsendable:
    try:
        return encoded(item.event)
    except ValueError:
        return Unsendable(item.line, "not_finite: a number beyond what JSON readers hold")
    except RecursionError:
        return Unsendable(item.line, "nested too deeply")


class _Gathering:
    def __init__(self, identity: str, nonce: str) -> None:
        self._identity, self._nonce = identity, nonce
        self._clear()

    def _clear(self) -> None:
        self._events: list[bytes] = []
        self._lines: list[int] = []
        self._size = len(_OPENING) + len(_CLOSING)
        self._offset = 0
        self._timed = True

    def has_room(self, event: bytes) -> bool:
        return len(self._events) < MOST_EVENTS and self._size + len(event) + 1 <= MOST_BYTES

    def add(self, event: bytes, item: Found) -> None:
        if not self._events:
            self._offset = item.offset
        self._events.append(event)
        self._lines.append(item.line)
        self._size += len(event) + 1
        self._timed &= "timestamp" in item.event

    def taken(self) -> Iterator[Batch]:
        """What is gathered, as at most one batch; nothing is gathered afterwards."""
        if self._events:
            identity = "" if self._timed else self._identity or self._nonce
            yield Batch(identity, self._offset, tuple(self._events), tuple(self._lines))
            self._clear()

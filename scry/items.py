"""What a log file is read into: events, lines that cannot be sent, and pauses of a live stream."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """An event as the wire names its fields, and the line and offset it begins at.

    `replaced`: bytes of it were no UTF-8. `program`: what wrote it, by the look of the line.
    """

    event: dict[str, Any]
    line: int
    offset: int
    replaced: bool = False
    program: str = ""


@dataclass(frozen=True, slots=True)
class Unsendable:
    """A line that cannot become an event, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing has come for a while: what is held back should leave now."""


Item = Found | Unsendable | Pause

"""The security log: one line of JSON for each thing that an investigation would ask about, with who, what, when, where.

    web.routing     attend(...)   whose answer is being made: request id, source, method, route as it is declared
    web.limiting    known(...)    who it turned out to be; a sign-in says so itself
    web             write(...)    what became of it

The lines are the function's log, beside the audit logs in the store: those say what changed, this says what was tried.
People are named by their ids. No address, no secret, nothing that a client wrote but through a fault's text and what a
browser reports of a page, and that escaped: a line is ASCII and cannot be broken (ASVS 16.4.1).
`docs/security.md` lists the events.
"""

import json
import logging
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

Fact = str | int | bool

EVENTS: Final[Mapping[str, int]] = {
    "session.begin": logging.INFO,
    "session.end": logging.INFO,
    "done": logging.INFO,
    "refused": logging.WARNING,
    "violation": logging.WARNING,
    "fault": logging.ERROR,
}
"""Every event there is, with its level."""

logger: Final = logging.getLogger("scrywatch.security")
# A function's root logger lets nothing pass below a warning.
logger.setLevel(logging.INFO)

_facts: ContextVar[dict[str, Fact]] = ContextVar("facts")


def attend(*, request: str, source: str, method: str, route: str) -> None:
    """A request begins: whatever was known of the one before in this thread is forgotten."""
    _facts.set({"request": request, "source": source, "method": method, "route": route})


def known(**facts: Fact) -> None:
    """Adds to what the lines of this request say: `user`, `key`, `second_factor`."""
    _facts.set(_facts.get({}) | facts)


def facts() -> Mapping[str, Fact]:
    """What is known of the request under way."""
    return _facts.get({})


def write(event: str, **facts: Fact) -> None:
    """Writes a line. Raises `KeyError` for an event that is not in `EVENTS`."""
    level = EVENTS[event]
    at = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")
    logger.log(level, "%s", json.dumps({"at": at, "event": event, **_facts.get({}), **facts}))

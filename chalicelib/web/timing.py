"""`Server-Timing`: how long an answer took, and how much of that the store and the template did.

    Server-Timing: app;dur=41.2, store;dur=55.0;desc="7 calls", render;dur=6.3

`app` is everything from the event to the answer. `store` adds up all calls to DynamoDB; some are made side by side, so
it may be more than `app`. `render` stands where a page was made. Milliseconds, a count, and no name of anything.

A time measured here is free of the network's noise, and a count of calls tells what was found. So it is said only where
that tells nothing new: of what succeeded, to who is known and may see it all, and on a few pages that are the same for
everybody. Never of signing in, resets, invitations, tokens and consent, nor of changes, nor of refusals: a call more or
less would tell an organisation of others from one that does not exist. See docs/security.md.

Source: W3C Server Timing, section 2.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from msgspec import Struct, field

from chalicelib.identity.permissions import READS, Permission
from chalicelib.storage import dynamodb
from chalicelib.web.declaration import Declaration

HEADER: Final = "Server-Timing"

OPEN: Final = frozenset(
    (
        "/", "/confirm/done", "/healthz", "/openapi.json", "/promises", "/reset/mail", "/sign-in", "/sign-up",
        "/sign-up/mail", "/status", "/status.json",
    )
)  # fmt: skip
"""Of what is public, the paths whose GET finds nothing out about anybody. All others are silent: they take secrets,
some of them in their addresses."""

SILENT: Final = frozenset(("/oauth/authorize",))
"""What reads and stays silent: it asks other hosts for what it shows."""

_TOLD: Final = (READS - {Permission.PUBLIC}) | {Permission.EVENTS_WRITE}


class Spent(Struct):
    """What a request spends, in seconds: one number for each call to the store, and one for each page made."""

    store: list[float] = field(default_factory=list)
    render: list[float] = field(default_factory=list)


_rendering: Final[ContextVar[list[float] | None]] = ContextVar("rendering", default=None)


@contextmanager
def watched() -> Iterator[Spent]:
    """What is spent meanwhile, here and in `storage.threads`."""
    spent = Spent()
    calls, renders = dynamodb.calls.set(spent.store), _rendering.set(spent.render)
    try:
        yield spent
    finally:
        dynamodb.calls.reset(calls)
        _rendering.reset(renders)


@contextmanager
def rendering() -> Iterator[None]:
    """Counts what happens meanwhile as the making of a page."""
    begun = time.perf_counter()
    try:
        yield
    finally:
        if (spent := _rendering.get()) is not None:
            spent.append(time.perf_counter() - begun)


def is_told(route: Declaration, status: int) -> bool:
    """Whether an answer may say how long it took."""
    if not 200 <= status < 300 or route.path in SILENT:
        return False
    if route.permission is Permission.PUBLIC:
        return route.method == "GET" and route.path in OPEN
    return route.permission in _TOLD


def told(seconds: float, spent: Spent) -> str:
    """The header's value."""
    calls = "1 call" if len(spent.store) == 1 else f"{len(spent.store)} calls"
    parts = [_part("app", seconds), f'{_part("store", sum(spent.store))};desc="{calls}"']
    if spent.render:
        parts.append(_part("render", sum(spent.render)))
    return ", ".join(parts)


def _part(name: str, seconds: float) -> str:
    return f"{name};dur={seconds * 1000:.1f}"

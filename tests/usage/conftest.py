"""Containers that count, each with a memory of its own."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.events.scope import Scope
from chalicelib.events.store import usage
from chalicelib.events.store.usage import Tally, Used, counted
from chalicelib.ids import DAY_MS
from tests.conftest import NOW_MS

TODAY = NOW_MS // DAY_MS
KEY = "3fQ9Zk2L"
SECOND = 1_000

Note = Callable[..., None]


def soon() -> float:
    return time.monotonic() + 20


def note(
    tally: Tally, scope: Scope, accepted: int = 1, *, at: int = 0, key: str = KEY, reasons: tuple[str, ...] = (),
    **more: Any,
) -> None:  # fmt: skip
    """A request that came so many milliseconds after the present."""
    used = Used(accepted=accepted, rejected=len(reasons), **more)
    tally.note(scope, key, used, reasons, now_ms=NOW_MS + at, deadline=soon())


def added_up(scope: Scope, *, first: int = TODAY - 3, last: int = TODAY + 3) -> dict[tuple[int, str, str], Used]:
    """What the store has, by day from today, kind and name."""
    return {
        (each.day - TODAY, each.kind, each.name): each.used for each in counted(scope, first, last, deadline=soon())
    }


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Tally:
    """It takes the time that it needs: how long that is on a busy machine is not what these tests are about."""
    monkeypatch.setattr(usage, "SECONDS", 10.0)
    return Tally()

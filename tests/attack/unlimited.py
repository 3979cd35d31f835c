"""Limits that nobody reaches: who is kept out by one has tried nothing."""

import pytest

from chalicelib.storage import limits
from chalicelib.storage.limits import Rate
from chalicelib.web import limiting


def lift_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test. A step is a whole millisecond: with less, two threads would be a race for room."""
    far = {name: Rate(10_000_000, 10_000, rate.fails, lease=1_000) for name, rate in limits.LIMITS.items()}
    monkeypatch.setattr(limits, "LIMITS", far)
    monkeypatch.setattr(limiting, "leases", limits.Leases())

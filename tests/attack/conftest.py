"""The product as its attackers find it."""

from collections.abc import Iterator

import pytest

from tests.attack.target import Target, target
from tests.permissions.stage import everything_is_served

__all__ = ["everything_is_served"]


@pytest.fixture
def at(engine_store: None, everything_is_served: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """Where attacks go."""
    with target(monkeypatch) as served:
        yield served

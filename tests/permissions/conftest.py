"""Acme and Evil, with everything served."""

import pytest

from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "everything_is_served", "evil"]


@pytest.fixture(autouse=True)
def _served(everything_is_served: None) -> None:
    """Every route has what it needs."""

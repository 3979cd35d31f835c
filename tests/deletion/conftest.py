"""Acme with one of everything, and Evil, which must keep all of its own."""

import pytest

from chalicelib import settings
from tests.deletion.everything import Doomed, new_doomed
from tests.permissions.cast import Tenant
from tests.permissions.stage import acme, evil

__all__ = ["acme", "evil"]


@pytest.fixture(autouse=True)
def _with_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters go into the outbox, whose letters are found and erased too."""
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
    settings.current.cache_clear()


@pytest.fixture
def doomed(acme: Tenant, evil: Tenant) -> Doomed:
    return new_doomed(acme, evil)

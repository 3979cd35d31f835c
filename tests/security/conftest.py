"""Acme and Evil on moto, as in the tests of permissions, and what the security log says meanwhile."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import security_log
from tests.permissions.cast import Tenant, new_tenant

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _everything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail goes where people can look at it, and hashing a password costs as little as it ever does."""
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
    settings.current.cache_clear()


@pytest.fixture
def acme(moto_store: None) -> Tenant:
    return new_tenant("acme", "shop")


@pytest.fixture
def evil(moto_store: None) -> Tenant:
    return new_tenant("evil", "laboratory")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """The lines of the security log since it was last asked for."""

    def since() -> list[dict[str, Any]]:
        found = [record.getMessage() for record in caplog.records if record.name == security_log.logger.name]
        caplog.clear()
        return [json.loads(line) for line in found]

    caplog.set_level(logging.INFO, logger=security_log.logger.name)
    return since

"""Acme and Evil, as in the tests of permissions, and what the security log says meanwhile."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.identity import security_log
from tests.permissions.stage import acme, everything_is_served, evil

__all__ = ["acme", "everything_is_served", "evil", "lines"]

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _served(everything_is_served: None) -> None:
    """Every route has what it needs."""


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """The lines of the security log since it was last asked for."""

    def since() -> list[dict[str, Any]]:
        found = [record.getMessage() for record in caplog.records if record.name == security_log.logger.name]
        caplog.clear()
        return [json.loads(line) for line in found]

    caplog.set_level(logging.INFO, logger=security_log.logger.name)
    return since

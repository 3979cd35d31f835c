"""Acme and Evil on a real engine, as fixtures: for the tests of permissions, of OAuth and of security."""

import pytest

from chalicelib import settings
from tests.permissions.cast import Tenant, new_tenant


@pytest.fixture
def everything_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mail goes where people can look at it, somebody is told of holes, and hashing a password costs as little as it
    ever does."""
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    monkeypatch.setenv("SCRY_SECURITY_CONTACT", "mailto:security@scry.example")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
    settings.current.cache_clear()


@pytest.fixture
def acme(watched_store: None) -> Tenant:
    return new_tenant("acme", "shop")


@pytest.fixture
def evil(watched_store: None) -> Tenant:
    return new_tenant("evil", "laboratory")

"""A shop whose deploys are recorded, and somebody in it with a browser."""

from typing import Any

import pytest

from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store import deploy_recording, deploys
from chalicelib.events.store.deploy_recording import Asking, Recorded
from chalicelib.events.store.deploys import Deploy, Release
from chalicelib.storage.audit import Actor
from tests.api.client import Client, Tenant, new_tenant
from tests.conftest import NOW_MS
from tests.engine.project import soon
from tests.explorer.conftest import explorer

__all__ = ["explorer"]

KEY = Actor("key", "3fQ9Zk2L")
MINUTE = 60_000


@pytest.fixture
def client(moto_store: None) -> Client:
    return Client()


@pytest.fixture
def shop(moto_store: None) -> Tenant:
    return new_tenant("acme", "shop")


@pytest.fixture
def evil(moto_store: None) -> Tenant:
    return new_tenant("evil", "shop")


def recorded(
    scope: Scope, version: str = "v1", *, now_ms: int = NOW_MS, at: int | None = None, key: str | None = None,
    by: Actor = KEY, **more: str,
) -> Recorded:  # fmt: skip
    """What recording it right in the store gives."""
    asking = Asking(by=by, request_key=key)
    return deploy_recording.record(
        scope, Release(version, **more), at=at, asking=asking, now_ms=now_ms, deadline=soon()
    )


def listed(scope: Scope, *, now_ms: int = NOW_MS, limit: int = 500, **more: Any) -> list[Deploy]:
    everything = TimeRange(0, now_ms + 10 * MINUTE)
    return deploys.deploys(scope, more.pop("within", everything), limit=limit, now_ms=now_ms, deadline=soon(), **more)

"""Tables that the tests of the store share: each works in a project of its own, and making tables takes 0.2 s."""

import secrets
from collections.abc import Iterator

import pytest

from chalicelib import settings
from chalicelib.storage import dynamodb
from chalicelib.storage.tables.creation import create_tables
from tests import faults


@pytest.fixture(scope="session")
def shared_stage(engine_endpoint: str) -> str:
    stage = f"t{secrets.token_hex(6)}"
    with pytest.MonkeyPatch.context() as monkeypatch:
        _enter(monkeypatch, stage, engine_endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        monkeypatch.setenv("SCRY_SECRETS", "5c" * 32)
        kept_alive = dynamodb.KeptAlive()
        monkeypatch.setattr(dynamodb, "transport", kept_alive)
        create_tables()
        kept_alive.close()
    settings.current.cache_clear()
    return stage


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, engine_endpoint: str, shared_stage: str) -> Iterator[None]:
    """Tables on a real engine, with other tests' projects in them."""
    kept_alive = dynamodb.KeptAlive()
    monkeypatch.setattr(dynamodb, "transport", kept_alive)
    _enter(monkeypatch, shared_stage, engine_endpoint)
    faults.new_process()
    yield
    kept_alive.close()


def _enter(monkeypatch: pytest.MonkeyPatch, stage: str, endpoint: str) -> None:
    monkeypatch.setenv("SCRY_STAGE", stage)
    monkeypatch.setenv("SCRY_DYNAMODB_ENDPOINT", endpoint)
    settings.current.cache_clear()

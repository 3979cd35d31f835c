"""What every test may ask for: tables on moto or on a real engine, a project, and a clock that stands still."""

import os
import secrets
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

from chalicelib import settings
from chalicelib.events.scope import Scope
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage import dynamodb
from infra.engine import LOCAL_CREDENTIALS, engine
from tests.moto_transport import give_tables, in_process_dynamodb
from tests.tables import Watched

# Property tests look for the same time everywhere; `make test-full` looks eight times longer.
hypothesis.settings.register_profile("default", deadline=None, max_examples=30)
hypothesis.settings.register_profile("full", deadline=None, max_examples=250)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

NOW_MS = 1_790_000_000_000
"""2026-09-21T14:13:20Z: the present of every test that does not say otherwise."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    from tests.scheduling import TogetherWhereItIsShared

    return TogetherWhereItIsShared(config, log)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of a deployment that is this test's own."""
    for name, value in LOCAL_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SCRY_STAGE", f"t{secrets.token_hex(6)}")
    monkeypatch.setenv("SCRY_SECRETS", "5c" * 32)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings.current.cache_clear()
    yield
    settings.current.cache_clear()


@pytest.fixture
def moto_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Empty tables on moto, in this process."""
    with in_process_dynamodb() as transport:
        monkeypatch.setattr(dynamodb, "transport", transport)
        give_tables()
        yield


@pytest.fixture(scope="session")
def engine_endpoint() -> Iterator[str]:
    """A real DynamoDB: the one that SCRY_TEST_ENDPOINT names (LocalStack, say), else the embedded engine in memory."""
    named = os.environ.get("SCRY_TEST_ENDPOINT")
    if named:
        yield named
        return
    with engine() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def engine_address(engine_endpoint: str) -> str:
    """Where it is, found the way that programs find LocalStack."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return _through_localstack_client(monkeypatch, engine_endpoint)


@pytest.fixture
def engine_store(monkeypatch: pytest.MonkeyPatch, engine_address: str) -> Iterator[None]:
    """Empty tables on a real engine."""
    kept_alive = dynamodb.KeptAlive()
    monkeypatch.setattr(dynamodb, "transport", kept_alive)
    monkeypatch.setenv("SCRY_DYNAMODB_ENDPOINT", engine_address)
    settings.current.cache_clear()
    _create_tables()
    yield
    kept_alive.close()


@pytest.fixture
def watched_store(engine_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `engine_store`, and all tables can be looked at and put back: for sweeps, where moto takes three times as
    long."""
    monkeypatch.setattr(dynamodb, "transport", Watched(dynamodb.transport))


@pytest.fixture(params=["moto", pytest.param("engine", marks=pytest.mark.engine)])
def store(request: pytest.FixtureRequest) -> None:
    """Empty tables: the test runs once on moto and once on a real engine."""
    request.getfixturevalue(f"{request.param}_store")


@pytest.fixture
def scope() -> Scope:
    return new_scope()


def new_scope(retention_days: int = 30, shards: tuple[tuple[int, int], ...] = ()) -> Scope:
    return Scope(OrgId(secrets.token_bytes(8)), ProjectId(secrets.token_bytes(8)), retention_days, shards)


def _create_tables() -> None:
    from chalicelib.storage.tables.creation import create_tables

    create_tables()


def _through_localstack_client(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> str:
    """The endpoint as `localstack_client` gives it to a program that is configured for LocalStack."""
    import localstack_client.session

    for name, value in {**LOCAL_CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    client = localstack_client.session.Session().client("dynamodb", region_name="us-east-1")
    client.list_tables(Limit=1)
    found: str = client.meta.endpoint_url
    client.close()
    return found.rstrip("/")

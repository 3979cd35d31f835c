"""Accounts in tests: people who cost little to hash, letters that can be read, and a store that counts and fails."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import passwords
from chalicelib.identity.passwords import Parameters
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply
from tests.accounts.people import Argon2

CHEAP = Parameters(memory=8, passes=1)


@pytest.fixture(autouse=True)
def argon2(monkeypatch: pytest.MonkeyPatch) -> Argon2:
    """Hashes cost next to nothing, and are counted."""
    monkeypatch.setattr(passwords, "parameters", lambda: CHEAP)
    counted = Argon2()
    monkeypatch.setattr("argon2._password_hasher.hash_secret", counted.counting("hash"))
    monkeypatch.setattr("argon2._password_hasher.verify_secret", counted.counting("verify"))
    return counted


@pytest.fixture
def real_argon2(argon2: Argon2, monkeypatch: pytest.MonkeyPatch) -> Argon2:
    """Hashes cost what they cost in production."""
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.FULL)
    return argon2


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment that keeps its letters."""
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()


@pytest.fixture
def unavailable_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that answers everything but what is about limits."""
    whole = dynamodb.transport

    def failing(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        if b"-limits" in body:
            return Reply(500, b'{"__type": "InternalServerError"}')
        return whole(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", failing)
    monkeypatch.setattr(dynamodb, "FIRST_PAUSE_SECONDS", 0.0)


@pytest.fixture
def lost_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that loses the answer to the first attempt of every write, after the write."""
    whole = dynamodb.transport
    lost: set[bytes] = set()

    def losing(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        reply = whole(endpoint, headers, body)
        writes = any(kind in headers["x-amz-target"] for kind in _WRITES)
        if writes and body not in lost:
            lost.add(body)
            raise ConnectionResetError
        return reply

    monkeypatch.setattr(dynamodb, "transport", losing)
    monkeypatch.setattr(dynamodb, "FIRST_PAUSE_SECONDS", 0.0)


_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")


@pytest.fixture
def at_once(engine_store: None) -> Iterator[Callable[[Callable[[], Any], int], list[Any]]]:
    """Calls something so many times at the same time, on a real engine; answers results and exceptions."""
    with ThreadPoolExecutor(50) as threads:

        def run(work: Callable[[], Any], times: int) -> list[Any]:
            futures = [threads.submit(work) for _ in range(times)]
            return [future.exception() or future.result() for future in futures]

        yield run

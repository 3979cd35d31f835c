"""The running product with a clock that tests can turn, and whoever uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.product import Product, product
from tests.clients.consent import Person, signed_in


@dataclass(frozen=True)
class World:
    """A running product, its time, and the addresses of its first project."""

    running: Product
    clock: Path = field(repr=False)

    @property
    def resource(self) -> str:
        account = self.running.account
        return f"{self.running.url}/mcp/{account['org']}/{account['project']}"

    @property
    def connections(self) -> str:
        account = self.running.account
        return f"/api/orgs/{account['org']}/projects/{account['project']}/connections"

    def later(self, seconds: int) -> None:
        """That much time has passed, for the product and for every client."""
        self.clock.write_text(str(int(self.clock.read_text()) + seconds))

    def somebody(self) -> Person:
        return signed_in(self.running)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """As API Gateway serves it, which renames the header of the challenge: clients must look beside the resource."""
    with _world(tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Behind a distribution that gives the header its name back: for who judges the challenge itself."""
    with _world(tmp_path_factory, TEST_EDGE="1") as made:
        yield made


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Where a refresh token may come twice within half a minute."""
    with _world(tmp_path_factory, SCRY_REFRESH_REPLAY_SECONDS="30") as made:
        yield made


@contextmanager
def _world(folders: pytest.TempPathFactory, **settings: str) -> Iterator[World]:
    clock = folders.mktemp("clock") / "ahead"
    clock.write_text("0")
    with product({"TEST_CLOCK": str(clock), **settings}) as running:
        yield World(running, clock)

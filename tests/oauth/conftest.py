"""Acme and Evil: the same two organisations that the tests of permissions know; and a shop of Alice's."""

import pytest

from tests.permissions.stage import acme, evil
from tests.tenancy.world import Tenant as World
from tests.tenancy.world import new_tenant as new_world
from tests.tenancy.world import new_user

__all__ = ["acme", "evil", "shop"]


@pytest.fixture
def shop(store: None) -> World:
    """Alice's organisation with a project, on moto and on a real engine, where time stands still."""
    return new_world("acme", new_user("alice"))

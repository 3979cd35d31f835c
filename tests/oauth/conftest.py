"""Acme and Evil, on moto: the same two organisations that the tests of permissions know; and a shop of Alice's."""

import pytest

from tests.permissions.cast import Tenant, new_tenant
from tests.tenancy.world import Tenant as World
from tests.tenancy.world import new_tenant as new_world
from tests.tenancy.world import new_user


@pytest.fixture
def acme(moto_store: None) -> Tenant:
    return new_tenant("acme", "shop")


@pytest.fixture
def evil(moto_store: None) -> Tenant:
    return new_tenant("evil", "laboratory")


@pytest.fixture
def shop(store: None) -> World:
    """Alice's organisation with a project, on moto and on a real engine, where time stands still."""
    return new_world("acme", new_user("alice"))

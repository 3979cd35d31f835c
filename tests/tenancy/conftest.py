"""The people and the two organisations of every test here."""

import pytest

from chalicelib.identity.users import User
from tests.tenancy.world import Tenant, new_tenant, new_user


@pytest.fixture
def alice(store: None) -> User:
    return new_user("alice")


@pytest.fixture
def bob(store: None) -> User:
    return new_user("bob")


@pytest.fixture
def charlie(store: None) -> User:
    return new_user("charlie")


@pytest.fixture
def acme(alice: User, bob: User) -> Tenant:
    """Alice's, with Bob as a member."""
    tenant = new_tenant("acme", alice)
    tenant.join(bob)
    return tenant


@pytest.fixture
def elsewhere(charlie: User) -> Tenant:
    """Charlie's."""
    return new_tenant("elsewhere", charlie)

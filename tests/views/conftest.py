"""Alice owns Acme, Bob and Dora are members, Charlie is a stranger; and somebody who explores at a browser."""

import pytest

from chalicelib.identity.users import User
from tests.explorer.conftest import Explorer, explorer
from tests.tenancy.conftest import acme, alice, bob, charlie
from tests.tenancy.world import Tenant, new_user

__all__ = ["Explorer", "acme", "alice", "bob", "charlie", "explorer"]


@pytest.fixture
def dora(acme: Tenant) -> User:
    """A second member."""
    found = new_user("dora")
    acme.join(found)
    return found

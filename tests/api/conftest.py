"""The real app behind a gateway's event, on moto; Alice's project, and Mallory's, who must see nothing of it."""

import pytest

from tests.api.client import Client, Tenant, new_tenant


@pytest.fixture
def client(moto_store: None) -> Client:
    return Client()


@pytest.fixture
def alice(moto_store: None) -> Tenant:
    return new_tenant("acme", "shop")


@pytest.fixture
def mallory(moto_store: None) -> Tenant:
    return new_tenant("evil", "shop")

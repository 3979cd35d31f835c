"""The app under Chalice's own gateway, as `chalice local` and its test client have it: other events, same answers."""

import gzip

import pytest
from chalice.test import Client as ChaliceClient

from app import app
from chalicelib.identity.accounts import create_project
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject


@pytest.mark.requirement("W1")
def test_chalices_own_gateway_carries_a_batch_in_and_out(moto_store: None) -> None:
    created = create_project(NewOrg("acme", "Acme"), NewProject("shop", "Shop", 30), now=0)
    keys = {key.kind: {"Authorization": f"Bearer {key.text}"} for key in (created.ingest_key, created.query_key)}
    with ChaliceClient(app) as client:
        sent = client.http.post(
            "/api/ingest", headers=keys["ingest"], body=gzip.compress(b'{"events":[{"message":"x"}]}')
        )
        found = client.http.get("/api/orgs/acme/projects/shop/logs?q=x", headers=keys["query"])
    assert sent.status_code == 202
    assert [event["message"] for event in found.json_body["data"]] == ["x"]

"""The explorer's twin: the page's facts, for sessions and for programs with a key that reads."""

import json

import pytest

from tests.api.client import Client, Tenant, new_tenant
from tests.explorer.conftest import Explorer


@pytest.fixture
def shop(moto_store: None) -> Tenant:
    shop = new_tenant("acme", "shop")
    events = [{"level": "error", "service": "api", "message": f"number {at}", "metadata": {"n": at}} for at in range(3)]
    assert Client().post("/api/ingest", {"events": events}, key=shop.ingest_key).status == 202
    return shop


def twin(shop: Tenant, query: str = "", key: str | None = None):
    path = f"/orgs/{shop.org}/projects/{shop.project}/explore.json{query}"
    return Client().get(path, key=shop.query_key if key is None else key)


def test_a_query_key_reads_it(shop: Tenant):
    found = twin(shop, "?q=level:error+number&columns=metadata.n&limit=2").json
    assert [each["message"] for each in found["data"]] == [f"number {at}" for at in (2, 1)]
    assert found["cells"] == [[["2"]], [["1"]]]
    assert found["total"] == {"count": 3, "exact": True}
    assert found["result"].startswith("1–2 of 3 in 1 h, newest first")
    assert found["terms"] == [
        {"text": "level:error", "without": "number"},
        {"text": "number", "without": "level:error"},
    ]
    assert sum(sum(bucket["counts"].values()) for bucket in found["histogram"]["series"]) == 3
    assert {"field": "service", "of": 3, "values": [{"value": "api", "count": 3}]} in found["facets"]
    more = twin(shop, f"?q=level:error+number&columns=metadata.n&limit=2&cursor={found['next_cursor']}").json
    assert [each["message"] for each in more["data"]] == ["number 0"]
    assert more["next_cursor"] is None


def test_an_ingest_key_does_not(shop: Tenant):
    assert twin(shop, key=shop.ingest_key).status == 403


@pytest.mark.parametrize(
    ("query", "kind", "parameter"),
    [
        ("?q=servce:api", "query", "q"),
        ("?since=1q", "query", "since"),
        ("?from=soonish", "query", "from"),
        ("?colums=service", "parameter", "colums"),
        ("?columns=servce", "parameter", "columns"),
        ("?limit=0", "parameter", "limit"),
    ],
)
def test_a_program_is_refused_where_a_person_is_told(shop: Tenant, query: str, kind: str, parameter: str):
    refused = twin(shop, query)
    assert refused.status == 400
    assert kind in refused.json["type"]
    assert parameter in json.dumps(refused.json)


def test_it_has_the_facts_of_the_page(explorer: Explorer):
    explorer.sends(*({"message": f"number {at}", "service": "api"} for at in range(5)))
    explorer.opens("?limit=3")
    shown = explorer.messages
    found = explorer.twin("?limit=3")
    assert [each["message"] for each in found["data"]] == shown
    assert found["total"]["count"] == 5

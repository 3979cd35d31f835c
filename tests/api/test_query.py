"""The query routes through the real app: parameters, refusals, and who sees what. `tests/query` tests what is found."""

import csv
import io
import json

import pytest

from app import app
from chalicelib.web.routing import declarations
from tests.api.client import Client, Response, Tenant
from tests.api.test_ingest import assert_problem

EVENTS = [
    {"message": "card declined", "level": "error", "service": "shop", "user_id": "u1", "trace_id": "t1"},
    {"message": "card accepted", "level": "info", "service": "shop", "user_id": "u2", "session_id": "s2"},
    {"message": "index built", "level": "warn", "service": "search", "environment": "test", "type": "cron"},
]
PATHS = ["", "/timeline", "/facets", "/aggregate", "/tail", "/export", "/some-id", "/some-id/context"]


@pytest.fixture(autouse=True)
def _events(client: Client, alice: Tenant) -> None:
    assert client.post("/api/ingest", {"events": EVENTS}, key=alice.ingest_key).status == 202


def ask(client: Client, tenant: Tenant, rest: str = "") -> Response:
    return client.get(tenant.logs + rest, key=tenant.query_key)


def found(client: Client, tenant: Tenant, rest: str) -> list[str]:
    answer = ask(client, tenant, rest)
    assert answer.status == 200, answer.body
    return sorted(event["message"] for event in answer.json["data"])


def test_a_page_has_the_shape_that_clients_are_written_against(client: Client, alice: Tenant) -> None:
    page = ask(client, alice, "?q=declined").json
    assert page.keys() == {"data", "next_cursor", "partial", "query", "from", "to", "scanned"}
    assert page["scanned"].keys() == {"blocks", "events", "bytes"}
    (event,) = page["data"]
    assert event.keys() == {
        "id", "timestamp", "received_at", "level", "type", "message", "service", "user_id", "trace_id"
    }  # fmt: skip
    assert page["to"] - page["from"] == 3_600_000


@pytest.mark.parametrize(
    ("rest", "messages"),
    [
        ("?level=error", ["card declined"]),
        ("?level=ERR", ["card declined"]),
        ("?service=shop", ["card accepted", "card declined"]),
        ("?service=shop&level=info", ["card accepted"]),
        ("?q=card&user_id=u1", ["card declined"]),
        ("?q=declined+OR+built&service=search", ["index built"]),
        ("?session_id=s2", ["card accepted"]),
        ("?trace_id=t1", ["card declined"]),
        ("?environment=test&type=cron", ["index built"]),
        ("?service=s*", []),
        ("?service=shop+OR+service:search", []),
        ("?level=&service=&q=", ["card accepted", "card declined", "index built"]),
    ],
)
def test_plain_filters_must_hold_beside_the_query_and_are_taken_literally(
    client: Client, alice: Tenant, rest: str, messages: list[str]
) -> None:
    assert found(client, alice, rest) == messages


@pytest.mark.parametrize(
    ("rest", "code", "parameter"),
    [
        ("?q=sevice:x", "query", "q"),
        ("?q=(", "query", "q"),
        ("?level=loud", "query", "level"),
        ("?since=1y", "query", "since"),
        ("?from=never", "query", "from"),
        ("?to=never", "query", "to"),
        ("?limit=0", "parameter", "limit"),
        ("?limit=1001", "parameter", "limit"),
        ("?order=up", "parameter", "order"),
        ("?servce=x", "parameter", "servce"),
        ("?level=info&level=warn", "parameter", "level"),
        ("/timeline?buckets=0", "parameter", "buckets"),
        ("/facets?fields=", None, None),
        ("/facets?fields=nope", "query", "fields"),
        ("/facets?fields=" + ",".join(f"metadata.f{n}" for n in range(11)), "parameter", "fields"),
        ("/aggregate?by=a", "query", "by"),
        ("/aggregate?by=level,service,type", "query", "by"),
        ("/aggregate?metric=median(x)", "query", "metric"),
        ("/export?format=xml", "parameter", "format"),
        ("/x/context?same=user", "parameter", "same"),
        ("/x/context?before=101", "parameter", "before"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_parameter(
    client: Client, alice: Tenant, rest: str, code: str | None, parameter: str | None
) -> None:
    answer = ask(client, alice, rest)
    if code is None:
        assert answer.status == 200
        return
    assert_problem(answer, 400, code)
    assert answer.json["parameter"] == parameter


def test_a_query_that_is_not_understood_points_at_the_character(client: Client, alice: Tenant) -> None:
    problem = ask(client, alice, "?q=card+sevice:x").json
    assert (problem["position"], problem["length"], problem["suggestion"]) == (5, 6, "service")
    assert ask(client, alice, "?level=loud").json["position"] == 0


def test_pages_follow_each_other_by_cursor_and_by_link(client: Client, alice: Tenant) -> None:
    first = ask(client, alice, "?limit=2")
    assert len(first.json["data"]) == 2
    cursor = first.json["next_cursor"]
    assert f"cursor={cursor}" in first.headers["Link"]
    link = first.headers["Link"].partition(">")[0].removeprefix("<")
    last = client.get(link, key=alice.query_key)
    assert len(last.json["data"]) == 1
    assert last.json["next_cursor"] is None
    assert "Link" not in last.headers


@pytest.mark.requirement("I4", "S29")
def test_a_cursor_of_another_project_or_query_is_refused(client: Client, alice: Tenant, mallory: Tenant) -> None:
    cursor = ask(client, alice, "?limit=1").json["next_cursor"]
    assert_problem(ask(client, mallory, f"?limit=1&cursor={cursor}"), 400, "cursor")
    assert_problem(ask(client, alice, f"?q=card&cursor={cursor}"), 400, "cursor")
    assert_problem(ask(client, alice, "?cursor=nonsense"), 400, "cursor")


def test_an_event_is_given_by_its_id_and_with_what_is_around_it(client: Client, alice: Tenant) -> None:
    event = ask(client, alice, "?q=accepted").json["data"][0]
    assert ask(client, alice, f"/{event['id']}").json == event
    around = ask(client, alice, f"/{event['id']}/context?same=service").json
    assert around["event"] == event
    assert [near["message"] for near in around["before"] + around["after"]] == ["card declined"]


def test_counts_have_the_shapes_that_clients_are_written_against(client: Client, alice: Tenant) -> None:
    timeline = ask(client, alice, "/timeline?buckets=10").json
    assert sum(sum(point["counts"].values()) for point in timeline["series"]) == 3
    assert timeline["bucket_ms"] >= 360_000
    facets = ask(client, alice, "/facets?fields=service,level").json["facets"]
    assert facets["service"] == [{"value": "shop", "count": 2}, {"value": "search", "count": 1}]
    groups = ask(client, alice, "/aggregate?by=service&metric=count").json["groups"]
    assert {"key": {"service": "shop"}, "value": 2} in groups


def test_what_arrives_is_followed_by_cursor(client: Client, alice: Tenant) -> None:
    cursor = ask(client, alice, "/tail").json["cursor"]
    client.post("/api/ingest", {"events": [{"message": "new"}]}, key=alice.ingest_key)
    news = ask(client, alice, f"/tail?cursor={cursor}").json
    assert [event["message"] for event in news["data"]] == ["new"]
    assert ask(client, alice, f"/tail?cursor={news['cursor']}").json["data"] == []


def test_everything_is_exported_as_lines_or_as_a_table(client: Client, alice: Tenant) -> None:
    lines = ask(client, alice, "/export")
    assert lines.headers["Content-Type"] == "application/x-ndjson"
    assert {json.loads(line)["message"] for line in lines.body.splitlines()} == {e["message"] for e in EVENTS}
    table = ask(client, alice, "/export?format=csv&q=built")
    assert table.headers["Content-Type"].startswith("text/csv")
    assert [row["service"] for row in csv.DictReader(io.StringIO(table.body.decode()))] == ["search"]


# --- who is asking ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("S5", "S27")
@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_nothing_is_read_and_an_ingest_key_reads_nothing(
    client: Client, alice: Tenant, path: str
) -> None:
    assert_problem(client.get(alice.logs + path), 401, "unauthorized")
    assert_problem(client.get(alice.logs + path, key=alice.ingest_key), 403, "forbidden")


@pytest.mark.requirement("S29", "I4")
@pytest.mark.parametrize("path", PATHS)
def test_anothers_project_is_not_told_from_one_that_does_not_exist(
    client: Client, alice: Tenant, mallory: Tenant, path: str
) -> None:
    nowhere = [f"/api/orgs/{org}/projects/{project}/logs" for org, project in (("none", "shop"), (alice.org, "none"))]
    answers = [client.get(logs + path, key=mallory.query_key) for logs in (alice.logs, *nowhere)]
    for answer in answers:
        assert_problem(answer, 404, "not-found")
    assert len({(answer.body, str(answer.headers)) for answer in answers}) == 1


@pytest.mark.requirement("S29", "I4")
def test_anothers_event_is_not_told_from_one_that_does_not_exist(
    client: Client, alice: Tenant, mallory: Tenant
) -> None:
    event_id = ask(client, alice).json["data"][0]["id"]
    foreign, unknown = (ask(client, mallory, f"/{text}") for text in (event_id, "nonsense"))
    assert_problem(foreign, 404, "not-found")
    assert foreign.body == unknown.body


@pytest.mark.requirement("S29", "I4")
def test_the_same_slug_elsewhere_is_another_project(client: Client, alice: Tenant, mallory: Tenant) -> None:
    assert mallory.project == alice.project
    assert found(client, mallory, "") == []


def test_what_nobody_declared_is_not_served(client: Client, alice: Tenant) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert_problem(client.send(method, alice.logs, key=alice.query_key), 405, "method-not-allowed")
    assert_problem(client.get("/api/nothing", key=alice.query_key), 404, "not-found")


def test_the_service_says_that_it_is_well_and_how_it_is_spoken_to(client: Client) -> None:
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.send("HEAD", "/healthz").status == 200
    described = client.get("/openapi.json").json["paths"]
    assert described.keys() == {each.path for each in declarations(app) if each.kind == "api"}

"""`POST /api/ingest` through the real app: what existing clients send, and what they are told."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.compression import zstd
from chalicelib.events.decode.coding import RECEIVED_LIMIT
from chalicelib.identity.key_ring import key_by_id, revoke_key
from chalicelib.identity.membership import Operator
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import EventsItem, TenantItem
from chalicelib.web.headers import SECURITY_HEADERS
from tests.api.client import Client, Response, Tenant

NOTHING = {"accepted": 0, "duplicates": 0, "rejected": []}


def stored(client: Client, tenant: Tenant, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{tenant.logs}?limit=1000&{query}", key=tenant.query_key)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def messages(client: Client, tenant: Tenant, query: str = "") -> list[str]:
    return sorted(event["message"] for event in stored(client, tenant, query))


def assert_problem(answer: Response, status: int, code: str) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert SECURITY_HEADERS.items() <= answer.headers.items()
    problem = answer.json
    assert (problem["status"], problem["type"]) == (status, f"urn:scrywatch:problem:{code}")
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.requirement("W1", "I1", "S34")
def test_a_batch_is_accepted_with_202_and_found(client: Client, alice: Tenant) -> None:
    answer = client.post("/api/ingest", {"events": [{"message": "one"}, {"message": "two"}]}, key=alice.ingest_key)
    assert (answer.status, answer.json) == (202, {"accepted": 2, "duplicates": 0, "rejected": []})
    assert messages(client, alice) == ["one", "two"]


@pytest.mark.requirement("S35")
def test_the_answer_has_the_headers_of_every_answer(client: Client, alice: Tenant) -> None:
    answer = client.post("/api/ingest", {"events": []}, key=alice.ingest_key)
    assert SECURITY_HEADERS.items() <= answer.headers.items()
    assert answer.headers["X-Request-Id"] == "gateway-request"


@pytest.mark.requirement("W1")
@pytest.mark.parametrize("body", [{"events": []}, []])
def test_a_batch_of_nothing_is_accepted_so_that_no_client_sends_it_again(
    client: Client, alice: Tenant, body: Any
) -> None:
    answer = client.post("/api/ingest", body, key=alice.ingest_key)
    assert (answer.status, answer.json) == (202, NOTHING)


@pytest.mark.requirement("W2")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "application/json"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "text/plain;charset=UTF-8"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"content-type": "application/vnd.anything+json"},
        {"Accept": "text/html"},
    ],
)
def test_json_is_read_whatever_it_is_called(client: Client, alice: Tenant, headers: dict[str, str]) -> None:
    answer = client.post("/api/ingest", {"events": [{"message": "x"}]}, key=alice.ingest_key, headers=headers)
    assert answer.status == 202
    assert messages(client, alice) == ["x"]


@pytest.mark.requirement("W2")
@pytest.mark.parametrize(
    ("compress", "headers"),
    [
        (gzip.compress, {"Content-Encoding": "gzip"}),
        (gzip.compress, {}),
        (zlib.compress, {"Content-Encoding": "deflate"}),
        (zstd.compress, {"Content-Encoding": "zstd"}),
        (zstd.compress, {"Content-Type": "application/zstd"}),
        (bytes, {"Content-Encoding": "gzip"}),
    ],
    ids=["gzip", "gzip unsaid", "deflate", "zstd", "zstd as a type", "inflated by the gateway"],
)
def test_a_compressed_batch_is_stored(
    client: Client, alice: Tenant, compress: Callable[[bytes], bytes], headers: dict[str, str]
) -> None:
    body = compress(b'{"events":[{"message":"small"}]}')
    assert client.post("/api/ingest", body, key=alice.ingest_key, headers=headers).status == 202
    assert messages(client, alice) == ["small"]


@pytest.mark.requirement("W5")
def test_lines_are_stored(client: Client, alice: Tenant) -> None:
    answer = client.post(
        "/api/ingest",
        b'{"message":"one"}\n{"message":"two"}\n',
        key=alice.ingest_key,
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert (answer.status, answer.json["accepted"]) == (202, 2)


@pytest.mark.requirement("W2")
def test_thousands_of_events_fit_into_a_request(client: Client, alice: Tenant) -> None:
    events = [{"message": f"event {number}", "user_id": f"u{number}"} for number in range(5000)]
    assert client.post("/api/ingest", {"events": events}, key=alice.ingest_key).json["accepted"] == 5000
    assert client.get(f"{alice.logs}/aggregate", key=alice.query_key).json["groups"][0]["value"] == 5000


@pytest.mark.requirement("W3")
def test_what_existing_clients_send_wrong_is_stored_and_kept(client: Client, alice: Tenant) -> None:
    event = {"timestamp": 0, "type": "", "level": "", "message": None, "metadata": [1], "build": 7}
    client.post("/api/ingest", {"device_id": "d1", "events": [event]}, key=alice.ingest_key)
    (found,) = stored(client, alice)
    assert (found["level"], found["type"], found["device_id"]) == ("info", "custom", "d1")
    assert found["metadata"] == {"0": 1, "build": 7, "_sent": {"timestamp": 0}}
    assert found["timestamp"] == found["received_at"]


@pytest.mark.requirement("I3")
def test_each_event_is_accepted_or_rejected_by_its_index(client: Client, alice: Tenant) -> None:
    body = b'{"events":[{"message":"good"}, 5, {"message":"\\ud800"}, {"timestamp":1000000000000,"message":"old"}]}'
    answer = client.post("/api/ingest", body, key=alice.ingest_key)
    assert answer.status == 202
    rejected = answer.json["rejected"]
    assert [(one["index"], one["reason"]) for one in rejected] == [
        (1, "not_an_object"),
        (2, "invalid_json"),
        (3, "too_old"),
    ]
    assert all(one["detail"] for one in rejected)
    assert answer.json["accepted"] + answer.json["duplicates"] + len(rejected) == 4
    assert messages(client, alice) == ["good"]


@pytest.mark.requirement("I3", "W6")
def test_a_batch_of_which_nothing_can_be_used_is_refused_with_the_same_list(client: Client, alice: Tenant) -> None:
    answer = client.post("/api/ingest", {"events": [1, None]}, key=alice.ingest_key)
    assert_problem(answer, 400, "nothing-stored")
    assert (answer.json["accepted"], answer.json["duplicates"]) == (0, 0)
    assert [one["index"] for one in answer.json["rejected"]] == [0, 1]


@pytest.mark.requirement("W6")
@pytest.mark.parametrize(
    ("body", "position"),
    [(b"", 0), (b'{"events":[', 11), (b"null", 0), (b'{"events":1}', None), (b"{}", None), (b"\x1f\x8b\x08", None)],
)
def test_a_body_that_is_no_batch_is_refused(client: Client, alice: Tenant, body: bytes, position: int | None) -> None:
    answer = client.post("/api/ingest", body, key=alice.ingest_key, headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, "body")
    assert answer.json.get("position") == position


@pytest.mark.requirement("W6")
@pytest.mark.parametrize(
    "headers", [{"Content-Type": "application/xml"}, {"Content-Type": "application/json", "Content-Encoding": "br"}]
)
def test_a_format_that_is_not_read_is_refused_by_its_name(
    client: Client, alice: Tenant, headers: dict[str, str]
) -> None:
    answer = client.post("/api/ingest", b"<events/>", key=alice.ingest_key, headers=headers)
    assert_problem(answer, 415, "media")
    assert "zstd" in answer.headers["Accept-Encoding"]


@pytest.mark.requirement("I9", "W6")
@pytest.mark.parametrize(
    "body", [b"[" + b" " * RECEIVED_LIMIT + b"]", gzip.compress(b"[" + b" " * (33 * 1024 * 1024) + b"]")]
)
def test_too_large_a_body_is_refused_with_the_limit(client: Client, alice: Tenant, body: bytes) -> None:
    answer = client.post("/api/ingest", body, key=alice.ingest_key)
    assert_problem(answer, 413, "too-large")
    assert str(answer.json["limit"]) in answer.json["detail"]


# --- sent again -------------------------------------------------------------------------------------------------------


def timed(client: Client, tenant: Tenant, message: str = "x") -> bytes:
    """A body whose events say when they happened: just now."""
    now = client.get(f"{tenant.logs}", key=tenant.query_key).json["to"]
    return json.dumps({"events": [{"timestamp": now, "message": message}]}).encode()


@pytest.mark.requirement("W4", "I2")
def test_a_batch_that_is_sent_again_is_stored_once_compressed_or_not(client: Client, alice: Tenant) -> None:
    body = timed(client, alice)
    answers = [client.post("/api/ingest", sent, key=alice.ingest_key) for sent in (body, body, gzip.compress(body))]
    assert [(answer.json["accepted"], answer.json["duplicates"]) for answer in answers] == [(1, 0), (0, 1), (0, 1)]
    assert {answer.status for answer in answers} == {202}
    assert messages(client, alice) == ["x"]


@pytest.mark.requirement("W4")
def test_an_idempotency_key_makes_one_batch_of_a_body_without_timestamps(client: Client, alice: Tenant) -> None:
    sent = [
        client.post(
            "/api/ingest", {"events": [{"message": "x"}]}, key=alice.ingest_key, headers={"Idempotency-Key": "k-1"}
        )
        for _ in range(2)
    ]
    assert [(answer.status, answer.json["duplicates"]) for answer in sent] == [(202, 0), (202, 1)]
    assert messages(client, alice) == ["x"]


@pytest.mark.requirement("W4", "W6")
def test_an_idempotency_key_with_another_body_is_refused(client: Client, alice: Tenant) -> None:
    one, other = (
        client.post(
            "/api/ingest", {"events": [{"message": text}]}, key=alice.ingest_key, headers={"Idempotency-Key": "k-1"}
        )
        for text in ("one", "other")
    )
    assert one.status == 202
    assert_problem(other, 422, "idempotency-key")
    assert messages(client, alice) == ["one"]


@pytest.mark.requirement("W4", "I4")
def test_an_idempotency_key_is_the_projects_own(client: Client, alice: Tenant, mallory: Tenant) -> None:
    for tenant, text in ((alice, "hers"), (mallory, "other")):
        answer = client.post(
            "/api/ingest", {"events": [{"message": text}]}, key=tenant.ingest_key, headers={"Idempotency-Key": "k"}
        )
        assert (answer.status, answer.json["accepted"]) == (202, 1)
    assert messages(client, alice) == ["hers"]


@pytest.mark.parametrize(
    "headers",
    [
        [("Idempotency-Key", "")],
        [("Idempotency-Key", "a b")],
        [("Idempotency-Key", "é")],
        [("Idempotency-Key", "x" * 256)],
        [("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    ],
)
def test_an_idempotency_key_that_is_none_is_refused(
    client: Client, alice: Tenant, headers: list[tuple[str, str]]
) -> None:
    answer = client.post("/api/ingest", {"events": [{}]}, key=alice.ingest_key, headers=headers)
    assert_problem(answer, 400, "header")
    assert messages(client, alice) == []


# --- who is asking ----------------------------------------------------------------------------------------------------


def assert_refused_and_nothing_stored(answer: Response) -> None:
    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert list(EventsItem.scan()) == []


@pytest.mark.requirement("S27")
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic dTpw", "Bearer nonsense", "Bearer scry_ing_" + "0" * 44, "scry_ing_"],
)
def test_without_a_key_that_works_nothing_is_stored(client: Client, alice: Tenant, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    assert_refused_and_nothing_stored(client.post("/api/ingest", {"events": [{}]}, headers=headers))


@pytest.mark.requirement("S27", "S26", "I5")
def test_a_revoked_key_stores_nothing(client: Client, alice: Tenant) -> None:
    revoke_key(key_by_id(alice.ingest_key[9:17]), by=Operator(), now=0)
    assert_refused_and_nothing_stored(client.post("/api/ingest", {"events": [{}]}, key=alice.ingest_key))


@pytest.mark.requirement("S39")
def test_the_keys_of_a_project_that_is_being_deleted_store_nothing(client: Client, alice: Tenant) -> None:
    row = TenantItem.get(keys.org_partition(alice.scope.org), keys.project_sort(alice.scope.project))
    row.state = "deleting"
    row.save()
    assert_refused_and_nothing_stored(client.post("/api/ingest", {"events": [{}]}, key=alice.ingest_key))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_written_in_any_case(client: Client, alice: Tenant, scheme: str) -> None:
    headers = {"authorization": f"{scheme}  {alice.ingest_key} "}
    assert client.post("/api/ingest", {"events": []}, headers=headers).status == 202


def test_two_authorizations_are_refused(client: Client, alice: Tenant, mallory: Tenant) -> None:
    headers = [("Authorization", f"Bearer {mallory.ingest_key}")]
    answer = client.post("/api/ingest", {"events": [{}]}, key=alice.ingest_key, headers=headers)
    assert_problem(answer, 400, "header")
    assert list(EventsItem.scan()) == []


@pytest.mark.requirement("S5")
def test_a_query_key_stores_nothing(client: Client, alice: Tenant) -> None:
    assert_problem(client.post("/api/ingest", {"events": [{}]}, key=alice.query_key), 403, "forbidden")
    assert list(EventsItem.scan()) == []


@pytest.mark.requirement("S27", "S28")
def test_the_body_cannot_choose_the_project(client: Client, alice: Tenant, mallory: Tenant) -> None:
    body = {"org": alice.org, "project": alice.project, "events": [{"message": "x", "project": alice.project}]}
    assert client.post("/api/ingest", body, key=mallory.ingest_key).status == 202
    assert messages(client, alice) == []
    assert messages(client, mallory) == ["x"]


@pytest.mark.requirement("I10", "S11")
def test_no_key_appears_in_an_answer_or_a_log(
    client: Client, alice: Tenant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG", logger="chalicelib")
    answers = [
        client.post("/api/ingest", {"events": [{}]}, key=alice.query_key),
        client.post("/api/ingest", b"{", key=alice.ingest_key),
        client.post("/api/ingest", {"events": [{}]}, key=alice.ingest_key[:-1] + "!"),
    ]
    monkeypatch.setattr(dynamodb, "transport", lambda *_: 1 / 0)
    answers.append(client.post("/api/ingest", {"events": [{}]}, key=alice.ingest_key))
    told = " ".join(f"{answer.headers} {answer.body!r}" for answer in answers) + caplog.text
    assert answers[-1].status == 500
    assert alice.ingest_key[17:] not in told
    assert alice.query_key[17:] not in told


# --- the store says no ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I1", "I12", "W6")
def test_a_store_that_says_no_is_503_with_retry_after_until_it_says_yes(
    client: Client, alice: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = timed(client, alice)
    real = dynamodb.transport

    def throttles_writes(endpoint: str, headers: dict[str, str], content: bytes) -> Reply:
        if headers["x-amz-target"].endswith(("PutItem", "UpdateItem")):
            return Reply(400, b'{"__type": "x#ProvisionedThroughputExceededException"}')
        return real(endpoint, headers, content)

    with monkeypatch.context() as fault:
        fault.setattr(dynamodb, "transport", throttles_writes)
        answer = client.post("/api/ingest", body, key=alice.ingest_key)
    assert_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert messages(client, alice) == []
    assert client.post("/api/ingest", body, key=alice.ingest_key).json["accepted"] == 1
    assert messages(client, alice) == ["x"]

"""An HTTP request becomes the event that API Gateway would send, and an answer the HTTP that it would make of it."""

import base64
from typing import Any

import pytest

from infra.proxy import AnswerMalformed, Request, Routes, answer, event

RESOURCES = ["/", "/api/ingest", "/orgs/{org}", "/orgs/{org}/logs", "/orgs/new", "/orgs/{org}/logs/{id}"]
BINARY = ["application/json", "application/gzip", "image/*"]


def event_of(request: Request, *, binary: list[str] = BINARY) -> dict[str, Any]:
    match = Routes(RESOURCES, stage="dev").match(request.path)
    assert match is not None
    return event(request, match, stage="dev", request_id="r-1", now=1_700_000_000.25, binary_types=binary)


def post(body: bytes = b"", **headers: str) -> Request:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method="POST", path="/api/ingest", headers=pairs, body=body)


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/api/ingest", "/api/ingest", {}),
        ("/api/ingest/", "/api/ingest", {}),
        ("//api/ingest", "/api/ingest", {}),
        ("/dev/api/ingest", "/api/ingest", {}),
        ("/dev//api/ingest", "/api/ingest", {}),
        ("/dev", "/", {}),
        ("/orgs/new", "/orgs/new", {}),
        ("/orgs/acme", "/orgs/{org}", {"org": "acme"}),
        ("/orgs/dev", "/orgs/{org}", {"org": "dev"}),
        ("/orgs/a%2Fb/logs", "/orgs/{org}/logs", {"org": "a/b"}),
        ("/orgs/a%20b/logs/%C3%BC", "/orgs/{org}/logs/{id}", {"org": "a b", "id": "ü"}),
        ("/orgs/100%25/logs", "/orgs/{org}/logs", {"org": "100%"}),
        ("/orgs/%252F/logs", "/orgs/{org}/logs", {"org": "%2F"}),
    ],
)
@pytest.mark.requirement("W1", "V1.1.1")
def test_a_path_finds_its_route_and_its_parameters_arrive_decoded_once(path, resource, parameters):
    match = Routes(RESOURCES, stage="dev").match(path)
    assert match is not None
    assert (match.resource, match.parameters) == (resource, parameters)


@pytest.mark.parametrize(
    "path",
    ["/nope", "/api", "/api/ingest/more", "/orgs//logs", "/prod/api/ingest", "/orgs/a/b/logs", "/api%2Fingest", ""],
)
def test_a_path_that_no_route_declares_finds_none(path):
    match = Routes(RESOURCES[1:], stage="dev").match(path)
    assert match is None


def test_the_event_has_the_shape_of_a_rest_api_event():
    found = event_of(
        Request(
            method="GET",
            path="/orgs/a%2Fb/logs",
            query="q=x",
            headers=(("host", "logs.example"), ("user-agent", "curl")),
            source="127.0.0.9",
        )
    )
    assert found == {
        "resource": "/orgs/{org}/logs",
        "path": "/orgs/a%2Fb/logs",
        "httpMethod": "GET",
        "headers": {
            "Host": "logs.example",
            "User-Agent": "curl",
            "X-Forwarded-For": "127.0.0.9",
            "X-Forwarded-Proto": "http",
        },
        "multiValueHeaders": {
            "Host": ["logs.example"],
            "User-Agent": ["curl"],
            "X-Forwarded-For": ["127.0.0.9"],
            "X-Forwarded-Proto": ["http"],
        },
        "queryStringParameters": {"q": "x"},
        "multiValueQueryStringParameters": {"q": ["x"]},
        "pathParameters": {"org": "a/b"},
        "stageVariables": None,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "logs.example",
            "extendedRequestId": "r-1",
            "httpMethod": "GET",
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "sourceIp": "127.0.0.9",
                "user": None,
                "userAgent": "curl",
                "userArn": None,
            },
            "path": "/orgs/a%2Fb/logs",
            "protocol": "HTTP/1.1",
            "requestId": "r-1",
            "requestTime": "14/Nov/2023:22:13:20 +0000",
            "requestTimeEpoch": 1_700_000_000_250,
            "resourceId": "/orgs/{org}/logs",
            "resourcePath": "/orgs/{org}/logs",
            "stage": "dev",
        },
        "body": None,
        "isBase64Encoded": False,
    }


def test_what_is_absent_is_null_as_on_aws():
    found = event_of(Request(method="GET", path="/"))
    absent = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert [found[name] for name in absent] == [None] * 5


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a=", {"a": [""]}),
        ("a", {"a": [""]}),
        ("q=level%3Aerror+%22a+b%22", {"q": ['level:error "a b"']}),
        ("a=1;b=2", {"a": ["1"], "b": ["2"]}),
        ("a=%3B", {"a": [";"]}),
        ("%C3%BC=%E2%82%AC", {"ü": ["€"]}),
        ("a=%FF", {"a": ["\ufffd"]}),
    ],
)
def test_query_values_arrive_decoded_and_all_of_them(query, values):
    found = event_of(Request(method="GET", path="/", query=query))
    assert found["multiValueQueryStringParameters"] == values
    assert found["queryStringParameters"] == {name: several[-1] for name, several in values.items()}


def test_of_a_repeated_header_the_map_has_the_last_and_the_list_all():
    found = event_of(Request(method="GET", path="/", headers=(("x-a", "1"), ("X-A", "2"))))
    assert found["headers"]["X-A"] == "2"
    assert found["multiValueHeaders"]["X-A"] == ["1", "2"]


def test_cookies_of_several_fields_arrive_as_one():
    found = event_of(Request(method="GET", path="/", headers=(("cookie", "a=1"), ("cookie", "b=2"))))
    assert found["multiValueHeaders"]["Cookie"] == ["a=1; b=2"]


def test_the_source_is_appended_to_what_a_client_claims_and_the_context_has_it_alone():
    found = event_of(Request(method="GET", path="/", headers=(("x-forwarded-for", "203.0.113.7"),)))
    assert found["headers"]["X-Forwarded-For"] == "203.0.113.7, 127.0.0.1"
    assert found["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_headers_of_the_connection_stay_behind():
    found = event_of(post(b"{}", connection="keep-alive", transfer_encoding="chunked", expect="100-continue"))
    assert set(found["headers"]) == {"X-Forwarded-For", "X-Forwarded-Proto"}


@pytest.mark.parametrize(
    ("headers", "is_binary"),
    [
        ({"content_type": "application/json"}, True),
        ({"content_type": "application/json; charset=utf-8"}, True),
        ({"content_type": "Application/JSON"}, True),
        ({}, True),
        ({"content_type": "image/png"}, True),
        ({"content_type": "text/plain"}, False),
        ({"content_type": "application/x-ndjson"}, False),
    ],
)
@pytest.mark.requirement("W2")
def test_bodies_of_binary_types_travel_as_base64_and_others_as_text(headers, is_binary):
    body = '{"é": 1}'.encode()
    found = event_of(post(body, **headers))
    assert found["isBase64Encoded"] is is_binary
    assert (base64.b64decode(found["body"]) if is_binary else found["body"].encode()) == body


def test_every_type_is_binary_to_an_api_that_says_so():
    assert event_of(post(b"\xff", content_type="text/x-unheard-of"), binary=["*/*"])["body"] == "/w=="


def test_bytes_that_are_not_text_are_lost_in_a_type_that_is_not_binary():
    assert event_of(post(b"a\xff", content_type="text/plain"))["body"] == "a\ufffd"


JSON = Request(method="GET", path="/", headers=(("accept", "application/json, */*"),))


def result(**changes: Any) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {}, "multiValueHeaders": {}, "body": "", **changes}


def test_repeated_headers_leave_as_several_and_win_over_single_ones():
    made = answer(JSON, result(headers={"A": "0", "B": "3"}, multiValueHeaders={"A": ["1", "2"]}), binary_types=BINARY)
    assert made.headers == [("A", "1"), ("A", "2"), ("B", "3"), ("Content-Type", "application/json")]


def test_a_base64_body_is_decoded_for_who_accepts_a_binary_type_first():
    made = answer(JSON, result(body="eyJhIjoxfQ==", isBase64Encoded=True), binary_types=BINARY)
    assert made.body == b'{"a":1}'


@pytest.mark.parametrize("accept", ["text/html, application/json", "*/*"])
def test_a_base64_body_stays_base64_for_who_accepts_another_type_first(accept):
    request = Request(method="GET", path="/", headers=(("accept", accept),))
    encoded = result(body="eyJhIjoxfQ==", isBase64Encoded=True)
    assert answer(request, encoded, binary_types=BINARY).body == b"eyJhIjoxfQ=="
    assert answer(request, encoded, binary_types=["*/*"]).body == b'{"a":1}'


def test_headers_that_the_gateway_keeps_for_itself_are_renamed():
    made = answer(JSON, result(headers={"WWW-Authenticate": "Bearer"}), binary_types=BINARY)
    assert ("x-amzn-Remapped-WWW-Authenticate", "Bearer") in made.headers


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body_have_none(status):
    assert answer(JSON, result(statusCode=status, body="x"), binary_types=BINARY).body == b""


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        [],
        {},
        result(statusCode="200"),
        result(statusCode=42),
        result(body={"a": 1}),
        result(body="*", isBase64Encoded=True),
        result(headers={"A": "1\r\nSet-Cookie: stolen=1"}),
        result(multiValueHeaders={"A": ["1\rB: 2"]}),
    ],
)
def test_what_is_no_answer_is_refused(malformed):
    with pytest.raises(AnswerMalformed):
        answer(JSON, malformed, binary_types=BINARY)

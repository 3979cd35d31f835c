"""What a route must declare before it is served, and how requests and answers pass through the door."""

import json
from typing import Any

import pytest

from app import app
from chalicelib.identity.permissions import READS, Permission
from chalicelib.web import responses
from chalicelib.web.application import Application
from chalicelib.web.headers import SECURITY_HEADERS
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes, RouteWrong, declarations
from infra.rules import route_conflicts


class Kept:
    """Handlers put here what they were given."""

    request: Request


def served(handler: Any) -> Application:
    routes = Routes(__name__)
    routes.public("/things/{id}", head=True)(handler)
    application = Application("test")
    application.register_blueprint(routes)
    return application


def event(**changed: Any) -> dict[str, Any]:
    context = {
        "resourcePath": "/things/{id}", "httpMethod": "GET", "path": "/stage/things/7", "requestId": "r-1",
        "identity": {"sourceIp": "192.0.2.7"},
    }  # fmt: skip
    context |= changed.pop("context", {})
    return {
        "requestContext": context, "headers": None, "multiValueHeaders": None, "multiValueQueryStringParameters": None,
        "pathParameters": {"id": "7"}, "stageVariables": None, "body": None, "isBase64Encoded": False,
    } | changed  # fmt: skip


def keeps(request: Request) -> Answer:
    Kept.request = request
    return responses.json({"ok": True})


def test_a_handler_gets_the_whole_request_as_one_frozen_value() -> None:
    sent = event(
        multiValueHeaders={"X-One": ["1"], "Accept": ["a", "b"]},
        multiValueQueryStringParameters={"q": ["x"], "twice": ["1", "2"]},
        body="aGVsbG8=",
        isBase64Encoded=True,
    )
    assert served(keeps)(sent, None)["statusCode"] == 200
    request = Kept.request
    assert (request.method, request.path, request.parameters) == ("GET", "/stage/things/7", {"id": "7"})
    assert (request.query, request.repeated) == ({"q": "x", "twice": "2"}, {"twice"})
    assert (request.headers, request.repeated_headers) == ({"x-one": "1", "accept": "b"}, {"accept"})
    assert (request.body, request.source, request.id) == (b"hello", "192.0.2.7", "r-1")
    with pytest.raises(AttributeError):
        request.method = "POST"  # type: ignore[misc]


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("headers", [None, {}, {"Accept": "text/plain"}, {"accept": ""}, {"Content-Type": "a/b"}])
def test_no_header_keeps_an_answer_from_its_client(headers: dict[str, str] | None) -> None:
    answer = served(keeps)(event(headers=headers), None)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)


def test_head_has_the_headers_of_get_and_no_body() -> None:
    answer = served(keeps)(event(context={"httpMethod": "HEAD"}), None)
    assert (answer["statusCode"], answer["body"]) == (200, "")
    assert answer["headers"]["Content-Type"] == "application/json"


def test_a_route_that_declares_no_permission_does_not_start() -> None:
    application = Application("test")
    with pytest.raises(RouteWrong, match="/naked"):
        application.route("/naked")(dict)
    with pytest.raises(TypeError, match="permission"):
        Routes(__name__).get("/forgotten")  # type: ignore[call-arg]


@pytest.mark.requirement("V3.5.3")
def test_a_get_that_could_change_something_does_not_start() -> None:
    with pytest.raises(RouteWrong, match="events:write"):
        Routes(__name__).get("/x", permission=Permission.EVENTS_WRITE)(lambda request, principal: responses.json({}))


def test_every_get_of_the_app_declares_a_permission_to_read() -> None:
    declared = declarations(app)
    assert len(declared) > 10
    assert all(each.permission in READS for each in declared if each.method in ("GET", "HEAD"))
    assert all(each.summary.endswith(".") for each in declared)


def test_the_routes_of_the_app_can_be_deployed() -> None:
    assert route_conflicts(app.routes) == []


@pytest.mark.requirement("S35", "W6")
@pytest.mark.parametrize(
    ("context", "status"),
    [
        ({"httpMethod": "PATCH"}, 405),
        ({"resourcePath": "/elsewhere"}, 404),
        ({"resourcePath": None}, 404),
    ],
)
def test_what_chalice_would_refuse_itself_is_a_problem_with_our_headers(context: dict[str, Any], status: int) -> None:
    answer = served(keeps)(event(context=context), None)
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert answer["headers"]["X-Request-Id"] == "r-1"
    assert SECURITY_HEADERS.items() <= answer["headers"].items()
    assert answer["headers"].get("Allow") == ("GET, HEAD" if status == 405 else None)


@pytest.mark.requirement("S35", "W6", "I10", "V16.5.1", "V16.5.4", "V16.3.4")
def test_a_fault_is_logged_and_its_text_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(request: Request) -> Answer:
        raise KeyError("a secret")

    answer = served(breaks)(event(), None)
    assert answer["statusCode"] == 500
    assert SECURITY_HEADERS.items() <= answer["headers"].items()
    assert "secret" not in str(decoded(answer))
    assert "breaks" in caplog.text


@pytest.mark.requirement("V16.5.4")
def test_a_fault_outside_of_handlers_is_a_problem_too(caplog: pytest.LogCaptureFixture) -> None:
    answer = served(lambda request: None)(event(), None)
    assert answer["statusCode"] == 500
    assert decoded(answer)["type"] == "urn:scrywatch:problem:fault"
    assert SECURITY_HEADERS.items() <= answer["headers"].items()


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\rb", "a\nb", "a\0b"])
def test_no_value_becomes_a_second_header(value: str) -> None:
    answer = served(lambda request: responses.json({}, headers={"X-Echo": value}))(event(), None)
    assert answer["statusCode"] == 500
    assert "X-Echo" not in answer["headers"]


def test_an_answers_own_headers_win_over_those_of_every_answer() -> None:
    answer = served(lambda request: responses.json({}, headers={"cache-control": "public"}))(event(), None)
    assert answer["headers"]["cache-control"] == "public"
    assert "Cache-Control" not in answer["headers"]


def test_time_left_bounds_the_deadline() -> None:
    class Context:
        aws_request_id = "f-1"

        def get_remaining_time_in_millis(self) -> int:
            return 5_000

    served(keeps)(event(context={"requestId": None}), Context())
    assert Kept.request.id == "f-1"
    assert Kept.request.deadline_within(3600) == Kept.request.deadline
    assert Kept.request.deadline_within(0) < Kept.request.deadline


def decoded(answer: dict[str, Any]) -> Any:
    import base64

    return json.loads(base64.b64decode(answer["body"]))

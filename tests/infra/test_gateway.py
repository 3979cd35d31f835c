"""The gateway over real HTTP, in front of a small app: limits, error bodies, preflights, threads."""

import http.client
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chalice import Chalice, CORSConfig, IAMAuthorizer, Response

from infra.gateway import LARGEST_EVENT, LARGEST_REQUEST, Gateway, PortBusy, claim, serving

OURS = {"X-Content-Type-Options": "nosniff", "Content-Type": "application/json"}
GIVEN_UP = threading.Event()
MEETING = threading.Barrier(8)

app = Chalice("small", configure_logs=False)
app.api.binary_types = ["application/json", "application/octet-stream"]


@app.route("/echo/{name}", methods=["GET", "HEAD", "POST"], content_types=["*/*"])
def echo(name: str) -> Any:
    return app.current_request.to_original_event()


@app.route("/size", methods=["POST"], cors=CORSConfig(allow_origin="*", allow_headers=["X-Own"], max_age=600))
def size() -> Any:
    return {"size": len(app.current_request.raw_body)}


@app.route("/large")
def large() -> Any:
    return Response("x" * (LARGEST_EVENT + 1), headers={"Content-Type": "text/plain"})


@app.route("/stuck")
def stuck() -> Any:
    GIVEN_UP.wait()
    return {}


@app.route("/injection")
def injection() -> Any:
    return Response("", headers={"X-A": ["1\r\nSet-Cookie: stolen=1"]})


@app.route("/meeting/{number}")
def meeting(number: str) -> Any:
    MEETING.wait()
    return {"number": app.current_request.uri_params["number"], "is_local": app.lambda_context.aws_request_id}


@app.route("/time-left")
def time_left() -> Any:
    return {"milliseconds": app.lambda_context.get_remaining_time_in_millis()}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Gateway(app, stage="dev", headers=OURS)) as url:
        yield url


Answered = tuple[int, dict[str, str], bytes]


def ask(url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answered:
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    chunked = body is not None and not isinstance(body, bytes)
    accepting = {"Accept": "application/json", "Content-Type": "application/json"} | (headers or {})
    connection.request(method, path, body, accepting, encode_chunked=chunked)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def test_a_chunked_body_arrives_whole(url):
    assert ask(url, "POST", "/size", iter([b"[1,", b"2", b"]"]))[2] == b'{"size":5}'


def test_an_encoded_slash_reaches_the_function_as_a_slash(url):
    status, _, body = ask(url, "GET", "/echo/a%2Fb")
    assert (status, json.loads(body)["pathParameters"]) == (200, {"name": "a/b"})


@pytest.mark.requirement("W1")
@pytest.mark.parametrize("path", ["//size", "/dev/size", "/dev//size"])
def test_doubled_slashes_and_the_stage_lead_to_the_route_without_a_redirect(url, path):
    assert ask(url, "POST", path, b"{}")[0] == 200


def test_head_has_the_headers_and_no_body(url):
    status, headers, body = ask(url, "HEAD", "/echo/a")
    assert (status, headers["content-type"], body) == (200, "application/json", b"")


@pytest.mark.requirement("S35")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nope"), ("DELETE", "/size"), ("HEAD", "/size"), ("OPTIONS", "/echo/a"), ("OPTIONS", "/x")],
)
def test_what_is_not_declared_is_refused_in_the_gateways_words_with_our_headers(url, method, path):
    status, headers, body = ask(url, method, path)
    assert status == 403
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert body == (b"" if method == "HEAD" else b'{"message": "Missing Authentication Token"}')


@pytest.mark.requirement("W2")
def test_a_preflight_is_answered_from_the_routes_cors_without_asking_the_function(url):
    status, headers, body = ask(url, "OPTIONS", "/size", headers={"Origin": "https://app.example"})
    assert (status, body) == (200, b"")
    assert headers["access-control-allow-methods"] == "POST,OPTIONS"
    assert headers["access-control-allow-origin"] == "*"
    assert "X-Own" in headers["access-control-allow-headers"]


@pytest.mark.requirement("I9", "V5.2.1")
def test_more_than_ten_megabytes_are_refused_before_they_are_read(url):
    with socket.create_connection(url.removeprefix("http://").split(":")) as connection:
        connection.sendall(f"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: {LARGEST_REQUEST + 1}\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.requirement("I9")
def test_a_chunked_body_is_refused_when_it_passes_ten_megabytes(url):
    with socket.create_connection(url.removeprefix("http://").split(":")) as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"%x\r\n" % (LARGEST_REQUEST + 1) + bytes(LARGEST_REQUEST + 1) + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")  # before the chunk that would end it


@pytest.mark.requirement("W2")
@pytest.mark.parametrize(("megabytes", "status"), [(4, 200), (5, 413)])
def test_the_functions_six_megabytes_hold_four_in_base64(url, megabytes, status):
    assert ask(url, "POST", "/size", bytes(megabytes * 1_000_000))[0] == status


def test_an_answer_above_six_megabytes_is_a_failure_of_the_function(url):
    status, headers, body = ask(url, "GET", "/large")
    assert (status, body) == (502, b'{"message": "Internal server error"}')
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.requirement("V1.2.1")
def test_a_header_with_a_line_break_never_reaches_the_wire(url):
    status, headers, _ = ask(url, "GET", "/injection")
    assert (status, headers.get("set-cookie")) == (502, None)


def test_headers_above_the_quota_are_refused(url):
    assert ask(url, "GET", "/echo/a", headers={"X-Large": "x" * 11_000})[0] == 413


def test_a_function_that_takes_too_long_is_given_up_and_named_as_such():
    with serving(Gateway(app, stage="dev", headers=OURS, seconds=0.05)) as url:
        status, _, body = ask(url, "GET", "/stuck")
        GIVEN_UP.set()
    assert (status, body) == (504, b'{"message": "Endpoint request timed out"}')


@pytest.mark.requirement("V15.4.1")
def test_requests_that_run_at_once_do_not_see_each_other(url):
    with ThreadPoolExecutor(8) as clients:
        answers = clients.map(lambda number: ask(url, "GET", f"/meeting/{number}"), range(8))
        found = [json.loads(body) for _, _, body in answers]
    assert [answer["number"] for answer in found] == list("01234567")
    assert len({answer["is_local"] for answer in found}) == 8


def test_the_function_knows_how_much_time_it_has(url):
    assert 0 < json.loads(ask(url, "GET", "/time-left")[2])["milliseconds"] <= 29_000


def test_one_connection_serves_many_requests(url):
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.connect()
    socket_of_the_first = connection.sock
    for number in range(3):
        connection.request("GET", f"/echo/{number}", headers={"Accept": "application/json"})
        assert connection.getresponse().read()
    assert connection.sock is socket_of_the_first
    connection.close()


def test_no_answer_names_the_server(url):
    assert ask(url, "GET", "/echo/a")[1].get("server", "") == ""


@pytest.mark.requirement("I10")
def test_the_access_log_has_the_path_and_not_the_query(url, caplog):
    with caplog.at_level(logging.INFO, logger="infra.access"):
        ask(url, "GET", "/echo/a?q=confidential")
        ask(url, "GET", "/echo/b")  # the first is logged before the second is answered
    assert re.search(r"127\.0\.0\.1 GET /echo/a 200 \d+ bytes", caplog.text)
    assert "confidential" not in caplog.text


def test_a_port_that_is_in_use_is_refused(url):
    port = int(url.rpartition(":")[2])
    with pytest.raises(PortBusy, match=f"port {port} is in use"):
        claim(port)


def test_an_app_that_relies_on_what_only_aws_enforces_is_refused():
    guarded = Chalice("guarded", configure_logs=False)
    guarded.route("/secret", authorizer=IAMAuthorizer())(dict)
    with pytest.raises(ValueError, match="/secret"):
        Gateway(guarded, stage="dev", headers={})


def test_a_request_under_way_is_finished_when_the_server_stops():
    arrived, released = threading.Event(), threading.Event()
    waiting = Chalice("waiting", configure_logs=False)

    def wait() -> Any:
        arrived.set()
        released.wait()
        return {"finished": True}

    waiting.route("/wait")(wait)
    with ThreadPoolExecutor(1) as client:
        with serving(Gateway(waiting, stage="dev", headers={})) as url:
            asked = client.submit(ask, url, "GET", "/wait")
            arrived.wait()
            threading.Timer(0.05, released.set).start()
        assert asked.result()[2] == b'{"finished":true}'

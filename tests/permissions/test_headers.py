"""The security headers, on whatever answer there is: each route, each refusal, and what the gateway says by itself."""

import http.client
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app import app
from chalicelib.storage import dynamodb
from chalicelib.storage.limits import LimitReached
from chalicelib.web import limiting
from chalicelib.web.headers import SECURITY_HEADERS
from infra.gateway import Gateway, serving
from tests.api.client import Client, Response
from tests.permissions.cast import NOBODY, Tenant, holder, signed_in, undone
from tests.permissions.routes import ROUTES, path, title
from tests.permissions.test_matrix import asked

FOR_PAGES = {"Content-Security-Policy", "Referrer-Policy"}
"""What a page says in its own words."""
FOR_FILES = {"Cache-Control"}
OPEN = ("/openapi.json", "/.well-known/")
"""Documents that are the same for everybody."""


def missing(answer: Response) -> list[str]:
    """What the answer lacks of the headers that every answer has."""
    own = FOR_PAGES if "text/html" in answer.headers.get("Content-Type", "") else set()
    wanted = {name: value for name, value in SECURITY_HEADERS.items() if name not in own | FOR_FILES}
    lacking = [name for name, value in wanted.items() if answer.headers.get(name) != value]
    policy = answer.headers.get("Content-Security-Policy", "")
    if not policy.startswith("default-src 'none'; ") or "require-trusted-types-for 'script'" not in policy:
        lacking.append("a policy from 'none' with trusted types")
    if "unsafe" in policy or "*" in policy or "http" in policy:
        lacking.append("a policy without exceptions")
    if "Server" in answer.headers or "X-Powered-By" in answer.headers:
        lacking.append("silence about what runs here")
    return lacking + [
        name for name in ("Cache-Control", "X-Request-Id", "Referrer-Policy") if name not in answer.headers
    ]


@pytest.mark.requirement(
    "S35", "V3.2.1", "V3.4.1", "V3.4.3", "V3.4.4", "V3.4.5", "V3.4.6", "V3.4.8", "V3.5.8", "V14.3.2"
)
@pytest.mark.parametrize("name", ["nobody", "member", "owner", "ingest key", "query key", "a bad key", "connection"])
def test_every_route_has_them_whatever_it_answers(name: str, acme: Tenant) -> None:
    who = {
        "nobody": lambda: NOBODY,
        "member": lambda: signed_in(name, acme.member),
        "owner": lambda: signed_in(name, acme.owner),
        "ingest key": lambda: holder(name, acme.ingest_key),
        "query key": lambda: holder(name, acme.query_key),
        "connection": lambda: holder(name, acme.connection.access_token),
        "a bad key": lambda: holder(name, "scry_qry_bad"),
    }[name]()
    wrong = []
    for route in ROUTES:
        with undone(route.method):
            answer = asked(who, route, acme)
        if lacking := missing(answer):
            wrong.append((title(route), answer.status, lacking))
        private = name in ("member", "owner") and route.kind != "file" and not route.path.startswith(OPEN)
        if private and "no-store" not in answer.headers["Cache-Control"]:
            wrong.append((title(route), answer.status, "kept in a cache"))
    assert wrong == []


@pytest.mark.requirement("S35")
@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"])
def test_methods_that_are_not_there_have_them_too(method: str, acme: Tenant) -> None:
    for route in ROUTES:
        if method not in app.routes[route.path]:
            answer = Client().send(method, path(route, acme))
            assert (answer.status, missing(answer)) == (405, []), f"{method} {route.path}"


@pytest.mark.requirement("S35", "V16.5.2")
def test_faults_and_a_store_that_is_away_have_them_too(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = signed_in("owner", acme.owner)

    def away(*_: Any) -> Any:
        raise OSError

    def broken(*_: Any) -> Any:
        raise KeyError

    for transport, statuses in ((away, {200, 303, 403, 413, 415, 422, 503}), (broken, {200, 303, 403, 415, 422, 500})):
        monkeypatch.setattr(dynamodb, "transport", transport)
        monkeypatch.setattr(dynamodb, "pause", lambda _: None)
        for route in ROUTES:
            answer = asked(owner, route, acme)
            assert missing(answer) == [], title(route)
            of_programs = {204, 401} if route.kind == "mcp" else set()
            remembered = {503} if route.path.startswith("/status") else set()  # for ten seconds
            assert answer.status in statuses | of_programs | remembered, (title(route), answer.status)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Gateway(app, stage="api", headers=SECURITY_HEADERS)) as url:
        yield int(url.rpartition(":")[2])


@pytest.mark.requirement("S35")
@pytest.mark.parametrize(
    ("method", "where", "headers", "status"),
    [
        ("GET", "/nowhere", {}, 403),
        ("DELETE", "/api/ingest", {}, 403),
        ("POST", "/api/ingest", {"Content-Length": "99999999"}, 413),
        ("GET", "/healthz", {"X-Large": "x" * 20_000}, 413),
        ("OPTIONS", "/api/ingest", {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}, 200),
    ],
)
def test_what_the_gateway_says_by_itself_has_them(
    port: int, method: str, where: str, headers: Mapping[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest(method, where)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == status
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value, name


@pytest.mark.requirement("S36", "S35")
def test_a_limit_that_is_reached_is_told_on_every_route_with_when_to_come_back(
    acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any, name: str, __: Any) -> None:
        raise LimitReached(name, 7)

    monkeypatch.setattr(limiting, "_count", full)
    for who in (NOBODY, signed_in("owner", acme.owner), holder("key", acme.query_key), holder("key", "scry_qry_bad")):
        for route in ROUTES:
            answer = asked(who, route, acme)
            assert (answer.status, answer.headers["Retry-After"]) == (429, "7"), title(route)
            assert answer.headers["RateLimit"] == '"requests";r=0;t=7'
            assert "w=60" in answer.headers["RateLimit-Policy"]
            assert missing(answer) == [], title(route)

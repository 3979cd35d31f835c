"""`Server-Timing`: what an answer says of the time it took, and where it says nothing."""

import re
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app import app
from chalicelib.identity import passwords
from chalicelib.identity.permissions import Permission
from chalicelib.ids import HOUR_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Reply
from chalicelib.web.routing import declarations
from chalicelib.web.timing import OPEN, SILENT, is_told
from tests.api.client import Client, Response, Tenant, new_tenant
from tests.pages.visitor import ORIGIN, Visitor

NUMBER = r"\d+\.\d"
OF_AN_API = re.compile(rf'app;dur={NUMBER}, store;dur={NUMBER};desc="(\d+) calls?"')
OF_A_PAGE = re.compile(rf'app;dur={NUMBER}, store;dur={NUMBER};desc="(\d+) calls?", render;dur={NUMBER}')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def shop(moto_store: None) -> Tenant:
    return new_tenant("acme", "shop")


@pytest.fixture
def carried(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that were sent to the store."""
    seen: list[str] = []
    carry = dynamodb.transport

    def carrying(endpoint: str, headers: dict[str, str], body: bytes) -> Reply:
        seen.append(headers["x-amz-target"])
        return carry(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", carrying)
    return seen


@pytest.fixture
def ada(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> Visitor:
    """Signed in, with an organisation and a project."""
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=8, passes=1))
    visitor = Visitor()
    visitor.opens("/sign-up")
    visitor.sends("/sign-up", name="Ada", email="ada@example.com", password="seven turtles dance", org_name="Acme")
    return visitor


def timing(answer: Response) -> str:
    return answer.headers.get("Server-Timing", "")


def calls(answer: Response) -> int:
    said = OF_AN_API.fullmatch(timing(answer))
    assert said, timing(answer)
    return int(said[1])


def test_an_answer_says_how_long_it_took_and_how_many_calls_it_made(shop: Tenant, carried: list[str]) -> None:
    answer = Client().get(shop.logs, key=shop.query_key)

    assert answer.status == 200
    assert calls(answer) == len(carried) > 1


def test_calls_that_were_made_side_by_side_are_counted_too(shop: Tenant, carried: list[str]) -> None:
    now = time.time_ns() // 1_000_000
    hours = [{"timestamp": now - hour * HOUR_MS, "message": f"of hour {hour}"} for hour in range(12)]
    sent = Client().post("/api/ingest", {"events": hours}, key=shop.ingest_key)
    assert calls(sent) == len(carried) > 12
    carried.clear()

    found = Client().get(f"{shop.logs}?from={now - 12 * HOUR_MS}&to={now + 1}", key=shop.query_key)

    assert len(found.json["data"]) == 12
    assert calls(found) == len(carried) > 24  # each hour's merged blocks, and its others


def test_what_one_request_spent_is_not_counted_for_the_next(shop: Tenant) -> None:
    first, second = (calls(Client().get(f"{shop.logs}?since=1h", key=shop.query_key)) for _ in range(2))

    assert 0 < second <= first


def test_a_page_says_how_long_its_making_took(ada: Visitor) -> None:
    for path in ("/", "/orgs/acme", "/orgs/acme/projects/app/explore", "/orgs/acme/projects/app/keys"):
        assert OF_A_PAGE.fullmatch(timing(ada.opens(path))), path


def test_a_document_that_asks_the_store_for_nothing_says_so(moto_store: None) -> None:
    assert calls(Client().get("/openapi.json")) <= 1  # the visitor is counted


@pytest.mark.requirement("S18")
def test_ways_in_say_nothing(ada: Visitor) -> None:
    credentials = {"email": "ada@example.com", "password": "seven turtles dance"}
    client = Client()
    known = {"Origin": ORIGIN, "Content-Type": "application/json"}
    answers = [
        client.post("/api/auth/login", credentials, headers=known),
        client.post("/api/auth/login", credentials | {"password": "another"}, headers=known),
        client.post("/api/auth/register", credentials | {"name": "A", "orgName": "B"}, headers=known),
        client.post("/oauth/token", urlencode({"grant_type": "refresh_token"}).encode(), headers=FORM),
        client.get("/reset"),
        client.get("/invitation?token=x"),
        client.get("/confirm?token=x"),
    ]

    assert 200 in [answer.status for answer in answers]
    assert [timing(answer) for answer in answers] == [""] * len(answers)


@pytest.mark.requirement("S18")
def test_of_public_routes_only_those_speak_that_find_nothing_out_about_anybody() -> None:
    public = [route for route in declarations(app) if route.permission is Permission.PUBLIC]

    assert {route.path for route in public if is_told(route, 200)} == OPEN


def test_the_security_page_names_them() -> None:
    said = (
        (Path(__file__).parents[2] / "docs" / "security.md").read_text().partition("## Time\n")[2].partition("\n## ")[0]
    )

    [named] = [item for item in said.split("\n- ") if item.startswith("of public routes only")]
    assert set(re.findall(r"`(/[^`]*)`", named)) == OPEN


def test_what_may_speak_and_what_must_not_are_routes_that_there_are() -> None:
    assert {route.path for route in declarations(app)} >= OPEN | SILENT


@pytest.mark.requirement("S29")
def test_a_refusal_says_nothing_that_tells_organisations_of_others_from_none(ada: Visitor) -> None:
    new_tenant("rivals", "shop")

    theirs, nobodys = (Client().get(f"/api/orgs/{org}", headers=_cookies(ada)) for org in ("rivals", "nobody"))

    assert (theirs.status, nobodys.status) == (404, 404)
    assert (timing(theirs), timing(nobodys)) == ("", "")


def test_neither_a_page_that_leads_elsewhere_nor_a_refused_method_says_anything(moto_store: None) -> None:
    answers = [Client().get("/account"), Client().send("DELETE", "/api/ingest"), Client().get("/nowhere")]

    assert [answer.status for answer in answers] == [303, 405, 404]
    assert [timing(answer) for answer in answers] == ["", "", ""]


def test_a_change_says_nothing() -> None:
    reading = (Permission.EVENTS_READ, Permission.EVENTS_WRITE)
    changes = [route for route in declarations(app) if route.method != "GET" and route.permission not in reading]

    assert len(changes) > 50
    assert not any(is_told(route, 200) for route in changes)


@pytest.mark.parametrize("status", [304, 303, 401, 404, 422, 429, 503])
def test_only_what_succeeded_says_anything(status: int) -> None:
    assert not any(is_told(route, status) for route in declarations(app))


def _cookies(visitor: Visitor) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())}

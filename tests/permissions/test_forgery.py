"""Every route that changes something, with requests that a browser could be talked into: none of them does anything."""

import json
from collections.abc import Mapping

import pytest

from chalicelib.identity.permissions import Permission
from chalicelib.web import csrf
from chalicelib.web.bodies import FORM
from chalicelib.web.cookies import PRE, SESSION
from chalicelib.web.declaration import Declaration
from tests.api.client import Client, Response
from tests.permissions import examples
from tests.permissions.cast import ORIGIN, Somebody, Tenant, forget_limits, signed_in, stored
from tests.permissions.routes import ROUTES, path, title
from tests.permissions.test_matrix import problem

UNSAFE = [route for route in ROUTES if route.method not in csrf.SAFE_METHODS]
OF_PEOPLE = [
    route
    for route in UNSAFE
    if route.permission not in (Permission.PUBLIC, Permission.EVENTS_WRITE) and route.kind != "mcp"
]
OPEN = [route for route in UNSAFE if route.permission is Permission.PUBLIC and not route.ignores_cookies]
WITHOUT_COOKIES = [route for route in UNSAFE if route.ignores_cookies or route.kind == "mcp"]

JSON = {"Content-Type": "application/json"}
HERE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


def forgeries(owner: Somebody, stranger: Somebody) -> Mapping[str, Mapping[str, str]]:
    """By name: headers of a request with the victim's cookie."""
    right = {"X-CSRF-Token": csrf.token(owner.binding, csrf.API)}
    cookie = dict(owner.headers)
    return {
        "no token": JSON | HERE | cookie,
        "an empty token": JSON | HERE | cookie | {"X-CSRF-Token": ""},
        "a made-up token": JSON | HERE | cookie | {"X-CSRF-Token": "A" * 43},
        "the token of somebody else": JSON | HERE | cookie | {"X-CSRF-Token": csrf.token(stranger.binding, csrf.API)},
        "the token of a form": JSON | HERE | cookie | {"X-CSRF-Token": csrf.token(owner.binding, csrf.FORM)},
        "another site": JSON | cookie | right | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        "a neighbouring site": JSON | cookie | right | {"Sec-Fetch-Site": "same-site"},
        "a frame without origin": JSON | cookie | right | {"Origin": "null"},
        "an old browser": JSON | cookie | right,
        "a form of another site": {"Content-Type": FORM, "Origin": "https://evil.example"} | cookie,
        "text that looks like JSON": {"Content-Type": "text/plain", "Origin": ORIGIN} | cookie,
    }


@pytest.mark.requirement("S22", "V3.5.1", "V3.5.2")
def test_no_forged_request_changes_anything(acme: Tenant, evil: Tenant) -> None:
    owner, stranger = signed_in("owner", acme.owner), signed_in("stranger", evil.owner)
    before, wrong = lasting(), []
    for name, headers in forgeries(owner, stranger).items():
        forget_limits()
        for route in OF_PEOPLE:
            answer = Client().send(route.method, path(route, acme), body=_body(route), headers=dict(headers))
            if answer.status != 403:
                wrong.append((name, title(route), answer.status))
    assert wrong == []
    assert lasting() == before


@pytest.mark.requirement("S22", "V3.5.2")
def test_a_forged_sign_in_signs_nobody_in(acme: Tenant) -> None:
    """No cookie is needed to sign a victim in to the attacker's account: where it comes from decides alone."""
    for route in OPEN:
        for headers in (
            JSON | {"Origin": "https://evil.example"},
            JSON | {"Sec-Fetch-Site": "cross-site"},
            {"Content-Type": FORM},
            {"Content-Type": "text/plain"},
            JSON | {"Cookie": "a=b"},
        ):
            answer = Client().send(route.method, path(route, acme), body=_body(route), headers=headers)
            assert (answer.status, problem(answer)) in ((403, "csrf"), (403, "forbidden")), title(route)
            assert "Set-Cookie" not in answer.headers or SESSION not in str(answer.headers["Set-Cookie"])


@pytest.mark.requirement("S22", "O29")
def test_where_cookies_mean_nothing_they_change_nothing(acme: Tenant) -> None:
    """These routes need no token against forgery: what a browser adds by itself is not looked at."""
    owner = signed_in("owner", acme.owner)
    both = dict(owner.headers) | HERE | {"X-CSRF-Token": csrf.token(owner.binding, csrf.API)}
    for route in WITHOUT_COOKIES:
        before = lasting()
        answers = [
            Client().send(route.method, path(route, acme), body=b"{}", headers=JSON | headers)
            for headers in (HERE, both)
        ]  # fmt: skip
        assert (answers[0].status, answers[0].body) == (answers[1].status, answers[1].body), title(route)
        assert answers[0].status in (400, 401, 415), title(route)
        assert lasting() == before


@pytest.mark.requirement("S22")
def test_a_form_before_sign_in_needs_the_token_that_its_page_had(acme: Tenant) -> None:
    for route in (each for each in OPEN if each.kind == "form"):
        binding = csrf.new_binding()
        for cookies, token in (
            ({}, csrf.token(binding, csrf.FORM)),
            ({"Cookie": f"{PRE}={csrf.new_binding()}"}, csrf.token(binding, csrf.FORM)),
            ({"Cookie": f"{PRE}={binding}"}, ""),
            ({"Cookie": f"{PRE}={binding}"}, csrf.token(binding, csrf.API)),
        ):
            headers = HERE | {"Content-Type": FORM} | cookies
            answer = Client().send("POST", path(route, acme), body=f"csrf_token={token}".encode(), headers=headers)
            assert answer.status == 403, title(route)


@pytest.mark.requirement("S22")
def test_beside_a_key_the_cookie_counts_for_nothing(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    both = dict(owner.headers) | HERE | {"X-CSRF-Token": csrf.token(owner.binding, csrf.API)}
    wrong = []
    for route in [each for each in ROUTES if each.permission is not Permission.PUBLIC]:
        for key in (acme.query_key, "scry_qry_nonsense"):
            alone = _sent(route, acme, {"Authorization": f"Bearer {key}"})
            beside = _sent(route, acme, both | {"Authorization": f"Bearer {key}"})
            # What is found says from when to when it was looked for, which differs.
            same = alone.status == beside.status and (alone.status < 300 or alone.body == beside.body)
            if not same:
                wrong.append((title(route), key[:8], alone.status, beside.status))
    assert wrong == []


@pytest.mark.requirement("S22")
def test_who_sends_events_needs_no_token(acme: Tenant) -> None:
    sent = Client().post("/api/ingest", {"events": []}, key=acme.ingest_key, headers={"Origin": "https://shop.example"})
    assert sent.status == 202


def _sent(route: Declaration, tenant: Tenant, headers: Mapping[str, str]) -> Response:
    return Client().send(route.method, path(route, tenant), body=_body(route), headers={**JSON, **headers})


def _body(route: Declaration) -> bytes:
    return json.dumps(examples.body(route) or {}).encode()


def lasting() -> dict[str, object]:
    """All that is stored, but for how often somebody asked."""
    return {name: rows for name, rows in stored().items() if name != "limits"}

"""What requests hold that no client of ours sends: fields that would give power, text that would become a header, sizes
that would cost. Every route is tried, with what it declares."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from msgspec import Struct

from chalicelib.identity.permissions import Permission
from chalicelib.web import csrf
from chalicelib.web.bodies import FORM, LARGEST
from chalicelib.web.cookies import DEVICE, PRE, SESSION
from chalicelib.web.declaration import Declaration
from chalicelib.web.routing import RouteWrong
from tests.api.client import Client, Response
from tests.permissions import examples
from tests.permissions.cast import NOBODY, ORIGIN, Somebody, Tenant, holder, signed_in, undone
from tests.permissions.routes import ROUTES, named, path, title
from tests.permissions.test_forgery import lasting

ACCOUNT_BODIES = [route for route in ROUTES if isinstance(route.body, type) and route.kind == "api"]
FORMS = [route for route in ROUTES if route.kind == "form"]
POWER: dict[str, Any] = {
    "role": "owner", "is_admin": True, "org": "evil", "org_id": "00" * 8, "user": "00" * 8, "user_id": "x",
    "project": "laboratory", "kind": "query", "epoch": 0, "confirmed_at": 1, "password_hash": "x", "__proto__": {},
}  # fmt: skip
SECRETS = {"password", "current", "code", "token", "challenge"}
"""Fields that may hold any character."""
INJECTED = "x\r\nX-Injected: 1\r\nSet-Cookie: a=b"


@pytest.mark.requirement("S30", "S31", "V8.2.3", "V15.3.3")
def test_no_body_takes_a_field_that_it_does_not_name(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    before, wrong = lasting(), []
    for route in ACCOUNT_BODIES:
        right = examples.body(route) or {}
        for name in POWER.keys() - right.keys():
            answer = owner.send(route.method, path(route, acme), right | {name: POWER[name]})
            if (answer.status, answer.json.get("field")) != (422, name):
                wrong.append((title(route), name, answer.status))
    for route in FORMS:
        answer = owner.post_form(path(route, acme), {**_texts(route), "is_admin": "1"})
        if answer.status != 400:
            wrong.append((title(route), "is_admin", answer.status))
    assert wrong == []
    assert lasting() == before


@pytest.mark.requirement("S30", "V8.2.3", "V15.3.3")
def test_a_route_whose_body_would_take_unknown_fields_does_not_start() -> None:
    class Loose(Struct):
        name: str

    with pytest.raises(RouteWrong, match="forbid"):
        Declaration(
            method="POST", path="/x", permission=Permission.ACCOUNT_WRITE, summary="", description="", body=Loose
        )


@pytest.mark.requirement("I9", "V2.2.1", "V2.2.2")
def test_bodies_that_are_too_long_or_say_things_twice_are_refused(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    proof = {**owner.headers, "Origin": ORIGIN, "X-CSRF-Token": csrf.token(owner.binding, csrf.API)}
    for route in ACCOUNT_BODIES:
        whole = json.dumps(examples.body(route))
        twice = whole[:-1] + ", " + whole[1:]
        long = whole[:-1] + ',"x":"' + "x" * LARGEST + '"}'
        for body, status in ((twice, 400), (long, 413), (whole[:-1], 400), ("[]", 400), ("null", 400), ("", 400)):
            headers = {**proof, "Content-Type": "application/json"}
            answer = Client().send(route.method, path(route, acme), body=body.encode(), headers=headers)
            assert answer.status == status, (title(route), body[:40], answer.body)
    for route in FORMS:
        whole = urlencode(_texts(route) | {csrf.FIELD: csrf.token(owner.binding, csrf.FORM)})
        for body, status in ((f"{whole}&a=1&a=2", 400), (whole + "&x=" + "x" * LARGEST, 413), ("%FF=1&" + whole, 400)):
            headers = {**owner.headers, "Origin": ORIGIN, "Content-Type": FORM}
            answer = Client().send("POST", path(route, acme), body=body.encode(), headers=headers)
            assert answer.status == status, (title(route), body[:40])


@pytest.mark.parametrize("name", ["nobody", "owner", "query key"])
def test_nothing_that_a_request_holds_becomes_a_header(name: str, acme: Tenant) -> None:
    """Path, query, headers, cookies and every field of every body are tried."""
    who: Somebody = {
        "nobody": lambda: NOBODY,
        "owner": lambda: signed_in("owner", acme.owner),
        "query key": lambda: holder("query key", acme.query_key),
    }[name]()
    for route in ROUTES:
        for where in _injected_paths(route, acme):
            with undone(route.method):
                answer = who.send(route.method, where, **{"X-Injected-By": INJECTED, "User-Agent": INJECTED})
            _check_headers(answer, route)
        right = examples.body(route) or {}
        texts = [name for name, value in right.items() if isinstance(value, str)]
        for fields in (texts, [name for name in texts if name in SECRETS]):
            with undone(route.method):
                answer = _sent(who, route, acme, right | dict.fromkeys(fields, INJECTED))
            _check_headers(answer, route)


@pytest.mark.requirement("S19", "S21", "V7.2.1")
def test_a_session_that_somebody_brings_along_is_never_taken_over(acme: Tenant) -> None:
    """Fixation: a value that the server did not make gives nothing, and signing in does not make it worth something."""
    planted = "A" * 43
    for cookie in (f"{SESSION}={planted}", f"{SESSION}={planted}; {DEVICE}={planted}; {PRE}={planted}"):
        headers = {"Cookie": cookie}
        assert Client().get("/api/auth/me", headers=headers).status == 401
        answer = Client().send(
            "POST", "/api/auth/login", body=b'{"email":"x@y.example","password":"wrong wrong wrong"}',
            headers=headers | {"Origin": ORIGIN, "Content-Type": "application/json"},
        )  # fmt: skip
        assert answer.status == 401
        assert planted not in str(answer.headers)


def _sent(who: Somebody, route: Declaration, tenant: Tenant, fields: dict[str, Any]) -> Response:
    if route.kind == "form":
        return who.post_form(path(route, tenant), {name: str(value) for name, value in fields.items()})
    return who.send(route.method, path(route, tenant), fields or None)


def _injected_paths(route: Declaration, tenant: Tenant) -> list[str]:
    """All parameters of the query at once, and one by one those of the path."""
    payload = quote(INJECTED, safe="")
    names = route.query.__struct_encode_fields__ if route.query else ("next", "cursor", "q", "saved")
    query = "&".join(f"{name}={payload}" for name in names)
    return [f"{path(route, tenant)}?{query}", *(path(route, tenant, {place: payload}) for place in named(route))]


def _check_headers(answer: Response, route: Declaration) -> None:
    for name, value in answer.headers.items():
        values: Any = value if isinstance(value, list) else [value]
        assert name.lower() != "x-injected", title(route)
        for each in values:
            assert "\r" not in each, (title(route), name)
            assert "\n" not in each, (title(route), name)


def _texts(route: Declaration) -> dict[str, str]:
    return {name: str(value) for name, value in (examples.body(route) or {}).items()}

"""Every id in every place of every path, replaced by another tenant's: the answer is that of an id that nobody has."""

import re

import pytest

from chalicelib.identity.permissions import MAY, Permission
from chalicelib.web.declaration import Declaration
from tests.api.client import Response
from tests.permissions import examples
from tests.permissions.cast import FILE, UNKNOWN, Somebody, Tenant, holder, restored, signed_in, stored
from tests.permissions.routes import ROUTES, named, path, title

SWAPS = [(route, place) for route in ROUTES for place in named(route) if place not in FILE]
TOKEN = re.compile(rb'(?<=value=")[A-Za-z0-9_-]{43}(?=")')
"""What forms on a page are bound to: another one for everybody who comes without a cookie."""


@pytest.mark.requirement("S29", "I4", "V8.2.2")
@pytest.mark.parametrize("way", ["key", "connection", "session"])
def test_another_tenants_id_is_answered_like_one_that_nobody_has(way: str, acme: Tenant, evil: Tenant) -> None:
    who = {
        "key": lambda: holder("query key", acme.query_key),
        "connection": lambda: holder("connection", acme.connection.access_token),
        "session": lambda: signed_in("owner", acme.owner),
    }[way]()
    wrong = []
    for route, place in SWAPS:
        if way != "session" and (route.kind not in ("api", "mcp") or route.permission not in MAY["query"]):
            continue  # the door has answered before any name is looked at
        foreign, unknown = evil.parameters[place], nobodys(place, acme)
        answers = [_answer(who, route, acme, place, value) for value in (foreign, unknown)]
        # What is public says nothing of anybody: it answers all names alike, also those that nobody has.
        if answers[0] != answers[1] or (answers[0][0] < 400 and route.permission is not Permission.PUBLIC):
            wrong.append((title(route), place, answers))
    assert wrong == []


def _answer(who: Somebody, route: Declaration, tenant: Tenant, place: str, value: str) -> tuple[int, object, bytes]:
    before = _lasting()
    with restored():
        answer = sent(who, route, path(route, tenant, {place: value}))
        assert _lasting() == before, f"{title(route)} changed something"
    shown = {name: str(text).replace(value, "ID") for name, text in answer.headers.items() if name != "Set-Cookie"}
    return answer.status, shown, TOKEN.sub(b"TOKEN", answer.body.replace(value.encode(), b"ID"))


def sent(who: Somebody, route: Declaration, where: str) -> Response:
    if route.kind == "form":
        return who.post_form(where, {name: str(value) for name, value in (examples.body(route) or {}).items()})
    return who.send(route.method, where, examples.body(route))


def nobodys(place: str, tenant: Tenant) -> str:
    """What is called so nowhere, in the form that such names have."""
    if place in UNKNOWN:
        return UNKNOWN[place]
    known = tenant.parameters[place]
    return known[:20] + ("A" if known[20] != "A" else "B") + known[21:]


def _lasting() -> dict[str, object]:
    """All that is stored, but for what counting requests, using keys and the calls of connections leave behind."""
    return {name: rows for name, rows in stored().items() if name not in ("limits", "keys", "grants")}


@pytest.mark.requirement("S29")
def test_the_swaps_are_of_everything_that_a_path_can_name() -> None:
    assert {place for _, place in SWAPS} == {place for route in ROUTES for place in named(route)} - FILE.keys()


@pytest.mark.requirement("S29", "I4")
def test_the_cursor_of_another_tenant_is_answered_like_garbage(acme: Tenant, evil: Tenant) -> None:
    first = holder("query key", evil.query_key).send("GET", f"{evil.logs}/tail")
    cursor = first.json["cursor"]
    asked = holder("query key", acme.query_key)
    foreign = asked.send("GET", f"{acme.logs}/tail?cursor={cursor}")
    garbage = asked.send("GET", f"{acme.logs}/tail?cursor={cursor[:-4]}AAAA")
    assert (foreign.status, foreign.body) == (garbage.status, garbage.body)
    assert foreign.status == 400


@pytest.mark.requirement("S29", "S21", "V8.2.2")
def test_the_session_of_somebody_else_is_answered_like_one_that_is_not(acme: Tenant, evil: Tenant) -> None:
    evils = signed_in("evil", evil.owner)
    handle = evils.send("GET", "/api/auth/sessions").json["sessions"][0]["id"]
    owner = signed_in("owner", acme.owner)
    answers = [owner.send("POST", "/api/auth/sessions/end", {"session": each}) for each in (handle, "00" * 16)]
    assert [each.status for each in answers] == [404, 404]
    assert answers[0].body == answers[1].body
    assert evils.send("GET", "/api/auth/me").status == 200

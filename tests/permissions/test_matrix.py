"""Every route with every kind of somebody: who gets in is what the one table of permissions says, and nothing else."""

from collections.abc import Callable

import pytest

from chalicelib.identity import grants, key_ring, sessions
from chalicelib.identity.membership import Operator
from chalicelib.identity.permissions import BY_SCOPE, GRANTS, MAY, SIGNED_IN, KeyKind, Permission, Role
from chalicelib.web.declaration import ORG, PROJECT, Declaration
from chalicelib.web.pages import PROVE_AGAIN, SIGN_IN
from tests.api.client import Response
from tests.permissions.cast import (
    NOBODY,
    Somebody,
    Tenant,
    connect,
    forget_limits,
    grant_of,
    holder,
    now,
    signed_in,
    signed_out,
    undone,
)
from tests.permissions.routes import ROUTES, named, path, title

DOOR = {"unauthorized", "forbidden", "reauthenticate", "csrf", "second-factor", "not-found"}
"""The problems that only the door tells. Anything else comes from a handler, which was reached."""


class Kind:
    """Somebody, and what they may do with Acme: None is nothing, and nothing of it is known to them."""

    def __init__(self, who: Somebody, *, known: bool, may: frozenset[Permission], is_key: bool = False) -> None:
        self.who, self.known, self.may, self.is_key = who, known, may, is_key

    def expected(self, route: Declaration) -> str:
        """What the door says: one of its problems, or `in`."""
        if route.permission is Permission.PUBLIC:
            return "in"
        if not self.known or (route.kind in (("page", "form") if self.is_key else ("mcp",))):
            return "unauthorized"
        if ORG in route.parameters and not self.is_key and self.may == SIGNED_IN:
            return "not-found"
        if route.permission not in self._may_there(route):
            return "forbidden"
        if PROJECT in route.parameters and self.is_key and self.who.name.startswith("stranger"):
            return "unauthorized" if "connection" in self.who.name else "not-found"
        return "in"

    def _may_there(self, route: Declaration) -> frozenset[Permission]:
        """A key is of its project wherever it is shown; a person is a member of nothing but what the path names."""
        return self.may if self.is_key or ORG in route.parameters else self.may & SIGNED_IN


KINDS: dict[str, Callable[[str, Tenant, Tenant], Kind]] = {
    "nobody": lambda name, acme, evil: Kind(NOBODY, known=False, may=frozenset()),
    "ingest key": lambda name, acme, evil: _key(name, acme.ingest_key, "ingest"),
    "query key": lambda name, acme, evil: _key(name, acme.query_key, "query"),
    "stranger's ingest key": lambda name, acme, evil: _key(name, evil.ingest_key, "ingest"),
    "stranger's query key": lambda name, acme, evil: _key(name, evil.query_key, "query"),
    "revoked key": lambda name, acme, evil: _nobody_now(holder(name, _ended_key(acme, revoked=True))),
    "expired key": lambda name, acme, evil: _nobody_now(holder(name, _ended_key(acme, revoked=False))),
    "connection": lambda name, acme, evil: _connection(name, acme),
    "stranger's connection": lambda name, acme, evil: _connection(name, evil),
    "revoked connection": lambda name, acme, evil: _nobody_now(_whose_connection_ended(name, acme)),
    "expired connection": lambda name, acme, evil: _nobody_now(_connected(name, acme, at=now() - 3_600)),
    "member": lambda name, acme, evil: _person(name, acme),
    "admin": lambda name, acme, evil: _person(name, acme),
    "owner": lambda name, acme, evil: _person(name, acme),
    "stranger": lambda name, acme, evil: Kind(signed_in(name, evil.owner), known=True, may=SIGNED_IN),
    "expired session": lambda name, acme, evil: _nobody_now(signed_in(name, acme.owner, at=now() - sessions.SECONDS)),
    "ended session": lambda name, acme, evil: _nobody_now(_who_left(name, acme)),
}


def _key(name: str, text: str, kind: KeyKind) -> Kind:
    return Kind(holder(name, text), known=True, may=MAY[kind], is_key=True)


def _connection(name: str, tenant: Tenant) -> Kind:
    who = holder(name, tenant.connection.access_token)
    return Kind(who, known=True, may=BY_SCOPE["events:read"], is_key=True)


def _connected(name: str, tenant: Tenant, *, at: int) -> Somebody:
    return holder(name, connect(tenant, tenant.owner, at=at).access_token)


def _whose_connection_ended(name: str, tenant: Tenant) -> Somebody:
    held = connect(tenant, tenant.owner)
    grants.revoke_grant(grant_of(held), by=Operator(), now=now())
    return holder(name, held.access_token)


def _person(name: str, tenant: Tenant) -> Kind:
    return Kind(signed_in(name, tenant.people[name]), known=True, may=GRANTS[Role(name)])


def _nobody_now(who: Somebody) -> Kind:
    return Kind(signed_out(who), known=False, may=frozenset())


def _who_left(name: str, tenant: Tenant) -> Somebody:
    who = signed_in(name, tenant.owner)
    assert who.send("POST", "/api/auth/logout").status == 200
    return who


def _ended_key(tenant: Tenant, *, revoked: bool) -> str:
    made_at = now() if revoked else now() - 2 * 86_400
    made = key_ring.create_key(
        tenant.org, tenant.project, "query", by=Operator(), label="old", now=made_at, lifetime_days=1
    )
    if revoked:
        key_ring.revoke_key(key_ring.key_by_id(made.key_id), by=Operator(), now=now())
    return made.text


@pytest.mark.requirement("S5", "S27", "S29", "S30", "V8.2.1", "V8.3.1")
@pytest.mark.parametrize("name", KINDS)
def test_who_gets_in_is_what_the_table_says(name: str, acme: Tenant, evil: Tenant) -> None:
    kind = KINDS[name](name, acme, evil)
    wrong = []
    for number, route in enumerate(ROUTES):
        if number % 50 == 0:
            forget_limits()
        with undone(route.method):
            answer = asked(kind.who, route, acme)
        if door(answer, route) != kind.expected(route):
            wrong.append((title(route), kind.expected(route), answer.status, answer.body[:200]))
    assert wrong == []


def asked(who: Somebody, route: Declaration, tenant: Tenant) -> Response:
    """The answer to a request that is as right as it can be without knowing what the route does."""
    where = path(route, tenant, who.own)
    if route.kind == "form":
        return who.post_form(where, {})
    return who.send(route.method, where, {} if route.method in ("POST", "PUT", "PATCH") else None)


def door(answer: Response, route: Declaration) -> str:
    """What the door said."""
    if answer.status == 303 and answer.headers["Location"].startswith((SIGN_IN + "?", PROVE_AGAIN + "?")):
        return "unauthorized" if answer.headers["Location"].startswith(SIGN_IN + "?") else "reauthenticate"
    if answer.status < 400 or route.method == "HEAD":
        return "in"
    code = problem(answer)
    return code if code in DOOR else "in"


def problem(answer: Response) -> str:
    """The type of the problem; for a page its status stands for it, since people are told in words."""
    if answer.headers["Content-Type"] == "application/problem+json":
        return str(answer.json["type"]).rpartition(":")[2]
    return {401: "unauthorized", 403: "forbidden", 404: "not-found"}.get(answer.status, "")


@pytest.mark.requirement("S30")
def test_every_parameter_of_every_route_is_known_to_these_tests(acme: Tenant) -> None:
    unknown = {each for route in ROUTES for each in named(route)} - acme.parameters.keys()
    assert unknown == set(), "say in `tests.permissions.cast` what these are called in an organisation"


@pytest.mark.requirement("S30")
def test_every_permission_is_held_by_somebody_and_wanted_by_some_route() -> None:
    held = frozenset[Permission]().union(*GRANTS.values(), *MAY.values())
    assert held == frozenset(Permission)
    assert {route.permission for route in ROUTES} == frozenset(Permission)


@pytest.mark.requirement("S30")
def test_each_role_has_all_that_the_one_below_it_has() -> None:
    assert GRANTS[Role.MEMBER] < GRANTS[Role.ADMIN] < GRANTS[Role.OWNER]
    assert GRANTS[Role.MEMBER] > SIGNED_IN


@pytest.mark.requirement("S5")
def test_no_key_may_both_read_and_write_and_none_may_touch_an_account() -> None:
    for may in MAY.values():
        assert len(may & {Permission.EVENTS_READ, Permission.EVENTS_WRITE}) == 1
        assert may <= {Permission.PUBLIC, Permission.EVENTS_READ, Permission.EVENTS_WRITE, Permission.DEPLOYS_WRITE}
        assert not {Permission.EVENTS_READ, Permission.DEPLOYS_WRITE} <= may
    assert all(Permission.EVENTS_WRITE not in granted for granted in GRANTS.values())
    assert all(may == {Permission.PUBLIC, Permission.EVENTS_READ} for may in BY_SCOPE.values())

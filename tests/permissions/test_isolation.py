"""Two organisations, everybody in them, any request with any names in any order: nothing of one is ever in an answer to
the other, and no power outlives what ended it.

The machine keeps a model of who still has which power. Everything of a tenant's bears its canary, which no request
holds: an answer that has it got it from the store.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from chalicelib.identity import grants, key_ring, members, sessions
from chalicelib.identity.membership import Operator
from chalicelib.identity.permissions import BY_SCOPE, GRANTS, MAY, Permission, Role
from chalicelib.oauth import rotation
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.tokens import Issued
from chalicelib.web.declaration import ORG, PROJECT, Declaration
from tests.api.client import Response
from tests.permissions import examples
from tests.permissions.cast import NOBODY, Somebody, Tenant, grant_of, holder, now, restored, signed_in
from tests.permissions.routes import ROUTES, named, path, title

TENANTS = ("acme", "evil")
NAMES = ("owner", "admin", "member", "ingest", "query", "connection")
WHO = st.tuples(st.sampled_from(TENANTS), st.sampled_from(NAMES))
QUERIES = st.sampled_from(
    ["", "?q=CANARY", "?since=7d", "?level=info", "?limit=1", "?cursor=AAAA", "?fields=message", "?x=1"]
)


class Isolation(RuleBasedStateMachine):
    """Begins from the same two tenants each time."""

    tenants: dict[str, Tenant]

    def __init__(self) -> None:
        super().__init__()
        self.undo = restored()
        self.undo.__enter__()
        self.who: dict[tuple[str, str], Somebody] = {}
        self.role: dict[tuple[str, str], Role | None] = {}
        self.ended: set[tuple[str, str]] = set()
        self.held: dict[str, Issued] = {}
        """What the app has by now that the member let in."""

    def teardown(self) -> None:
        self.undo.__exit__(None, None, None)

    @initialize()
    def everybody_arrives(self) -> None:
        for slug, tenant in self.tenants.items():
            for name, user in tenant.people.items():
                self.who[slug, name] = signed_in(f"{slug}'s {name}", user)
                self.role[slug, name] = Role(name)
            self.who[slug, "ingest"] = holder(f"{slug}'s ingest key", tenant.ingest_key)
            self.who[slug, "query"] = holder(f"{slug}'s query key", tenant.query_key)
            self.held[slug] = tenant.connection
            self.who[slug, "connection"] = holder(f"{slug}'s connection", tenant.connection.access_token)

    @rule(who=WHO, route=st.sampled_from(ROUTES), data=st.data(), query=QUERIES)
    def somebody_asks_for_anything(self, who: tuple[str, str], route: Declaration, data: Any, query: str) -> None:
        if route.path in ("/api/auth/logout", "/sign-out") or "end" in route.path.split("/"):
            return  # these end sessions, which the next rule does and takes note of
        owners = {place: data.draw(st.sampled_from(TENANTS), label=place) for place in named(route)}
        names = {place: self.tenants[owner].parameters[place] for place, owner in owners.items()}
        if route.method not in ("GET", "HEAD") and who[0] in owners.values():
            return  # what may succeed would change who may what, unnoticed by the model
        where = path(route, self.tenants["acme"], names)
        answer = self._sent(self.who[who], route, where, query)
        self._check_silence(who[0], route, answer)
        self._check_power(who, route, owners, answer)

    @rule(route=st.sampled_from([each for each in ROUTES if each.method == "GET"]), tenant=st.sampled_from(TENANTS))
    def nobody_asks(self, route: Declaration, tenant: str) -> None:
        answer = self._sent(NOBODY, route, path(route, self.tenants[tenant]), "")
        for other in TENANTS:
            assert self.tenants[other].canary.encode() not in whole(answer), title(route)

    @rule(slug=st.sampled_from(TENANTS), name=st.sampled_from(["owner", "admin", "member"]))
    def a_session_ends(self, slug: str, name: str) -> None:
        if (slug, name) not in self.ended:
            assert self.who[slug, name].send("POST", "/api/auth/logout").status == 200
            self.ended.add((slug, name))

    @rule(slug=st.sampled_from(TENANTS), name=st.sampled_from(["admin", "member"]))
    def somebody_signs_in_again(self, slug: str, name: str) -> None:
        self.who[slug, name] = signed_in(f"{slug}'s {name}", self.tenants[slug].people[name])
        self.ended.discard((slug, name))

    @rule(slug=st.sampled_from(TENANTS), kind=st.sampled_from(["ingest", "query"]))
    def a_key_is_revoked(self, slug: str, kind: str) -> None:
        if (slug, kind) not in self.ended:
            [key] = [each for each in key_ring.keys_of(*self._ids(slug)) if each.kind == kind]
            key_ring.revoke_key(key, by=Operator(), now=now())
            self.ended.add((slug, kind))

    @rule(slug=st.sampled_from(TENANTS))
    def a_connection_is_refreshed(self, slug: str) -> None:
        if (slug, "connection") not in self.ended:
            self.held[slug] = self._refreshed(self.held[slug])
            self.who[slug, "connection"] = holder(f"{slug}'s connection", self.held[slug].access_token)

    @rule(slug=st.sampled_from(TENANTS))
    def a_refresh_token_is_stolen(self, slug: str) -> None:
        if (slug, "connection") not in self.ended:
            self._refreshed(self.held[slug])
            with pytest.raises(OAuthError):
                self._refreshed(self.held[slug])
            self.ended.add((slug, "connection"))

    @rule(slug=st.sampled_from(TENANTS))
    def a_connection_is_ended(self, slug: str) -> None:
        if (slug, "connection") not in self.ended:
            grants.revoke_grant(grant_of(self.held[slug]), by=Operator(), now=now())
            self.ended.add((slug, "connection"))

    @rule(slug=st.sampled_from(TENANTS), name=st.sampled_from(["admin", "member"]))
    def somebody_is_removed(self, slug: str, name: str) -> None:
        tenant = self.tenants[slug]
        if self.role[slug, name] is not None:
            members.remove(tenant.people[name].user, by=tenant.membership(tenant.owner), now=now())
            self.role[slug, name] = None
            if name == "member":
                self.ended.add((slug, "connection"))

    @rule(
        slug=st.sampled_from(TENANTS), name=st.sampled_from(["admin", "member"]),
        role=st.sampled_from([Role.ADMIN, Role.MEMBER]),
    )  # fmt: skip
    def somebody_gets_another_role(self, slug: str, name: str, role: Role) -> None:
        tenant = self.tenants[slug]
        if self.role[slug, name] is not None:
            members.change_role(tenant.people[name].user, role, by=tenant.membership(tenant.owner), now=now())
            self.role[slug, name] = role

    @precondition(lambda self: len(self.ended) < 12)
    @rule(slug=st.sampled_from(TENANTS))
    def time_is_up_for_an_old_session(self, slug: str) -> None:
        old = signed_in("old", self.tenants[slug].owner, at=now() - sessions.SECONDS)
        assert old.send("GET", self.tenants[slug].logs).status == 401

    def _refreshed(self, held: Issued) -> Issued:
        return rotation.refresh(held.refresh_token, client_id="scry", scope="", resource="", now=now())

    def _ids(self, slug: str) -> tuple[Any, Any]:
        return self.tenants[slug].org, self.tenants[slug].project

    def _sent(self, who: Somebody, route: Declaration, where: str, query: str) -> Response:
        if route.kind == "form":
            return who.post_form(where, {name: str(value) for name, value in (examples.body(route) or {}).items()})
        return who.send(route.method, where + (query if route.method == "GET" else ""), examples.body(route))

    def _check_silence(self, asking: str, route: Declaration, answer: Response) -> None:
        [other] = [slug for slug in TENANTS if slug != asking]
        assert self.tenants[other].canary.encode() not in whole(answer), f"{title(route)} told {asking} of {other}"

    def _check_power(self, who: tuple[str, str], route: Declaration, owners: dict[str, str], answer: Response) -> None:
        """A success needs a power that stands now, over everything that the path names."""
        if answer.status >= 300 or route.permission is Permission.PUBLIC:
            return
        assert who not in self.ended, f"{title(route)} took {who}, which was ended"
        if ORG in route.parameters or PROJECT in route.parameters:
            assert set(owners.values()) == {who[0]}, f"{title(route)} gave {who} something of another's"
            assert route.permission in self._may(who), f"{title(route)} gave {who} more than they may"

    def _may(self, who: tuple[str, str]) -> frozenset[Permission]:
        slug, name = who
        if name in ("ingest", "query"):
            return MAY["ingest" if name == "ingest" else "query"]
        if name == "connection":
            return BY_SCOPE["events:read"]
        role = self.role[slug, name]
        return GRANTS[role] if role else frozenset()


def whole(answer: Response) -> bytes:
    """Everything that left: the body, and the headers, where a redirect or a link could tell something too."""
    return answer.body + repr(answer.headers).encode()


@pytest.mark.requirement("I4", "I5", "S29", "V8.4.1", "V8.3.2")
def test_nothing_of_one_tenant_reaches_the_other_and_no_power_outlives_its_end(acme: Tenant, evil: Tenant) -> None:
    class Here(Isolation):
        tenants = {"acme": acme, "evil": evil}

    few = settings(
        settings.default, max_examples=max(8, settings.default.max_examples // 4), stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    run_state_machine_as_test(Here, settings=few)

"""Connections as people see and end them, on pages and over JSON: what is listed, who may do what, what fails then."""

import re
from dataclasses import dataclass

import pytest

from chalicelib.identity import activity, grants
from chalicelib.identity.activity import Call
from chalicelib.identity.grants import Grant
from chalicelib.identity.users import User
from chalicelib.oauth import codes, rotation, tokens
from chalicelib.oauth.codes import Approval
from chalicelib.oauth.errors import OAuthError, TokenRefused
from chalicelib.oauth.tokens import Issued
from tests.api.client import Response
from tests.oauth.asking import CALLBACK, CHALLENGE, ISSUER, VERIFIER
from tests.pages.samples import Page
from tests.permissions.cast import Somebody, Tenant, grant_of, now, signed_in

PAGE = "/orgs/acme/projects/shop/connections"
API = f"/api{PAGE}"
OWN = "/account/connections"


@dataclass(frozen=True)
class Connected:
    """An app that somebody let in, and what it holds."""

    tenant: Tenant
    client_id: str
    issued: Issued

    @property
    def grant(self) -> Grant:
        return tokens.authenticated(self.issued.access_token, now=now()).grant

    @property
    def id(self) -> str:
        return self.grant.id.hex()

    def can_call(self) -> bool:
        try:
            tokens.authenticated(self.issued.access_token, now=now())
        except TokenRefused:
            return False
        return True

    def can_refresh(self) -> bool:
        try:
            rotation.refresh(self.issued.refresh_token, client_id=self.client_id, scope="", resource="", now=now())
        except OAuthError:
            return False
        return True


def connected(tenant: Tenant, user: User, name: str = "An app", kind: str = "self-registered") -> Connected:
    """As after the consent: the app redeems its code."""
    member = tenant.membership(user)
    approval = Approval(
        client_id=f"client of {name}", client_name=name, client_host="claude.ai" if kind == "document" else "",
        client_kind=kind, redirect_uri=CALLBACK, challenge=CHALLENGE, scope="events:read", resource=f"{ISSUER}/mcp",
        org=tenant.org, project=tenant.project, user=user.user, membership=member.membership,
    )  # fmt: skip
    code = codes.issue_code(approval, now=now())
    issued = codes.redeem(
        code, client_id=approval.client_id, redirect_uri=CALLBACK, verifier=VERIFIER, resource="", now=now()
    )
    return Connected(tenant, approval.client_id, issued)


@pytest.fixture
def acme(acme: Tenant) -> Tenant:
    """Without the connection that every tenant of the cast has."""
    grants.revoke_grant(grant_of(acme.connection), by=acme.membership(acme.owner), now=now())
    return acme


@pytest.fixture
def owner(acme: Tenant) -> Somebody:
    return signed_in("owner", acme.owner)


@pytest.fixture
def member(acme: Tenant) -> Somebody:
    return signed_in("member", acme.member)


def text(answer: Response) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.body.decode()).split())


@pytest.mark.requirement("S10", "V10.7.3")
def test_the_list_shows_app_project_who_let_it_in_since_when_and_when_it_was_used(acme, owner):
    connected(acme, acme.member, "Friendly <b>app</b>")
    connected(acme, acme.owner, "Claude", "document")
    page = text(owner.send("GET", PAGE))
    assert "Friendly &lt;b&gt;app&lt;/b&gt; unverified CANARY-acme project CANARY-acme member" in page
    assert "Claude proven by claude.ai CANARY-acme project CANARY-acme owner" in page
    assert "never" in page
    listed = owner.send("GET", API).json["data"]
    assert {(each["client_name"], each["client_host"], each["last_used_at"]) for each in listed} == {
        ("Claude", "claude.ai", None), ("Friendly <b>app</b>", "", None),
    }  # fmt: skip
    assert all(each["scope"] == ["events:read"] and each["limit"] == 120 for each in listed)
    assert {each["created_by"] for each in listed} == {acme.owner.user.hex(), acme.member.user.hex()}


@pytest.mark.requirement("S10", "I5", "V10.4.9", "V10.7.3")
@pytest.mark.parametrize("way", [PAGE, API, OWN])
def test_one_click_ends_one_connection_and_no_other(acme, owner, way):
    one, other = connected(acme, acme.owner), connected(acme, acme.owner, "Another app")
    if way == API:
        assert owner.send("DELETE", f"{API}/{one.id}").status == 204
    else:
        assert f'action="{PAGE}/{one.id}/revoke"' in owner.send("GET", way).body.decode()
        assert owner.post_form(f"{PAGE}/{one.id}/revoke", {}).headers["Location"] == f"{PAGE}?saved=revoked"
    assert (one.can_call(), one.can_refresh()) == (False, False)
    assert (other.can_call(), other.can_refresh()) == (True, True)
    assert [each["client_name"] for each in owner.send("GET", API).json["data"]] == ["Another app"]


@pytest.mark.requirement("S30", "S31")
def test_members_end_their_own_connections_and_admins_and_owners_all(acme, owner, member):
    theirs, mine = connected(acme, acme.owner), connected(acme, acme.member, "Mine")
    page = member.send("GET", PAGE).body.decode()
    assert f"{PAGE}/{mine.id}/revoke" in page
    assert f"{PAGE}/{theirs.id}/revoke" not in page
    assert member.send("DELETE", f"{API}/{theirs.id}").status == 403
    assert member.post_form(f"{PAGE}/{theirs.id}/revoke", {}).status == 403
    assert theirs.can_call()
    assert member.post_form(f"{PAGE}/{mine.id}/revoke", {}).status == 303
    assert not mine.can_call()
    admin = signed_in("admin", acme.admin)
    assert admin.send("DELETE", f"{API}/{theirs.id}").status == 204
    assert not theirs.can_call()


@pytest.mark.requirement("S29", "I4")
def test_connections_of_another_tenant_are_not_there(acme, evil, owner):
    theirs = connected(evil, evil.owner, "CANARY-evil app")
    for path in (f"{PAGE}/{theirs.id}", f"{PAGE}/zz", f"{PAGE}/{'00' * 12}"):
        answer = owner.send("GET", path)
        assert answer.status == 404
        assert b"CANARY-evil" not in answer.body
    assert owner.send("DELETE", f"{API}/{theirs.id}").status == 404
    assert owner.post_form(f"{PAGE}/{theirs.id}/revoke", {}).status == 404
    assert owner.send("PATCH", f"{API}/{theirs.id}", {"limit": 1}).status == 404
    assert b"CANARY-evil" not in owner.send("GET", PAGE).body
    assert b"CANARY-evil" not in owner.send("GET", OWN).body
    assert theirs.can_call()


@pytest.mark.requirement("S36")
def test_admins_say_how_often_an_app_may_ask(acme, owner, member):
    one = connected(acme, acme.member)
    changed = owner.send("PATCH", f"{API}/{one.id}", {"limit": 7})
    assert (changed.status, changed.json["limit"]) == (200, 7)
    assert one.grant.limit == 7
    assert owner.post_form(f"{PAGE}/{one.id}/limit", {"limit": "9"}).status == 303
    assert one.grant.limit == 9
    for wrong in ("0", "1001", "x", ""):
        answer = owner.post_form(f"{PAGE}/{one.id}/limit", {"limit": wrong})
        assert answer.status == 422
        assert 'class="wrong"' in answer.body.decode()
    assert owner.send("PATCH", f"{API}/{one.id}", {"limit": 1001}).status == 422
    assert member.post_form(f"{PAGE}/{one.id}/limit", {"limit": "9"}).status == 403
    assert one.grant.limit == 9


@pytest.mark.requirement("O28")
def test_a_connection_shows_what_it_asked_for_lately(acme, owner):
    one = connected(acme, acme.owner)
    assert "No call in the last 30 days" in text(owner.send("GET", f"{PAGE}/{one.id}"))
    call = Call(at_ms=now() * 1000, what="search_events", outcome="ok", rows=17, took_ms=84)
    activity.note_call(one.grant, call, deadline=None)
    page = text(owner.send("GET", f"{PAGE}/{one.id}"))
    assert "search_events ok 17 84" in page


@pytest.mark.requirement("I10", "S11", "V10.1.1")
def test_no_page_shows_a_token(acme, owner):
    one = connected(acme, acme.owner)
    for path in (PAGE, f"{PAGE}/{one.id}", OWN, API):
        body = owner.send("GET", path).body.decode()
        assert one.issued.access_token not in body
        assert one.issued.refresh_token not in body
        assert "scry_at_" not in body


def test_ones_own_connections_are_listed_over_all_projects(acme, evil, owner):
    connected(acme, acme.owner, "Here")
    connected(acme, acme.member, "Not mine")
    page = text(owner.send("GET", OWN))
    assert "Here unverified CANARY-acme org / CANARY-acme project" in page
    assert "Not mine" not in page


def test_the_page_says_how_to_connect_each_program(owner):
    page = Page(owner.send("GET", PAGE).body.decode())
    codes_shown = [each.text for each in page.all("code")]
    url = f"{ISSUER}/mcp/acme/shop"
    assert url in codes_shown
    assert f"claude mcp add --transport http scrywatch {url}" in codes_shown
    assert any('"mcpServers"' in each and url in each for each in codes_shown)
    assert any('"servers"' in each and '"type": "http"' in each and url in each for each in codes_shown)
    assert "This address works on this computer only" in text(owner.send("GET", PAGE))

"""From the moment that a project, an organisation or an account is deleted, no surface knows it any more."""

import pytest

from chalicelib.identity import deletion, invitations, members, orgs, sessions, users
from chalicelib.identity.deletion import OnlyOwner, TooManyMemberships, delete_account
from chalicelib.identity.invitations import InvitationGone
from chalicelib.identity.membership import AuthorityLost, membership
from chalicelib.identity.orgs import OrgGone
from chalicelib.identity.permissions import Permission, Role
from chalicelib.identity.users import ChangedMeanwhile
from chalicelib.oauth import codes, rotation
from chalicelib.oauth.errors import OAuthError
from chalicelib.storage import audit
from chalicelib.web.declaration import ORG, PROJECT, Declaration
from tests.api.client import Client
from tests.deletion.everything import VERIFIER, Doomed, unredeemed_code
from tests.deletion.test_erasing import deleted_account, deleted_org, deleted_project_of
from tests.permissions import examples
from tests.permissions.cast import Somebody, Tenant, connect, forget_limits, holder, new_user, now, signed_in
from tests.permissions.routes import ROUTES, path, title

OF_A_PROJECT = [route for route in ROUTES if PROJECT in route.parameters and route.permission is not Permission.PUBLIC]
FOR_PROGRAMS = [route for route in OF_A_PROJECT if route.kind in ("api", "mcp")]
OF_THE_PROJECT = ("project", "event", "ingest", "query", "app", "own view", "shared view", "version", "note")
OF_AN_ORG = [route for route in ROUTES if ORG in route.parameters and route.permission is not Permission.PUBLIC]
FOR_MEMBERS = [route for route in OF_AN_ORG if route.kind == "api" and route.method == "GET"]


def asked(who: Somebody, route: Declaration, tenant: Tenant):
    forget_limits()
    where = path(route, tenant, who.own if who.binding else {})
    if route.kind == "form":
        return who.post_form(where, {name: str(value) for name, value in (examples.body(route) or {}).items()})
    return who.send(route.method, where, examples.body(route) if examples.reads_json(route) else None)


@pytest.mark.requirement("S39", "S13", "I5")
def test_a_deleted_project_is_on_no_route_and_nothing_that_was_given_for_it_works(doomed: Doomed) -> None:
    acme = doomed.acme
    query, ingest = holder("query", acme.query_key), holder("ingest", acme.ingest_key)
    connection = holder("connection", acme.connection.access_token)
    cursor = _cursor(acme)
    code = unredeemed_code(acme, acme.member)
    owner = signed_in("owner", acme.owner)
    deleted_project_of(acme)
    for who in (owner, query, ingest, connection):
        for route in OF_A_PROJECT if who is owner else FOR_PROGRAMS:
            answer = asked(who, route, acme)
            assert answer.status in (401, 403, 404), (who.name, title(route), answer.status)
            told = answer.body.decode(errors="replace")
            assert not [what for what in OF_THE_PROJECT if f"{acme.canary} {what}" in told], title(route)
    assert Client().get(f"{acme.logs}?limit=1&cursor={cursor}", key=acme.query_key).status in (401, 404)
    assert Client().post("/api/ingest", {"events": [{"message": "late"}]}, key=acme.ingest_key).status == 401
    assert Client().post("/mcp", {}, key=acme.connection.access_token).status in (401, 404)
    assert Client().post("/mcp", {}, key=acme.query_key).status in (401, 404)
    with pytest.raises(OAuthError):
        rotation.refresh(acme.connection.refresh_token, client_id="scry", scope="", resource="", now=now())
    with pytest.raises(OAuthError):
        codes.redeem(code, client_id="scry", redirect_uri="", verifier=VERIFIER, resource="", now=now())
    with pytest.raises(AuthorityLost):
        connect(acme, acme.owner)


def _cursor(tenant: Tenant) -> str:
    sent = {"events": [{"message": f"another {number}"} for number in range(3)]}
    assert Client().post("/api/ingest", sent, key=tenant.ingest_key).status == 202
    page = Client().get(f"{tenant.logs}?limit=1", key=tenant.query_key).json
    return str(page["next_cursor"])


@pytest.mark.requirement("S39", "I5")
def test_a_deleted_organisation_is_on_no_route_for_any_of_its_members(doomed: Doomed) -> None:
    acme = doomed.acme
    people = [signed_in(role, user) for role, user in acme.people.items()]
    invited = invitations.invite("late@else.example", Role.MEMBER, by=acme.membership(acme.owner), now=now())
    deleted_org(acme)
    for who in people:
        for route in OF_AN_ORG if who is people[0] else FOR_MEMBERS:
            answer = asked(who, route, acme)
            assert answer.status in (401, 404), (who.name, title(route), answer.status)
    assert Client().post("/api/ingest", {"events": [{"message": "late"}]}, key=acme.ingest_key).status == 401
    assert Client().get(acme.logs, key=acme.query_key).status in (401, 404)
    mine = people[0].send("GET", "/api/orgs").json
    assert mine["data"] == []
    late = new_user("late@else.example", "Late")
    with pytest.raises(OrgGone):
        invitations.accept(invited.token, late, now=now())


@pytest.mark.requirement("S41", "I5", "V7.4.2")
def test_a_deleted_account_has_no_session_no_membership_and_nothing_that_it_made_reads(doomed: Doomed) -> None:
    acme, user = doomed.acme, doomed.acme.member
    here, there = signed_in("here", user), signed_in("there", user)
    assert here.send("GET", "/api/auth/me").status == 200
    deleted_account(user.user)
    for who in (here, there):
        assert who.send("GET", "/api/auth/me").status == 401
        assert sessions.session(who.binding, now=now()) is None
    assert users.by_id(user.user) is None
    assert users.by_email(user.email) is None
    assert membership(acme.org, user.user) is None
    assert Client().post("/mcp", {}, key=acme.connection.access_token).status == 401
    with pytest.raises(OAuthError):
        rotation.refresh(acme.connection.refresh_token, client_id="scry", scope="", resource="", now=now())
    with pytest.raises(ChangedMeanwhile):
        delete_account(user, by=audit.person(user.user), now=now())


@pytest.mark.requirement("S41", "I5")
def test_who_deleted_their_account_cannot_join_or_found_anything_with_what_they_held(doomed: Doomed) -> None:
    user, evil = doomed.acme.member, doomed.evil
    invited = invitations.invite(user.email, Role.MEMBER, by=evil.membership(evil.owner), now=now())
    deleted_account(user.user)
    with pytest.raises((ChangedMeanwhile, InvitationGone)):
        invitations.accept(invited.token, user, now=now())
    with pytest.raises(ChangedMeanwhile):
        orgs.create_org(user.user, orgs.NewOrg("late", "Late"), now=now())
    assert membership(evil.org, user.user) is None


@pytest.mark.requirement("S31")
def test_the_only_owner_is_told_which_organisations_keep_them(doomed: Doomed) -> None:
    owner = doomed.acme.owner
    with pytest.raises(OnlyOwner, match="CANARY-acme org"):
        delete_account(owner, by=audit.person(owner.user), now=now())
    assert users.by_id(owner.user) == owner
    assert membership(doomed.acme.org, owner.user) is not None


def test_an_owner_leaves_with_their_account_what_has_another_owner(doomed: Doomed) -> None:
    acme = doomed.acme
    members.change_role(acme.admin.user, Role.OWNER, by=acme.membership(acme.owner), now=now())
    deleted_account(acme.owner.user)
    org = orgs.org_by_id(acme.org)
    assert org is not None
    assert org.owners == 1
    assert membership(acme.org, acme.owner.user) is None


def test_an_account_of_more_organisations_than_end_at_once_is_told_to_leave_some(
    doomed: Doomed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MOST_MEMBERSHIPS", 0)
    with pytest.raises(TooManyMemberships):
        delete_account(doomed.acme.member, by=audit.person(doomed.acme.member.user), now=now())
    assert users.by_id(doomed.acme.member.user) is not None

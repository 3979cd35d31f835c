"""What gives or takes power wants a password that was given just now, on pages and over JSON alike (ASVS 7.5.3)."""

import pytest

from chalicelib.identity.permissions import Role
from chalicelib.identity.sessions import FRESH_SECONDS
from tests.permissions.cast import Tenant, now, signed_in
from tests.permissions.routes import ROUTES, title
from tests.permissions.test_forgery import lasting

POWER = {
    "PATCH /api/orgs/{org}",
    "PUT /api/orgs/{org}/owner",
    "POST /api/orgs/{org}/invitations",
    "PATCH /api/orgs/{org}/members/{user}",
    "DELETE /api/orgs/{org}/members/{user}",
    "POST /api/orgs/{org}/projects/{project}/keys",
    "POST /api/orgs/{org}/projects/{project}/keys/{key}/rotate",
    "POST /orgs/{org}/settings/second-factor",
    "POST /orgs/{org}/settings/owner",
    "POST /orgs/{org}/invitations",
    "POST /orgs/{org}/members/{user}/role",
    "POST /orgs/{org}/members/{user}/remove",
    "POST /orgs/{org}/projects/{project}/keys",
    "POST /orgs/{org}/projects/{project}/keys/{key}/rotate",
}
"""Of organisations. Accounts have tests of their own."""


@pytest.mark.requirement("V7.5.3")
def test_whatever_gives_or_takes_power_in_an_organisation_wants_a_proof() -> None:
    declared = {title(route): route.fresh for route in ROUTES}
    assert {name for name in POWER if not declared[name]} == set()


@pytest.mark.requirement("V7.5.3", "V7.3.1")
def test_over_json_who_signed_in_long_ago_is_asked_for_the_password_first(acme: Tenant) -> None:
    stale, fresh = (signed_in("owner", acme.owner, at=now() - age) for age in (FRESH_SECONDS + 60, 0))
    member = f"/api/orgs/acme/members/{acme.member.user.hex()}"
    for method, path, body in (
        ("PATCH", member, {"role": "admin"}),
        ("PATCH", "/api/orgs/acme", {"second_factor_required": False, "name": "Other"}),
        ("POST", "/api/orgs/acme/invitations", {"email": "eve@example.com", "role": "owner"}),
        ("DELETE", member, None),
    ):
        before = lasting()
        answer = stale.send(method, path, body)
        assert (answer.status, answer.json["type"]) == (403, "urn:scrywatch:problem:reauthenticate"), path
        assert lasting() == before
        assert fresh.send(method, path, body).status in (200, 201, 204), path


@pytest.mark.requirement("V7.5.3", "V7.3.1")
def test_on_pages_the_password_is_asked_for_and_leads_back_to_the_form(acme: Tenant) -> None:
    stale, fresh = (signed_in("owner", acme.owner, at=now() - age) for age in (FRESH_SECONDS + 60, 0))
    member = f"/orgs/acme/members/{acme.member.user.hex()}"
    for path, shown_at, fields in (
        (f"{member}/role", member, {"role": "admin"}),
        ("/orgs/acme/invitations", "/orgs/acme/members", {"email": "eve@example.com", "role": "member"}),
        (f"{member}/remove", member, {}),
    ):
        before = lasting()
        answer = stale.post_form(path, fields)
        assert (answer.status, answer.headers["Location"]) == (303, f"/sign-in/again?next={shown_at}")
        assert lasting() == before
        assert fresh.post_form(path, fields).headers["Location"].startswith("/orgs/acme/members?saved=")


@pytest.mark.requirement("V7.5.3")
def test_ending_power_of_ones_own_and_of_programs_is_never_made_slow(acme: Tenant) -> None:
    """Who sees a stolen key must not look for a password first."""
    stale = signed_in("admin", acme.admin, at=now() - FRESH_SECONDS - 60)
    project = f"/api/orgs/acme/projects/{acme.project_slug}"
    assert stale.send("DELETE", f"{project}/keys/{acme.parameters['/keys/{key}']}").status == 204
    assert stale.send("DELETE", f"{project}/connections/{acme.parameters['/connections/{connection}']}").status == 204
    assert stale.send("DELETE", "/api/orgs/acme/membership").status == 204
    assert acme.membership(acme.owner).role is Role.OWNER

"""What an access token opens: the events of its one project, to read, and nothing else of all that there is."""

import json
import re

import pytest

from chalicelib.identity import activity, grants, members, project_changes
from chalicelib.identity.permissions import Permission
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import project_by_id
from chalicelib.oauth import codes, rotation
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import TenantItem
from chalicelib.web.csrf import SAFE_METHODS
from tests.api.client import Client, Response
from tests.permissions import examples
from tests.permissions.cast import (
    NOBODY,
    Somebody,
    Tenant,
    connect,
    grant_of,
    holder,
    now,
    restored,
    signed_in,
    stored,
)
from tests.permissions.routes import ROUTES, path, title

CHALLENGE = 'Bearer realm="scrywatch", error="invalid_token"'


@pytest.fixture
def app(acme: Tenant) -> Somebody:
    return holder("the app", acme.connection.access_token)


def challenge(answer: Response) -> str:
    return str(answer.headers["WWW-Authenticate"])


def lasting() -> dict[str, object]:
    """All that is stored but for what a read leaves behind too: counts of requests, and the log of calls."""
    found = stored()
    calls = {key: row for key, row in found.pop("grants").items() if "what" not in row}
    return {**{name: rows for name, rows in found.items() if name != "limits"}, "grants": calls}


# --- read-only, and of one project (S5, S6, S7, S32) ------------------------------------------------------------------


@pytest.mark.requirement("S5")
def test_on_every_route_that_changes_something_a_token_is_refused_and_changes_nothing(acme: Tenant, app: Somebody):
    wrong = []
    for route in [each for each in ROUTES if each.method not in SAFE_METHODS and each.kind != "mcp"]:
        if route.permission is Permission.PUBLIC:
            continue  # there a token means nothing: what happens is what happens to everybody
        before = lasting()
        with restored():
            if route.kind == "form":
                given = {name: str(value) for name, value in (examples.body(route) or {}).items()}
                answer = app.post_form(path(route, acme), given)
            else:
                answer = app.send(route.method, path(route, acme), examples.body(route))
            changed = {**lasting(), "grants": None} != {**before, "grants": None}
        if changed or answer.status not in (303, 401, 403):
            wrong.append((title(route), answer.status, changed))
        if answer.status == 303:
            assert str(answer.headers["Location"]).startswith("/sign-in?"), title(route)
    assert wrong == []


@pytest.mark.requirement("S5")
def test_a_token_sends_no_events(acme: Tenant, app: Somebody):
    before = lasting()
    answer = app.send("POST", "/api/ingest", {"events": [{"message": "x"}]})
    assert (answer.status, challenge(answer)) == (403, 'Bearer realm="scrywatch", error="insufficient_scope"')
    assert lasting()["events"] == before["events"]


@pytest.mark.requirement("S7", "O26", "V10.3.2")
def test_a_token_opens_nothing_but_reads_of_events(acme: Tenant, app: Somebody):
    """No organisations, no members, no keys, no account, no page."""
    closed = [route for route in ROUTES if route.permission is not Permission.PUBLIC and route.method == "GET"]
    opened = [route for route in closed if app.send("GET", path(route, acme)).status < 300]
    assert opened
    assert {each.permission for each in opened} == {Permission.EVENTS_READ}
    assert all("/orgs/{org}/projects/{project}/" in each.path and each.kind == "api" for each in opened)


@pytest.mark.requirement("S6", "S32", "O25", "V10.3.1")
def test_a_token_of_one_project_is_none_at_another(acme: Tenant, evil: Tenant, app: Somebody):
    owner = acme.membership(acme.owner)
    project_changes.create_project(acme.org, NewProject("other", "Other", 30), by=owner, now=now())
    assert app.send("GET", acme.logs).status == 200
    for logs in (acme.logs.replace("/shop/", "/other/"), evil.logs, acme.logs.replace("/shop/", "/none/")):
        answer = app.send("GET", logs)
        assert (answer.status, challenge(answer)) == (401, CHALLENGE)


@pytest.mark.requirement("S6", "O26")
def test_a_token_is_for_a_project_whatever_it_is_called_by_now(acme: Tenant, app: Somebody):
    project = project_by_id(acme.org, acme.project)
    assert project is not None
    owner = acme.membership(acme.owner)
    project_changes.edit_project(project, by=owner, slug="store", name="Store", now=now())
    assert app.send("GET", acme.logs.replace("/shop/", "/store/")).status == 200
    assert app.send("GET", acme.logs).status == 200


@pytest.mark.requirement("S6", "I4")
def test_no_argument_leads_elsewhere(acme: Tenant, evil: Tenant, app: Somebody):
    cursor = holder("evil", evil.query_key).send("GET", f"{evil.logs}/tail").json["cursor"]
    event = evil.parameters["/logs/{id}"]
    for query in (
        f"/tail?cursor={cursor}",
        f"/{event}",
        f"/{event}/context",
        "?project=laboratory&org=evil",
        "?q=CANARY",
    ):
        answer = app.send("GET", acme.logs + query)
        assert b"CANARY-evil" not in answer.body


# --- what is refused, and how (O23, O24, O25) -------------------------------------------------------------------------


@pytest.mark.requirement("O23", "S10", "I5")
def test_an_ended_connection_is_refused_with_the_next_request(acme: Tenant, app: Somebody):
    assert app.send("GET", acme.logs).status == 200
    grants.revoke_grant(grant_of(acme.connection), by=acme.membership(acme.owner), now=now())
    answer = app.send("GET", acme.logs)
    assert (answer.status, challenge(answer)) == (401, CHALLENGE)


@pytest.mark.requirement("S13", "I5", "O26", "V10.3.3")
def test_a_connection_ends_with_its_makers_membership_on_the_next_request(acme: Tenant, app: Somebody):
    members.remove(acme.member.user, by=acme.membership(acme.owner), now=now())
    assert app.send("GET", acme.logs).status == 401


@pytest.mark.requirement("S13", "I5")
def test_a_connection_ends_with_its_project(acme: Tenant, app: Somebody):
    row = TenantItem.get(keys.org_partition(acme.org), keys.project_sort(acme.project))
    row.state = "deleting"
    row.save()
    assert app.send("GET", acme.logs).status == 401


@pytest.mark.requirement("S13", "O23")
@pytest.mark.parametrize(("age", "status"), [(0, 200), (3_500, 200), (3_601, 401), (86_400, 401)])
def test_a_token_expires(acme: Tenant, age: int, status: int):
    old = connect(acme, acme.owner, at=now() - age)
    assert holder("old", old.access_token).send("GET", acme.logs).status == status


@pytest.mark.requirement("O16")
def test_in_its_last_minute_a_token_is_refused_once_and_served_after(acme: Tenant):
    old = holder("old", connect(acme, acme.owner, at=now() - 3_545).access_token)
    answers = [old.send("GET", acme.logs) for _ in range(4)]
    assert [answer.status for answer in answers] == [401, 200, 200, 200]
    assert challenge(answers[0]) == CHALLENGE


@pytest.mark.requirement("O25")
def test_what_else_oauth_gives_is_no_access_token(acme: Tenant):
    held = acme.connection
    for text in (held.refresh_token, codes.new_bearer("scry_ac_").text, "scry_at_", "scry_at_" + "A" * 59):
        answer = holder("it", text).send("GET", acme.logs)
        assert (answer.status, challenge(answer)) == (401, CHALLENGE)


@pytest.mark.requirement("O24")
def test_a_token_in_the_query_or_the_body_is_not_read(acme: Tenant):
    token = acme.connection.access_token
    assert NOBODY.send("GET", f"{acme.logs}?access_token={token}").status == 401
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = Client().send("GET", acme.logs, body=f"access_token={token}".encode(), headers=form)
    assert sent.status == 401
    assert "error=" not in challenge(sent)


@pytest.mark.requirement("O24")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_may_be_written_in_any_case(acme: Tenant, scheme: str):
    assert NOBODY.send("GET", acme.logs, Authorization=f"{scheme} {acme.connection.access_token}").status == 200


@pytest.mark.requirement("O24")
def test_two_authorization_headers_are_one_too_many(acme: Tenant):
    token = acme.connection.access_token
    for second in (token, acme.query_key, "x"):
        pairs = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {second}")]
        assert Client().get(acme.logs, headers=pairs).status == 400


@pytest.mark.requirement("O23")
@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer  ", "Bearer a b", "Bearer ä", 'Bearer "x"', "Bearer x,y", "Bearer =x"]
)
def test_a_header_of_no_form_that_there_is_is_no_key_to_the_api_and_malformed_to_assistants(acme: Tenant, value: str):
    assert NOBODY.send("GET", acme.logs, Authorization=value).status == 401
    assert NOBODY.send("POST", "/mcp", {}, Authorization=value).status == 400


@pytest.mark.requirement("O24", "S22")
def test_beside_a_token_the_cookie_counts_for_nothing(acme: Tenant, app: Somebody):
    owner = signed_in("owner", acme.owner)
    both = Somebody("both", {**owner.headers, **app.headers}, owner.binding)
    assert both.send("GET", acme.logs).status == 200
    assert both.send("GET", "/api/orgs/acme/members").status == 403
    assert both.send("GET", "/api/auth/me").status == 403


# --- what is left behind (O28) ----------------------------------------------------------------------------------------


@pytest.mark.requirement("O28", "S10", "I10")
def test_every_call_of_the_api_is_in_the_connections_log_without_the_token(acme: Tenant, app: Somebody):
    grant = grant_of(acme.connection)
    app.send("GET", f"{acme.logs}?q=CANARY")
    app.send("GET", f"{acme.logs}?limit=nonsense")
    app.send("GET", "/api/orgs/acme/members")
    app.send("POST", "/api/ingest", {"events": []})
    calls = activity.calls_of(grant)
    assert [(call.what, call.outcome) for call in reversed(calls)] == [
        ("GET /logs", "ok"),
        ("GET /logs", "error"),
        ("GET /api/orgs/{org}/members", "refused"),
        ("POST /api/ingest", "refused"),
    ]
    found = grants.grant_by_id(grant, now=now())
    assert found is not None
    assert found.last_used_at is not None
    assert re.search("scry_at_|CANARY", json.dumps([call.what for call in calls])) is None


@pytest.mark.requirement("S9", "I5")
def test_theft_ends_what_the_api_serves_too(acme: Tenant, app: Somebody):
    def refresh() -> codes.Issued:
        token = acme.connection.refresh_token
        return rotation.refresh(token, client_id="scry", scope="", resource="", now=now())

    newest = holder("newest", refresh().access_token)
    assert newest.send("GET", acme.logs).status == 200
    with pytest.raises(codes.OAuthError):
        refresh()
    assert [who.send("GET", acme.logs).status for who in (newest, app)] == [401, 401]

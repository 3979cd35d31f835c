"""The door, with routes of these tests' own: who is asking, by what, and how people are answered, unlike programs."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from chalicelib.identity import members, orgs, sessions
from chalicelib.identity.permissions import Permission, Role
from chalicelib.web import bodies, csrf, responses
from chalicelib.web.application import Application
from chalicelib.web.bodies import FORM
from chalicelib.web.cookies import PRE
from chalicelib.web.declaration import RouteWrong
from chalicelib.web.guard import Guest, KeyPrincipal, PersonPrincipal, Principal
from chalicelib.web.problems import FormWrong
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes
from tests.api.client import Client, Response
from tests.permissions.cast import ORIGIN, Somebody, Tenant, holder, new_tenant, now, signed_in

THINGS = "/orgs/{org}/things"


class Thing(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(max_length=10)]


class Seen:
    """Handlers put here who they were given."""

    principal: Principal | Guest | None


routes = Routes(__name__)


def keep(request: Request, principal: Principal | Guest) -> Answer:
    """Keeps who asks."""
    Seen.principal = principal
    return responses.json({})


def again(request: Request, principal: PersonPrincipal, wrong: FormWrong) -> Answer:
    return responses.json(wrong.errors, status=422)


routes.get("/api/account", permission=Permission.ACCOUNT_READ)(keep)
routes.get("/api/orgs/{org}", permission=Permission.ORG_READ)(keep)
routes.get("/api/orgs/{org}/projects/{project}/events", permission=Permission.EVENTS_READ)(keep)
routes.patch("/api/orgs/{org}", permission=Permission.ORG_WRITE, fresh=True)(keep)
routes.post("/api/open", permission=Permission.PUBLIC)(keep)
routes.page("/open", permission=Permission.PUBLIC)(keep)
routes.page(THINGS, permission=Permission.ORG_READ)(
    lambda request, principal: responses.json({}, headers={"Cache-Control": "public"})
)
routes.page("/orgs/{org}/fresh", permission=Permission.ORG_READ, fresh=True)(keep)


@routes.form(THINGS, permission=Permission.PROJECTS_WRITE, again=again, body=Thing)
def add(request: Request, principal: PersonPrincipal) -> Answer:
    """Adds a thing."""
    thing = bodies.form_body(request, Thing)
    if thing.name == "taken":
        raise FormWrong({"name": "This is taken."}, {"name": thing.name})
    return responses.see_other(f"/orgs/{principal.org.slug}/things")


@routes.form("/orgs/{org}/wrong", permission=Permission.ORG_WRITE, again=again)
def answers_without_303(request: Request, principal: PersonPrincipal) -> Answer:
    """Forgets the 303."""
    return responses.json({})


application = Application("door")
application.register_blueprint(routes)
client = Client(application)


@pytest.fixture
def acme(moto_store: None) -> Tenant:
    return new_tenant("acme", "shop")


def send(who: Somebody, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
    token = {"X-CSRF-Token": csrf.token(who.binding, csrf.API), "Origin": ORIGIN} if who.binding else {}
    return client.send(method, path, body=body, headers={**who.headers, **token, **headers})


def submit(who: Somebody, path: str, body: str) -> Response:
    body = "&".join(filter(None, (body, f"{csrf.FIELD}={csrf.token(who.binding, csrf.FORM)}")))
    return client.send(
        "POST", path, body=body.encode(), headers={**who.headers, "Origin": ORIGIN, "Content-Type": FORM}
    )


def code(answer: Response) -> str:
    return str(answer.json["type"]).rpartition(":")[2]


def test_a_handler_knows_the_person_the_place_and_the_power(acme: Tenant) -> None:
    assert send(signed_in("admin", acme.admin), "GET", "/api/orgs/acme/projects/shop/events").status == 200
    person = Seen.principal
    assert isinstance(person, PersonPrincipal)
    assert (person.user, person.org.org, person.project.project) == (acme.admin.user, acme.org, acme.project)
    assert person.member == acme.membership(acme.admin)
    assert Permission.ORG_WRITE in person.may
    assert Permission.OWNERSHIP_WRITE not in person.may


def test_a_handler_knows_the_key_and_its_project(acme: Tenant) -> None:
    assert send(holder("key", acme.query_key), "GET", "/api/orgs/acme/projects/shop/events").status == 200
    assert isinstance(Seen.principal, KeyPrincipal)
    assert (Seen.principal.key.kind, Seen.principal.project.project) == ("query", acme.project)


def test_on_an_account_route_nobody_has_a_place(acme: Tenant) -> None:
    assert send(signed_in("owner", acme.owner), "GET", "/api/account").status == 200
    assert isinstance(Seen.principal, PersonPrincipal)
    assert Seen.principal.place is None
    with pytest.raises(AssertionError):
        _ = Seen.principal.org


@pytest.mark.requirement("I10")
def test_no_secret_is_in_the_text_of_a_principal(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    send(owner, "GET", "/api/account")
    assert owner.binding not in repr(Seen.principal)
    client.get("/open", headers={"Cookie": f"{PRE}=abcdef"})
    assert "abcdef" not in repr(Seen.principal)


def test_what_is_public_is_told_who_is_there_if_somebody_is(acme: Tenant) -> None:
    client.get("/open")
    assert isinstance(Seen.principal, Guest)
    assert Seen.principal.is_new
    client.get("/open", headers={"Cookie": f"{PRE}=abc"})
    assert Seen.principal == Guest("abc", is_new=False)
    send(signed_in("owner", acme.owner), "GET", "/open")
    assert isinstance(Seen.principal, PersonPrincipal)
    send(Somebody("both", {**signed_in("owner", acme.owner).headers, "Authorization": "Bearer x"}), "GET", "/open")
    assert isinstance(Seen.principal, Guest)


@pytest.mark.requirement("S20", "V7.3.2")
def test_a_session_lasts_for_its_window_by_the_readers_clock(acme: Tenant) -> None:
    for age, status in ((0, 200), (sessions.SECONDS - 60, 200), (sessions.SECONDS, 401), (2 * sessions.SECONDS, 401)):
        assert send(signed_in("owner", acme.owner, at=now() - age), "GET", "/api/account").status == status


@pytest.mark.requirement("V7.5.3")
def test_what_is_sensitive_wants_a_password_of_the_last_half_hour(acme: Tenant) -> None:
    fresh, stale = (signed_in("owner", acme.owner, at=now() - age) for age in (29 * 60, 31 * 60))
    assert send(fresh, "PATCH", "/api/orgs/acme").status == 200
    answer = send(stale, "PATCH", "/api/orgs/acme")
    assert (answer.status, code(answer)) == (403, "reauthenticate")
    assert send(stale, "GET", "/api/orgs/acme").status == 200


def test_who_may_not_is_told_so_before_a_password_is_asked_for(acme: Tenant) -> None:
    stale = signed_in("member", acme.member, at=now() - 31 * 60)
    assert code(send(stale, "PATCH", "/api/orgs/acme")) == "forbidden"


@pytest.mark.requirement("I5", "S30", "V8.3.2")
def test_a_role_counts_from_the_next_request_on(acme: Tenant) -> None:
    admin = signed_in("admin", acme.admin)
    assert send(admin, "PATCH", "/api/orgs/acme").status == 200
    members.change_role(acme.admin.user, Role.MEMBER, by=acme.membership(acme.owner), now=now())
    assert code(send(admin, "PATCH", "/api/orgs/acme")) == "forbidden"
    members.remove(acme.admin.user, by=acme.membership(acme.owner), now=now())
    assert code(send(admin, "PATCH", "/api/orgs/acme")) == "not-found"
    assert send(admin, "GET", "/api/account").status == 200


@pytest.mark.requirement("I5", "V6.3.3")
def test_an_organisation_that_requires_a_second_factor_is_closed_without_one(acme: Tenant) -> None:
    org = orgs.org_by_id(acme.org)
    assert org is not None
    orgs.edit_org(org, by=acme.membership(acme.owner), slug="acme", name=org.name, second_factor=True, now=now())
    weak, strong = signed_in("weak", acme.owner), signed_in("strong", acme.owner, strong=True)
    assert code(send(weak, "GET", "/api/orgs/acme")) == "second-factor"
    assert send(strong, "GET", "/api/orgs/acme").status == 200
    assert send(weak, "GET", "/api/account").status == 200


@pytest.mark.requirement("S29", "V8.2.2")
def test_a_place_that_is_not_theirs_is_not_told_from_one_that_is_not(acme: Tenant) -> None:
    new_tenant("evil", "lab")
    owner = signed_in("owner", acme.owner)
    answers = {
        (answer.status, answer.body)
        for answer in (
            send(owner, "GET", "/api/orgs/evil"),
            send(owner, "GET", "/api/orgs/none"),
            send(owner, "GET", "/api/orgs/acme/projects/lab/events"),
            send(owner, "GET", "/api/orgs/evil/projects/lab/events"),
            send(owner, "GET", "/api/orgs/evil/projects/shop/events"),
            send(holder("key", acme.query_key), "GET", "/api/orgs/evil/projects/lab/events"),
            send(holder("key", acme.query_key), "GET", "/api/orgs/none/projects/none/events"),
        )
    }
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404


def test_a_form_that_was_taken_leads_on_and_one_that_was_not_is_shown_again(acme: Tenant) -> None:
    owner = signed_in("owner", acme.owner)
    taken = submit(owner, "/orgs/acme/things", "name=thing")
    assert (taken.status, taken.headers["Location"], taken.body) == (303, "/orgs/acme/things", b"")
    for name, text in (
        ("", "This is missing."),
        ("x" * 11, "This must have at most 10 characters."),
        ("taken", "This is taken."),
    ):
        answer = submit(owner, "/orgs/acme/things", f"name={name}")
        assert (answer.status, answer.json) == (422, {"name": text})


def test_a_form_that_answers_without_leading_on_is_a_fault(acme: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    assert submit(signed_in("owner", acme.owner), "/orgs/acme/wrong", "").status == 500
    assert "without a 303" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "to"),
    [
        ("GET", "/orgs/acme/things", "/sign-in?next=/orgs/acme/things"),
        ("GET", "/orgs/a%2Fb%0D%0Ac/things", "/sign-in?next=/orgs/a%252Fb%250D%250Ac/things"),
        ("POST", "/orgs/acme/things", "/sign-in?next=/orgs/acme/things"),
    ],
)
def test_who_opens_a_page_without_being_signed_in_is_led_to_the_sign_in(
    moto_store: None, method: str, path: str, to: str
) -> None:
    answer = client.send(method, path, headers={"Origin": ORIGIN, "Content-Type": FORM})
    assert (answer.status, answer.headers["Location"]) == (303, to)


def test_who_has_to_prove_the_password_again_is_led_there_and_back(acme: Tenant) -> None:
    stale = signed_in("owner", acme.owner, at=now() - 31 * 60)
    answer = send(stale, "GET", "/orgs/acme/fresh")
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in/again?next=/orgs/acme/fresh")


def test_people_are_refused_in_words(acme: Tenant) -> None:
    answer = send(signed_in("owner", acme.owner), "GET", "/orgs/none/things")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert b"There is nothing here, or nothing for you." in answer.body
    assert b"gateway-request" in answer.body
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_what_somebody_is_shown_who_is_signed_in_is_kept_nowhere(acme: Tenant) -> None:
    assert send(signed_in("owner", acme.owner), "GET", "/orgs/acme/things").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("permission", "path", "more", "why"),
    [
        (Permission.ORG_READ, "/x", {}, "{org}"),
        (Permission.EVENTS_READ, "/orgs/{org}/x", {}, "{project}"),
        (Permission.PUBLIC, "/x", {"fresh": True}, "fresh"),
    ],
)
def test_a_route_that_could_not_be_guarded_does_not_start(
    permission: Permission, path: str, more: dict[str, bool], why: str
) -> None:
    with pytest.raises(RouteWrong, match=why):
        Routes(__name__).page(path, permission=permission, **more)(keep)


@pytest.mark.requirement("V3.7.2", "V1.2.2")
@pytest.mark.parametrize(
    "path",
    ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/a\r\nb", "/a b", "/é", "\\\\evil"],
)
def test_a_redirect_leads_nowhere_else(path: str) -> None:
    with pytest.raises(ValueError, match="this site"):
        responses.see_other(path)

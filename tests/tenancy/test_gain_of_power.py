"""Somebody whom another person gave more power goes on under a new session id, and is never signed out by that."""

from http.cookies import SimpleCookie

import pytest

from chalicelib.identity import sessions
from chalicelib.identity.permissions import Role
from chalicelib.identity.users import User
from chalicelib.storage import audit
from chalicelib.web import csrf
from chalicelib.web.cookies import SESSION
from tests.api.client import Response
from tests.permissions.cast import Somebody, now, signed_in
from tests.tenancy.world import NOW, Tenant

MEMBERS = "/api/orgs/acme/members"


@pytest.fixture
def store(moto_store: None) -> None:
    """The engines are compared where sessions and members are tested."""


def raised(acme: Tenant, user: User, role: Role = Role.ADMIN) -> None:
    path = f"{MEMBERS}/{user.user.hex()}"
    assert signed_in("alice", acme.owner).send("PATCH", path, {"role": role}).status == 200


def earlier(user: User) -> Somebody:
    """Somebody who signed in a minute ago."""
    return signed_in("somebody", user, at=now() - 60)


def set_session(answer: Response) -> list[str]:
    """The session ids that the answer sets, in their order."""
    sent = next((each for name, each in answer.headers.items() if name.lower() == "set-cookie"), [])
    found = (SimpleCookie(line) for line in ([sent] if isinstance(sent, str) else sent))
    return [cookie[SESSION].value for cookie in found if SESSION in cookie]


def with_cookie(value: str) -> Somebody:
    return Somebody("bob", {"Cookie": f"{SESSION}={value}"}, value)


@pytest.mark.requirement("S21")
@pytest.mark.parametrize("path", [MEMBERS, "/orgs/acme/members"])
def test_the_next_request_of_who_was_raised_gets_a_new_session_id_and_only_that_one(
    path: str, acme: Tenant, bob: User
) -> None:
    before = earlier(bob)
    assert set_session(before.send("GET", path)) == []
    raised(acme, bob)
    answer = before.send("GET", path)
    assert answer.status == 200
    [new] = set_session(answer)
    assert new != before.binding
    assert sessions.session(before.binding, now=now()) is None
    after = with_cookie(new).send("GET", path)
    assert (after.status, set_session(after)) == (200, [])
    actions = [entry.action for entry in audit.search_personal(bob.user, audit.Filter()).data]
    assert actions.count("session.renew") == 1


@pytest.mark.requirement("S21")
def test_a_change_by_who_was_raised_is_made_and_its_answer_has_the_new_id(acme: Tenant, bob: User) -> None:
    before = earlier(bob)
    raised(acme, bob)
    for answer in (
        before.send("POST", "/api/orgs/acme/projects", {"name": "One"}),
        # From the page that was open before, within ten seconds.
        before.post_form("/orgs/acme/projects", {"name": "Two"}),
    ):
        assert answer.status in (200, 201)
        [new] = set_session(answer)
    assert with_cookie(new).send("POST", "/api/orgs/acme/projects", {"name": "Three"}).status == 201


@pytest.mark.requirement("S21")
def test_pages_shown_under_the_new_id_have_forms_that_work_with_it(acme: Tenant, bob: User) -> None:
    before = earlier(bob)
    raised(acme, bob)
    answer = before.send("GET", "/orgs/acme")
    [new] = set_session(answer)
    assert csrf.token(new, csrf.FORM).encode() in answer.body
    assert csrf.token(before.binding, csrf.FORM).encode() not in answer.body


@pytest.mark.requirement("S21")
@pytest.mark.parametrize("path", ["/orgs/acme/members", MEMBERS])
def test_requests_that_were_under_way_with_the_old_id_are_answered_with_the_same_new_one(
    path: str, acme: Tenant, bob: User
) -> None:
    before = earlier(bob)
    raised(acme, bob)
    first, second = before.send("GET", path), before.send("GET", "/account")
    assert (first.status, second.status) == (200, 200)
    assert set_session(first) == set_session(second) != []


@pytest.mark.requirement("S21")
@pytest.mark.parametrize("path", ["/orgs/acme/members/none", MEMBERS + "/none"])
def test_an_answer_that_says_no_sets_the_new_id_too(path: str, acme: Tenant, bob: User) -> None:
    before = earlier(bob)
    raised(acme, bob)
    answer = before.send("GET", path)
    assert answer.status == 404
    [new] = set_session(answer)
    assert with_cookie(new).send("GET", MEMBERS).status == 200
    # The old one leads there for ten seconds: nothing that is refused meanwhile loses the new one.
    assert set_session(before.send("GET", "/orgs/none")) == [new]


@pytest.mark.requirement("S21")
def test_who_signs_out_with_the_old_id_is_signed_out(acme: Tenant, bob: User) -> None:
    before = earlier(bob)
    raised(acme, bob)
    [new] = set_session(before.send("GET", MEMBERS))
    answer = before.send("POST", "/api/auth/logout", {})
    assert set_session(answer)[-1] == ""
    assert sessions.session(new, now=now()) is None
    assert before.send("GET", MEMBERS).status == 401


@pytest.mark.requirement("S21")
def test_a_handed_over_organisation_renews_the_id_of_the_new_owner(acme: Tenant, alice: User, bob: User) -> None:
    heir, giver = earlier(bob), earlier(alice)
    body = {"member": bob.user.hex()}
    assert signed_in("alice", alice).send("PUT", "/api/orgs/acme/owner", body).status < 300
    assert len(set_session(heir.send("GET", MEMBERS))) == 1
    assert set_session(giver.send("GET", MEMBERS)) == []


@pytest.mark.requirement("S21")
def test_neither_less_power_nor_ones_own_doing_renews_an_id(acme: Tenant, elsewhere: Tenant, bob: User) -> None:
    acme.change_role(bob, Role.ADMIN, by=acme.owner)
    raised_at = acme.member(bob).raised_at
    assert raised_at == NOW
    session = earlier(bob)
    acme.change_role(bob, Role.MEMBER, by=acme.owner)
    elsewhere.join(bob, Role.ADMIN)
    assert acme.member(bob).raised_at == raised_at
    for org in ("acme", "elsewhere"):
        assert set_session(session.send("GET", f"/api/orgs/{org}/members")) == []


@pytest.mark.requirement("S21")
def test_every_session_of_who_was_raised_gets_an_id_of_its_own(acme: Tenant, bob: User) -> None:
    laptop, phone = earlier(bob), earlier(bob)
    raised(acme, bob)
    [one], [other] = (set_session(each.send("GET", MEMBERS)) for each in (laptop, phone))
    assert one != other
    assert len(sessions.sessions_of(bob, now=now())) == 2

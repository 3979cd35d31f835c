"""The question: what it says, whom it is for, and that only its own answer, from the right session, gives a code."""

import re

import pytest

from chalicelib.identity import members, orgs, project_changes
from chalicelib.identity.permissions import Role
from chalicelib.identity.project_changes import NewProject
from chalicelib.oauth import seal
from chalicelib.oauth.authorization import AuthorizationRequest, Redirect
from chalicelib.oauth.seal import Question, SealBroken
from chalicelib.web import csrf
from tests.api.client import Client
from tests.oauth import parties
from tests.oauth.asking import CALLBACK, ENDPOINT, ISSUER, app, asks, decides, question, told, wanted
from tests.pages.samples import Page
from tests.permissions.cast import Somebody, Tenant, new_user, now, signed_in, stored

NOW = 1_790_000_000


@pytest.fixture
def ada(acme: Tenant) -> Somebody:
    """She owns Acme, whose one project is the shop."""
    return signed_in("Ada", acme.owner)


def text(answer) -> str:
    """What the page says, as it is read."""
    without_tags = re.sub(r"<[^>]*>", " ", answer.body.decode())
    return " ".join(without_tags.split())


def require_second_factor(acme: Tenant) -> None:
    org = orgs.org_by_id(acme.org)
    orgs.edit_org(org, by=acme.membership(acme.owner), slug=org.slug, name=org.name, second_factor=True, now=now())


def csrf_token(who: Somebody) -> str:
    return csrf.token(who.binding, csrf.FORM)


def second_project(acme: Tenant) -> str:
    """Adds one, and says how the form calls it."""
    made = project_changes.create_project(
        acme.org, NewProject("billing", "Billing", 30), by=acme.membership(acme.owner), now=now()
    )
    return f"{acme.org.hex()}.{made.hex()}"


@pytest.mark.requirement("O8", "V10.7.2")
def test_it_says_who_asks_for_which_project_where_the_answer_goes_and_how_long_it_lasts(ada, acme):
    page = asks(ada, wanted(app(name="Friendly <b>app</b>"), resource=f"{ISSUER}/mcp/acme/shop"))
    said = text(page)
    assert "Friendly &lt;b&gt;app&lt;/b&gt; asks to read CANARY-acme org / CANARY-acme project" in said
    assert "unverified" in said
    assert "app.example" in said
    assert "owner@acme.example" in said
    assert "It cannot send, change or delete anything" in said
    assert re.search(r"after 30 days without use, on \d+ \w+ \d{4} at the latest", said)
    assert "under Connections in the project" in said
    assert "<img" not in page.body.decode()


@pytest.mark.requirement("O8")
def test_a_client_with_a_document_is_proven_by_its_host(ada, monkeypatch):
    with parties.reached(monkeypatch, parties.published(parties.document(logo_uri="https://x.example/logo.png"))):
        page = asks(ada, wanted(parties.ADDRESS, redirect_uri=parties.REDIRECT))
    said = text(page)
    assert f"proven by {parties.HOST}" in said
    assert "unverified" not in said
    assert "<img" not in page.body.decode()


@pytest.mark.requirement("O8")
def test_the_way_out_comes_first_and_both_buttons_look_the_same(ada):
    buttons = Page(asks(ada, wanted()).body.decode()).all("button")
    answers = [each for each in buttons if each.attributes.get("name") == "decision"]
    assert [(each.text, each.attributes["value"]) for each in answers] == [("Cancel", "deny"), ("Allow", "allow")]
    assert len({each.attributes["class"] for each in answers}) == 1


@pytest.mark.requirement("O8", "V10.4.7")
@pytest.mark.parametrize("uri", ["http://127.0.0.1:43117/callback", "http://localhost:43117/callback"])
def test_an_answer_to_a_program_on_this_computer_is_warned_of(ada, uri):
    said = text(asks(ada, wanted(app(uri), redirect_uri=uri)))
    assert "any program here can ask in this name" in said
    assert uri.split("/")[2] in said


@pytest.mark.requirement("O8", "V10.7.1")
def test_everybody_is_asked_again_each_time(ada):
    parameters = wanted(app())
    assert "code" in told(decides(ada, asks(ada, parameters)))
    assert asks(ada, parameters).status == 200


@pytest.mark.requirement("S3")
def test_a_no_is_told_to_the_client_and_gives_nothing(ada):
    before = stored()["tokens"]
    found = told(decides(ada, asks(ada, wanted(state="s")), "deny"))
    assert (found["error"], found["state"], found["iss"]) == ("access_denied", "s", ISSUER)
    assert "code" not in found
    assert stored()["tokens"] == before


@pytest.mark.requirement("S3")
def test_there_is_no_code_before_somebody_says_yes(ada):
    before = stored()["tokens"]
    page = asks(ada, wanted())
    assert stored()["tokens"] == before
    assert "code" in told(decides(ada, page))
    assert len(stored()["tokens"]) == len(before) + 3, "the code, and what leads to it from its project and its person"


@pytest.mark.requirement("S3", "S22")
def test_a_yes_that_no_page_of_ours_sent_gives_no_code(ada, evil):
    page = asks(ada, wanted())
    eve = signed_in("Eve", evil.owner)
    before = stored()["tokens"]
    body = {"question": question(page), "decision": "allow"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = "&".join(f"{name}={value}" for name, value in body.items()).encode()
    for headers in (
        {"Origin": ISSUER},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ):
        token = b"" if headers == {"Origin": ISSUER} else b"&csrf_token=" + csrf_token(ada).encode()
        answer = Client().send("POST", ENDPOINT, body=sent + token, headers={**form, **ada.headers, **headers})
        assert answer.status == 403, headers
    assert decides(eve, page).status == 400
    assert stored()["tokens"] == before


@pytest.mark.requirement("S3", "O9")
def test_a_page_that_tells_nobody_its_address_can_still_send_its_form(ada):
    """With `no-referrer` browsers say `Origin: null`, and `same-origin` beside it."""
    page = asks(ada, wanted())
    body = f"question={question(page)}&decision=allow&csrf_token={csrf_token(ada)}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert "code" in told(Client().send("POST", ENDPOINT, body=body, headers={**headers, **ada.headers}))


@pytest.mark.requirement("O8")
def test_a_question_that_was_changed_on_the_way_is_no_question(ada):
    page = asks(ada, wanted())
    sealed = question(page)
    before = stored()["tokens"]
    for changed in (sealed[:-4] + "AAAA", "A" + sealed[1:], sealed[: len(sealed) // 2], "", "x", sealed + "é"):
        answer = ada.post_form(ENDPOINT, {"question": changed, "decision": "allow"})
        assert answer.status in (400, 422), changed
        assert "Location" not in answer.headers
    assert stored()["tokens"] == before


@pytest.mark.requirement("O8")
def test_fields_that_the_question_has_not_are_refused(ada, acme):
    page = asks(ada, wanted(resource=f"{ISSUER}/mcp/acme/shop"))
    other = second_project(acme)
    assert decides(ada, page, project=other).status == 400
    assert decides(ada, page, redirect_uri="https://evil.example/").status == 400
    assert decides(ada, page, scope="events:write").status == 400


@pytest.mark.requirement("O8")
def test_a_question_lasts_ten_minutes_in_the_session_that_was_asked():
    asked = Question(
        AuthorizationRequest(
            client_id="scry", client_kind="registered", client_name="scry", client_host="",
            redirect=Redirect(CALLBACK, "s"), challenge="c", scope="events:read", resource=f"{ISSUER}/mcp",
        ),
        None,
    )  # fmt: skip
    sealed = seal.sealed(asked, "a session", now=NOW)
    assert seal.opened(sealed, "a session", now=NOW + 599) == asked
    for binding, at in (("a session", NOW + 600), ("another session", NOW)):
        with pytest.raises(SealBroken):
            seal.opened(sealed, binding, now=at)


@pytest.mark.requirement("O8", "S6")
def test_of_several_projects_one_is_chosen_and_none_is_before(ada, acme):
    other = second_project(acme)
    page = asks(ada, wanted())
    radios = [each for each in Page(page.body.decode()).all("input") if each.attributes["type"] == "radio"]
    assert {each.attributes["value"] for each in radios} == {f"{acme.org.hex()}.{acme.project.hex()}", other}
    assert [each for each in radios if "checked" in each.attributes] == []
    undecided = decides(ada, page)
    assert undecided.status == 422
    assert "Choose the project that it may read." in text(undecided)
    assert "code" in told(decides(ada, undecided, project=other))
    assert told(decides(ada, page, "deny"))["error"] == "access_denied"


@pytest.mark.requirement("S6", "S29")
def test_nobody_lets_an_app_into_a_project_that_is_not_theirs(ada, acme, evil):
    second_project(acme)
    theirs = f"{evil.org.hex()}.{evil.project.hex()}"
    before = stored()["tokens"]
    assert decides(ada, asks(ada, wanted()), project=theirs).status == 404
    named = asks(ada, wanted(resource=f"{ISSUER}/mcp/evil/laboratory"))
    unknown = asks(ada, wanted(resource=f"{ISSUER}/mcp/none/such"))
    assert (named.status, unknown.status) == (404, 404)
    assert "CANARY-evil" not in named.body.decode()
    assert text(named).replace("evil/laboratory", "…") == text(unknown).replace("none/such", "…")
    assert stored()["tokens"] == before


@pytest.mark.requirement("I5", "S13")
def test_who_was_removed_meanwhile_lets_nobody_in(acme):
    bob = signed_in("Bob", acme.member)
    page = asks(bob, wanted())
    assert page.status == 200
    members.remove(acme.member.user, by=acme.membership(acme.owner), now=now())
    assert decides(bob, page).status == 404


def test_who_is_in_no_project_is_told_so(acme):
    nobody = signed_in("Nobody", new_user("nobody@example.com", "Nobody"))
    answer = asks(nobody, wanted())
    assert answer.status == 403
    assert "You are in no project yet" in text(answer)


def test_an_organisation_that_requires_a_second_factor_lets_nobody_in_without(acme):
    strong = signed_in("Ada", acme.owner, strong=True)
    weak = signed_in("Ada", acme.owner)
    require_second_factor(acme)
    for resource in (None, f"{ISSUER}/mcp/acme/shop"):
        answer = asks(weak, wanted(resource=resource))
        assert answer.status == 403
        assert 'href="/account"' in answer.body.decode()
        assert "code" in told(decides(strong, asks(strong, wanted(resource=resource))))


def test_every_role_may_let_an_app_read(acme):
    for role in Role:
        who = signed_in(role, acme.people[role])
        assert "code" in told(decides(who, asks(who, wanted())))


@pytest.mark.requirement("O3", "O7")
def test_after_a_sign_in_an_error_is_a_link_back_since_browsers_stop_that_redirect(ada):
    answer = asks(ada, wanted(response_type="token", state="s"), **{"Sec-Fetch-Site": "same-origin"})
    assert answer.status == 400
    [link] = [each for each in Page(answer.body.decode()).all("a") if each.text == "Go back to it"]
    assert link.attributes["href"].startswith("http://127.0.0.1:43117/callback?error=unsupported_response_type&")
    assert link.attributes["rel"] == "noreferrer"

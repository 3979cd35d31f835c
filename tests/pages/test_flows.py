"""What people do on pages, on the real app, with plain forms: JavaScript is nowhere needed."""

import math
import re
import time

import pytest
from msgspec.structs import replace

from chalicelib import settings
from chalicelib.identity import passwords
from chalicelib.identity.api_keys import KEY
from chalicelib.identity.membership import Operator
from chalicelib.identity.orgs import edit_org, org_by_id
from chalicelib.identity.projects import org_by_slug
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.limits import LimitReached
from chalicelib.web.cookies import SESSION
from chalicelib.web.pages import refusal
from chalicelib.web.problems import PROBLEMS, NotFound
from chalicelib.web.request import Request
from tests.api.client import Client
from tests.faults import SERVER_ERROR, counted, injected
from tests.pages.samples import HOSTILE
from tests.pages.visitor import Visitor
from tests.web.requests import request as sample_request

PASSWORD = "seven turtles dance"


@pytest.fixture(autouse=True)
def _store(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=8, passes=1))


@pytest.fixture
def _outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()


def signed_up(name: str = "Ada", org: str = "Acme", email: str = "ada@example.com") -> Visitor:
    visitor = Visitor()
    visitor.opens("/sign-up")
    visitor.sends("/sign-up", name=name, email=email, password=PASSWORD, org_name=org)
    assert visitor.response is not None
    assert visitor.response.status == 200, visitor.html
    return visitor


def key_on(visitor: Visitor) -> str:
    found = KEY.search(visitor.html)
    assert found is not None
    return found[0]


@pytest.mark.requirement("S25")
def test_signing_up_ends_on_a_page_with_a_curl_that_works_and_shows_its_key_only_there():
    ada = signed_up()
    key = key_on(ada)
    assert ada.heading == "Send the first event"
    assert ada.response.headers["Cache-Control"] == "no-store"
    assert Client().post("/api/ingest", {"message": "hello"}, key=key).status == 202
    ada.opens("/orgs/acme/projects/app/first-event")
    assert "The first event is here" in ada.html
    assert "hello" in ada.html
    for path in ("/orgs/acme/projects/app/first-event", "/orgs/acme/projects/app/keys", "/orgs/acme/audit"):
        ada.opens(path)
        assert KEY.search(ada.html) is None


def test_what_is_wrong_stands_next_to_its_field_and_no_password_comes_back():
    visitor = Visitor()
    visitor.opens("/sign-up")
    visitor.sends("/sign-up", name="Ada", email="ada@example.com", password="too short", org_name="Acme")
    assert visitor.response.status == 422
    assert visitor.wrong == ["A password has at least 12 characters."]
    assert 'value="ada@example.com"' in visitor.html
    assert "too short" not in visitor.html


def test_wrong_sign_ins_are_refused_as_a_whole_and_right_ones_lead_back_to_where_one_was():
    signed_up()
    visitor = Visitor()
    visitor.opens("/orgs/acme/members")
    assert visitor.heading == "Sign in"
    visitor.sends("/sign-in", email="ada@example.com", password="not this at all")
    assert visitor.response.status == 422
    assert visitor.wrong == []
    assert "The e-mail address or the password is wrong." in visitor.html
    visitor.sends("/sign-in", email="ada@example.com", password=PASSWORD)
    assert visitor.path == "/orgs/acme/members"


@pytest.mark.requirement("V3.7.2", "V1.2.2")
@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_no_form_leads_to_another_site(elsewhere):
    ada = signed_up()
    ada.opens("/account")
    ada.sends("/theme", theme="dark", back=elsewhere)
    assert ada.path == "/"
    assert ada.cookies["__Host-theme"] == "dark"
    visitor = Visitor()
    visitor.opens(f"/sign-in?next={elsewhere}")
    visitor.sends("/sign-in", email="ada@example.com", password=PASSWORD)
    assert visitor.path == "/orgs/acme"


def test_the_theme_is_in_the_document_that_comes_next():
    visitor = Visitor()
    visitor.opens("/")
    assert "data-theme" not in visitor.html
    visitor.sends("/theme", theme="dark")
    assert '<html lang="en" data-theme="dark">' in visitor.html


@pytest.mark.requirement("V3.2.2", "V1.2.1")
def test_hostile_names_are_text_on_every_page_that_shows_them():
    hostile = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", HOSTILE)[:100]
    ada = signed_up(name=hostile, org=hostile)
    home = re.search(r'href="(/orgs/[a-z0-9-]+)"', ada.html)[1]
    for path in (
        "",
        "/members",
        "/audit",
        "/settings",
        "/projects/app",
        "/projects/app/keys",
        "/projects/app/settings",
    ):
        ada.opens(home + path)
        assert ada.response.status == 200
        assert ada.page.all("img") == []
        assert all("src" in script.attributes for script in ada.page.all("script"))


def test_a_key_is_made_rotated_and_revoked():
    ada = signed_up()
    keys = "/orgs/acme/projects/app/keys"
    ada.opens(keys)
    ada.sends(keys, label="checkout", kind="query", lifetime="30")
    made = key_on(ada)
    logs = "/api/orgs/acme/projects/app/logs"
    assert Client().get(logs, key=made).status == 200
    one = f"{keys}/{KEY.fullmatch(made)['id']}"
    ada.opens(one)
    assert "refused from the next request on" in ada.html
    ada.sends(f"{one}/rotate", overlap="1")
    new = key_on(ada)
    assert Client().get(logs, key=made).status == Client().get(logs, key=new).status == 200
    newer = f"{keys}/{KEY.fullmatch(new)['id']}"
    ada.opens(newer)
    ada.sends(f"{newer}/revoke")
    assert ada.path == f"{keys}?saved=revoked"
    assert Client().get(logs, key=new).status == 401


@pytest.mark.requirement("S26")
def test_a_key_gets_another_label_and_is_rotated_with_a_day_to_change_it_where_nothing_else_is_said():
    ada = signed_up()
    keys = "/orgs/acme/projects/app/keys"
    ada.opens(keys)
    ada.sends(keys, label="checkout", kind="query")
    one = f"{keys}/{KEY.fullmatch(key_on(ada))['id']}"
    ada.opens(one)
    ada.sends(f"{one}/label", label=" ")
    assert ada.response.status == 422
    ada.sends(f"{one}/label", label="panel")
    assert ada.path == f"{one}?saved=label"
    assert ada.heading == "panel"
    overlaps = [each for each in ada.page.all("option") if each.attributes["value"] in ("1", "24", "168")]
    assert next(each.attributes["value"] for each in overlaps) == "24"
    ada.sends(f"{one}/rotate", overlap="24", lifetime="30")
    new = f"{keys}/{KEY.fullmatch(key_on(ada))['id']}"
    ada.opens(new)
    assert ada.heading == "panel"
    assert "never" not in facts(ada)["Expires"]


def facts(visitor: Visitor) -> dict[str, str]:
    """What a page lists of one thing."""
    names, values = visitor.page.all("dt"), re.findall(r"<dd[^>]*>(.*?)</dd>", visitor.html)
    return dict(zip((each.text for each in names), values, strict=True))


@pytest.mark.requirement("I5")
def test_somebody_is_invited_joins_and_is_removed_and_sees_nothing_from_the_next_click_on():
    ada = signed_up()
    ada.opens("/orgs/acme/members")
    ada.sends("/orgs/acme/invitations", email="grace@example.com", role="admin")
    link = re.search(r"/invitation\?token=[\w=-]+", ada.html)[0]
    grace = Visitor()
    grace.opens(link)
    assert grace.heading == "Join Acme"
    grace.sends("/invitation/account", name="Grace", password=PASSWORD)
    assert grace.path == "/orgs/acme"
    keys = "/orgs/acme/projects/app/keys"
    grace.opens(keys)
    grace.sends(keys, label="her panel", kind="query")
    theirs = key_on(grace)
    ada.opens("/orgs/acme/members")
    member = re.search(r'href="(/orgs/acme/members/\w+)">Grace', ada.html)[1]
    ada.opens(member)
    assert "1 query key that Grace made will end: “her panel”." in ada.html
    ada.sends(f"{member}/remove")
    assert "Grace is removed." in ada.html
    assert "grace@example.com" not in ada.html
    assert grace.opens(keys).status == 404
    assert Client().get("/api/orgs/acme/projects/app/logs", key=theirs).status == 401


@pytest.mark.requirement("I7")
def test_an_invitation_makes_one_account_and_no_second_one():
    ada = signed_up()
    ada.opens("/orgs/acme/members")
    ada.sends("/orgs/acme/invitations", email="grace@example.com", role="member")
    link = re.search(r"/invitation\?token=[\w=-]+", ada.html)[0]
    first, second = Visitor(), Visitor()
    first.opens(link)
    second.opens(link)
    first.sends("/invitation/account", name="Grace", password=PASSWORD)
    assert first.path == "/orgs/acme"
    second.sends("/invitation/account", name="Mallory", password=PASSWORD)
    assert second.response.status == 410
    assert second.opens("/orgs").status == 200
    assert second.heading == "Sign in"


@pytest.mark.requirement("S16", "V2.2.2", "V6.3.4")
def test_invitations_ask_for_a_password_as_long_as_everywhere():
    ada = signed_up()
    ada.opens("/orgs/acme/members")
    ada.sends("/orgs/acme/invitations", email="grace@example.com", role="member")
    grace = Visitor()
    grace.opens(re.search(r"/invitation\?token=[\w=-]+", ada.html)[0])
    grace.sends("/invitation/account", name="Grace", password="elevenchars")
    assert grace.response.status == 422
    assert grace.wrong == ["A password has at least 12 characters."]


def test_a_member_is_shown_no_form_that_they_may_not_send():
    ada = signed_up()
    ada.opens("/orgs/acme/members")
    ada.sends("/orgs/acme/invitations", email="charlie@example.com", role="member")
    charlie = Visitor()
    charlie.opens(re.search(r"/invitation\?token=[\w=-]+", ada.html)[0])
    charlie.sends("/invitation/account", name="Charlie", password=PASSWORD)
    for path in ("", "/members", "/projects/app/keys", "/projects/app/settings"):
        charlie.opens(f"/orgs/acme{path}")
        assert charlie.response.status == 200
        actions = {form.attributes["action"] for form in charlie.page.all("form") if "method" in form.attributes}
        assert actions <= {"/theme", "/sign-out", "/orgs/acme/projects/app"}
    assert charlie.opens("/orgs/acme/audit").status == 403


def test_a_query_that_is_not_understood_is_pointed_at():
    ada = signed_up()
    ada.opens("/orgs/acme/projects/app?q=servce:api")
    assert ada.response.status == 200
    assert "did you mean `service`?" in ada.wrong[0]
    assert "At character 1." in ada.wrong[0]


def test_events_are_listed_with_the_result_in_words():
    ada = signed_up()
    Client().post("/api/ingest", {"level": "error", "service": "shop", "message": HOSTILE}, key=key_on(ada))
    ada.opens("/orgs/acme/projects/app?q=level:error")
    assert "1 of 1 in 1 h, newest first" in ada.html
    assert [each.text for each in ada.page.all("a") if each.attributes["href"].endswith("/first-event")] == [
        "How to send events"
    ]
    assert ada.page.all("img") == []


def test_the_outbox_is_there_only_where_mail_is_kept(monkeypatch):
    assert Visitor().opens("/outbox").status == 404
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()
    assert Visitor().opens("/outbox").status == 200


@pytest.mark.usefixtures("_outbox")
def test_with_a_mailer_the_letter_and_the_password_make_the_account():
    signed_up()  # the first account of a deployment waits for no letter
    visitor = Visitor()
    visitor.opens("/sign-up")
    visitor.sends("/sign-up", name="Grace", email="grace@example.com", password=PASSWORD, org_name="Lab")
    assert visitor.path == "/sign-up/mail"
    visitor.opens("/outbox")
    visitor.opens(re.search(r"/confirm\?token=[\w.-]+", visitor.html)[0])
    visitor.sends("/confirm", password="not what I chose")
    assert visitor.wrong == ["This is not the password that you chose."]
    visitor.sends("/confirm", password=PASSWORD)
    assert visitor.heading == "Send the first event"


@pytest.mark.usefixtures("_outbox")
def test_a_forgotten_password_is_set_anew_by_a_letter():
    signed_up()
    visitor = Visitor()
    visitor.opens("/reset")
    visitor.sends("/reset", email="ada@example.com")
    assert visitor.path == "/reset/mail"
    visitor.opens("/outbox")
    visitor.opens(re.search(r"/reset\?token=[\w.-]+", visitor.html)[0])
    visitor.sends("/reset/password", password="nine otters juggling")
    assert visitor.heading == "Sign in"
    visitor.sends("/sign-in", email="ada@example.com", password="nine otters juggling")
    assert visitor.path == "/orgs/acme"


@pytest.mark.usefixtures("_outbox")
def test_who_waits_for_a_letter_that_is_kept_here_is_led_to_it():
    signed_up()
    visitor = Visitor()
    for path in ("/sign-up/mail", "/reset/mail"):
        visitor.opens(path)
        assert [each.text for each in visitor.page.all("a") if each.attributes["href"] == "/outbox"] == ["outbox"]


@pytest.mark.parametrize("closed", ["first", "closed"])
def test_nobody_is_offered_a_sign_up_that_is_closed(closed: str, monkeypatch: pytest.MonkeyPatch):
    signed_up()
    monkeypatch.setenv("SCRY_SIGN_UP", closed)
    settings.current.cache_clear()
    visitor = Visitor()
    for path in ("/", "/sign-in"):
        visitor.opens(path)
        assert [each for each in visitor.page.all("a") if each.attributes["href"] == "/sign-up"] == []
    visitor.opens("/sign-up")
    assert "the operator of this deployment has closed it" in visitor.html
    assert [each for each in visitor.page.all("input") if each.attributes["name"] == "email"] == []


@pytest.mark.requirement("S21", "V7.5.2")
def test_who_signs_out_everywhere_is_signed_out_here_and_elsewhere():
    ada = signed_up()
    elsewhere = Visitor()
    elsewhere.opens("/sign-in")
    elsewhere.sends("/sign-in", email="ada@example.com", password=PASSWORD)
    ada.opens("/account")
    ada.sends("/account/sessions/end", which="others")
    assert ada.path == "/account?saved=sessions"
    elsewhere.opens("/account")
    assert elsewhere.heading == "Sign in"
    elsewhere.sends("/sign-in", email="ada@example.com", password=PASSWORD)
    assert elsewhere.heading == "Your account"
    ada.sends("/account/sessions/end", which="all")
    assert ada.path == "/sign-in"
    assert SESSION not in ada.cookies
    for visitor in (ada, elsewhere):
        visitor.opens("/account")
        assert visitor.heading == "Sign in"


@pytest.mark.requirement("V16.3.1")
def test_everybody_reads_what_happened_to_their_own_account():
    ada = signed_up()
    visitor = Visitor()
    visitor.opens("/sign-in")
    visitor.sends("/sign-in", email="ada@example.com", password=PASSWORD)
    visitor.opens("/account")
    visitor.sends("/account/name", name="Ada Lovelace")
    visitor.opens("/account/log")
    told = [re.sub("<[^>]+>", "", each) for each in re.findall(r'data-label="What">(.*?)</td>', visitor.html)]
    assert told == ["You changed your name", "Signed in", "The account was made"]
    assert "source: " in visitor.html
    grace = signed_up("Grace", "Lab", "grace@example.com")
    grace.opens("/account/log")
    assert "You changed your name" not in grace.html
    assert ada.opens("/account/log").status == 200


def test_an_organisation_is_renamed_and_its_old_address_goes_on_leading_there():
    ada = signed_up()
    signed_up("Grace", "Lab", "grace@example.com")
    ada.opens("/orgs/acme/settings")
    ada.sends("/orgs/acme/settings/name", name="Acme", slug="lab")
    assert ada.response.status == 422
    assert ada.wrong
    ada.sends("/orgs/acme/settings/name", name="Acme & Sons", slug="acme-sons")
    assert ada.path == "/orgs/acme-sons/settings?saved=name"
    assert ada.opens("/orgs/acme/projects/app").status == 200


def test_the_audit_log_names_who_left_and_what_people_know_things_by():
    ada = signed_up()
    ada.opens("/orgs/acme/members")
    ada.sends("/orgs/acme/invitations", email="grace@example.com", role="admin")
    grace = Visitor()
    grace.opens(re.search(r"/invitation\?token=[\w=-]+", ada.html)[0])
    grace.sends("/invitation/account", name="Grace", password=PASSWORD)
    grace.opens("/orgs/acme/projects/app/keys")
    grace.sends("/orgs/acme/projects/app/keys", label="hers", kind="query")
    ada.opens("/orgs/acme/members")
    member = re.search(r'href="(/orgs/acme/members/\w+)">Grace', ada.html)[1]
    ada.opens(member)
    ada.sends(f"{member}/remove")
    ada.opens("/orgs/acme/audit?action=key")
    assert told_in(ada, "Who") == ["Ada", "Grace, who left", "Ada"]
    ada.opens("/orgs/acme/audit?action=member")
    assert told_in(ada, "To") == ["Grace, who left", "Grace, who left"]
    ada.opens(f"/orgs/acme/audit?actor={member.rpartition('/')[2]}")
    assert set(told_in(ada, "Who")) == {"Grace, who left"}
    [chosen] = [
        each.text
        for each in ada.page.all("option")
        if each.attributes.get("selected") is not None and each.text.startswith("Grace")
    ]
    assert chosen == "Grace, who left"
    ada.opens("/orgs/acme/audit?action=invitation")
    assert told_in(ada, "To") == ["g…@example.com"]


def told_in(visitor: Visitor, column: str) -> list[str]:
    return re.findall(rf'data-label="{column}">(.*?)</td>', visitor.html)


@pytest.mark.requirement("V7.4.1")
def test_signing_out_ends_the_session():
    ada = signed_up()
    copy = Visitor(cookies=dict(ada.cookies))
    ada.opens("/account")
    ada.sends("/sign-out")
    assert ada.path == "/sign-in"
    copy.opens("/account")
    assert copy.heading == "Sign in"


def test_a_key_opens_no_page():
    key = key_on(signed_up())
    for path in ("/orgs", "/orgs/acme", "/orgs/acme/projects/app", "/orgs/acme/projects/app/first-event/news"):
        assert Client().get(path, key=key).status in (303, 401, 403)


def test_a_query_key_opens_no_page_either():
    ada = signed_up()
    keys = "/orgs/acme/projects/app/keys"
    ada.opens(keys)
    ada.sends(keys, label="panel", kind="query")
    key = key_on(ada)
    for path in ("/orgs/acme/projects/app", "/orgs/acme/projects/app/first-event/news"):
        assert Client().get(path, key=key).status in (303, 401, 403)


def test_the_notice_of_a_removal_names_nobody_whom_the_reader_did_not_remove():
    ada = signed_up()
    ada.opens("/orgs/acme/members?saved=removed")
    assert "The member is removed." in ada.html


def test_a_project_is_made_with_a_key_that_works():
    ada = signed_up()
    ada.opens("/orgs/acme")
    ada.sends("/orgs/acme/projects", name="The API")
    assert Client().post("/api/ingest", {"message": "hello"}, key=key_on(ada)).status == 202
    ada.opens("/orgs/acme/projects/the-api/keys")
    assert "first" in ada.html


def test_a_page_that_says_no_has_the_frame_of_who_is_signed_in_and_of_nobody_else():
    ada = signed_up()
    assert ada.opens("/orgs/nobody").status == 404
    assert ada.heading == "Not found"
    assert "/sign-in" not in ada.html
    ada.sends("/sign-out")
    assert ada.path == "/sign-in"
    # A guest is asked to sign in before anything is said; what guests may ask for is refused in their frame.
    assert Visitor().opens("/outbox").status == 404


@pytest.mark.requirement("S31")
def test_who_needs_a_second_factor_is_led_to_setting_one_up():
    ada = signed_up()
    ada.opens("/orgs/acme/members")
    ada.sends("/orgs/acme/invitations", email="grace@example.com", role="member")
    grace = Visitor()
    grace.opens(re.search(r"/invitation\?token=[\w=-]+", ada.html)[0])
    grace.sends("/invitation/account", name="Grace", password=PASSWORD)
    required("acme")
    assert grace.opens("/orgs/acme").status == 403
    assert grace.heading == "A second factor is needed"
    assert [each.text for each in grace.page.all("a") if each.attributes["href"] == "/account"] == [
        "Set up a second factor", "Grace",
    ]  # fmt: skip
    assert grace.opens("/account").status == 200


def required(slug: str) -> None:
    """As an operator would: who has no second factor cannot require one."""
    org = org_by_id(org_by_slug(slug))
    edit_org(org, by=Operator(), slug=slug, name=org.name, second_factor=True, now=org.created_at)


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_want_of_rest_asks_the_store_no_more(status: int):
    ada = signed_up()
    errors = {429: LimitReached("requests-person", 7), 503: StoreUnavailable("test")}
    with counted() as transport:
        answer = refusal(asked_by(ada), errors[status], PROBLEMS, way_back="/orgs")
    assert (answer.status, transport.calls) == (status, [])


def test_a_refusal_is_shown_though_the_store_says_not_who_asks():
    ada = signed_up()
    with injected(SERVER_ERROR, lasting=True) as transport:
        answer = refusal(asked_by(ada), NotFound(), PROBLEMS, way_back="/orgs")
    assert transport.met
    assert answer.status == 404
    assert b"Ada" not in answer.body


def asked_by(visitor: Visitor) -> Request:
    sent = sample_request("GET", cookie=f"{SESSION}={visitor.cookies[SESSION]}")
    return replace(sent, now_ms=int(time.time() * 1000), deadline=math.inf)

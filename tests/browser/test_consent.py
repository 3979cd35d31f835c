"""Letting an app in, at a real browser: the question, the redirect that arrives, and the end of the connection."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

from infra.browser.app import App, listening
from tests.browser.judging import check_accessible, check_fits, keep_picture
from tests.browser.person import Person


def register(url: str, callback: str, name: str) -> str:
    """The id of a client that registers itself (RFC 7591)."""
    body = json.dumps({"client_name": name, "redirect_uris": [callback]}).encode()
    request = urllib.request.Request(f"{url}/oauth/register", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["client_id"]


def look(who: Person, name: str) -> None:
    check_fits(who.page)
    check_accessible(who.page)
    keep_picture(who.page, name)


def went_only_to(who: Person, app: App) -> bool:
    """Whether the browser left the product for the app alone, and had nothing else to complain about."""
    left = [complaint.partition("?")[0] for complaint in who.complaints]
    who.complaints.clear()
    return set(left) == {f"asked a stranger: {app.callback}"}


@pytest.mark.requirement("O8", "O9", "S3")
@pytest.mark.parametrize(
    ("width", "scheme", "scripts"), [(1440, "light", True), (320, "dark", True), (768, "light", False)]
)
def test_an_app_that_registered_itself_is_let_in_and_gets_its_answer(somebody, running, width, scheme, scripts):
    alice = somebody("Alice", width=width, scheme=scheme, scripts=scripts)
    alice.signs_up("Acme")
    with listening() as scry:
        app = App(scry.callback, register(running.url, scry.callback, "Helper"), answers=scry.answers)
        alice.page.goto(app.question(running.url))
        alice.reads_heading(re.compile("Helper asks to read Acme"))
        alice.reads("unverified")
        if scripts:
            look(alice, f"consent-real-{width}-{scheme}")
        alice.presses("Allow")
        expect(alice.page.get_by_text("Back at the app.")).to_be_visible()
        told = app.told()
        assert (told["state"], told["iss"]) == (app.state, running.url)
        assert went_only_to(alice, app)
        assert app.redeem(running.url, told["code"])["scope"] == "events:read"


@pytest.mark.requirement("O8", "S3")
def test_no_is_told_to_the_app(somebody, running):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    with listening() as app:
        alice.page.goto(app.question(running.url))
        alice.presses("Cancel")
        expect(alice.page.get_by_text("Back at the app.")).to_be_visible()
        told = app.told()
        assert told["error"] == "access_denied"
        assert "code" not in told
        assert went_only_to(alice, app)


@pytest.mark.requirement("V7.4.4")
def test_who_should_not_be_here_signs_out_from_the_question(somebody, running):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    with listening() as app:
        alice.page.goto(app.question(running.url))
        alice.presses("Sign out")
        alice.reads_heading("Sign in")
        assert app.answers.empty()


@pytest.mark.requirement("O7")
def test_who_is_signed_out_signs_in_first_and_is_asked_then(somebody, running):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    alice.context.clear_cookies()
    with listening() as app:
        alice.page.goto(app.question(running.url, resource=f"{running.url}/mcp"))
        alice.reads_heading("Sign in")
        alice.fills("E-mail", alice.email)
        alice.fills("Password", alice.password)
        alice.presses("Sign in")
        alice.reads_heading(re.compile("asks to read"))
        alice.presses("Allow")
        assert app.told()["state"] == app.state
        assert went_only_to(alice, app)


@pytest.mark.requirement("O3", "O7")
def test_an_error_right_after_the_sign_in_is_a_link_that_arrives(somebody, running):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    with listening() as app:
        alice.page.goto(app.question(running.url, scope="everything"))
        assert app.told()["error"] == "invalid_scope"
        assert went_only_to(alice, app)
        alice.context.clear_cookies()
        alice.page.goto(app.question(running.url, scope="everything"))
        alice.fills("E-mail", alice.email)
        alice.fills("Password", alice.password)
        alice.presses("Sign in")
        alice.reads_heading("Nothing was given")
        look(alice, "handed-back-real")
        alice.follows("Go back to it")
        assert app.told()["error"] == "invalid_scope"
        assert went_only_to(alice, app)


@pytest.mark.requirement("O8", "S6")
def test_of_several_projects_one_is_chosen(somebody, running):
    alice = somebody("Alice", width=320)
    alice.signs_up("Acme")
    alice.follows("Projects")
    alice.fills("Name", "Quiet")
    alice.presses("Create the project")
    with listening() as app:
        alice.page.goto(app.question(running.url))
        expect(alice.main.get_by_role("radio", checked=True)).to_have_count(0)
        alice.presses("Allow")
        alice.reads_heading(re.compile("one of your projects"))  # the browser itself asks to choose
        look(alice, "consent-choice-real-320-light")
        alice.chooses("Quiet")
        alice.presses("Allow")
        assert app.redeem(running.url, app.told()["code"])["access_token"]
        assert went_only_to(alice, app)


@pytest.mark.requirement("S10")
def test_one_click_ends_a_connection(somebody, running):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    with listening() as app:
        alice.page.goto(app.question(running.url))
        alice.presses("Allow")
        app.redeem(running.url, app.told()["code"])
        assert went_only_to(alice, app)
    alice.opens("/orgs")
    alice.page.get_by_role("link", name=re.compile("Acme")).first.click()
    alice.main.get_by_role("table").get_by_role("link").first.click()
    alice.follows("Connections")
    alice.reads("scry, the command line")
    look(alice, "connections-real")
    alice.follows("scry, the command line")
    alice.reads_heading("Recent calls")
    look(alice, "connection-real")
    alice.follows("Connections")
    alice.main.get_by_role("button", name=re.compile("^Revoke")).click()
    alice.reads("The connection ended: the app’s next call is refused.")
    alice.reads_heading("No assistant is connected")
    look(alice, "connections-real-empty")

"""A second factor at a real browser: set up with the key that an app would scan, asked for, and got round by nobody."""

import base64
import re
import time

import pytest
from playwright.sync_api import expect

from chalicelib.identity import totp
from tests.browser.test_consent import look
from tests.browser.test_people import invite
from tests.long_form import FULL


@pytest.mark.requirement("V6.3.3", "V6.5.1")
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (320, "dark")] if FULL else [(320, "dark")])
def test_an_organisation_requires_one_and_who_has_one_gets_in_with_it_alone(somebody, width, scheme):
    alice, bob = somebody("Alice", width=width, scheme=scheme), somebody("Bob")
    alice.signs_up("Acme")
    invite(alice, bob)
    alice.follows("Organisation")
    alice.presses("Require a second factor")
    alice.reads("Sign in with a second factor of your own first")
    codes = sets_one_up(alice)

    alice.opens("/orgs")
    alice.page.get_by_role("link", name=re.compile("^Acme")).first.click()
    alice.follows("Organisation")
    alice.presses("Require a second factor")
    alice.reads("Everybody must sign in with a second factor.")
    bob.opens_letter()
    bob.fills("Your name", bob.name)
    bob.fills("Password", bob.password)
    bob.presses("Make an account and join")
    bob.reads_heading("A second factor is needed")
    expect(bob.main.get_by_role("table")).to_have_count(0)

    alice.context.clear_cookies()
    for code, heading in ((codes[0].lower().replace("-", " "), "Acme"), (codes[0], "One more step")):
        alice.opens("/sign-in")
        alice.fills("E-mail", alice.email)
        alice.fills("Password", alice.password)
        alice.presses("Sign in")
        alice.reads_heading("One more step")
        alice.fills("Code", code)
        alice.presses("Sign in")
        alice.reads_heading(heading)
        alice.context.clear_cookies()
    alice.reads("This code does not work.")


def sets_one_up(who) -> list[str]:
    """With the key that is shown, as an authenticator app does; answers the recovery codes."""
    who.opens("/account")
    who.presses("Set it up")
    look(who, "second-factor-key")
    seed = base64.b32decode(who.main.locator("code").inner_text())
    who.fills("Type the six digits that the app shows now", "no code")
    who.presses("Turn it on")
    who.reads("This code does not work.")
    who.fills("Type the six digits that the app shows now", totp.code(seed, totp.step_of(int(time.time()))))
    who.presses("Turn it on")
    who.reads_heading("Your recovery codes")
    look(who, "second-factor-codes")
    return who.main.locator("code").inner_text().split()

"""Two people in two browsers: invited, made an admin, removed, and what the other one's open page says then."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.judging import keep_picture


@pytest.mark.requirement("I5")
def test_who_was_removed_is_refused_at_the_next_click(somebody):
    alice, bob = somebody("Alice"), somebody("Bob", scheme="dark")
    alice.signs_up("Acme")
    invite(alice, bob)
    bob.opens_letter()
    bob.reads(re.compile("Alice invites"))
    keep_picture(bob.page, "invitation")
    bob.fills("Your name", bob.name)
    bob.fills("Password", bob.password)
    bob.presses("Make an account and join")
    bob.reads_heading("Acme")
    bob.follows("People")
    bob.reads("Alice")
    expect(bob.main.get_by_role("button", name="Invite")).to_have_count(0)

    alice.follows("People")
    alice.follows("Bob")
    alice.chooses("Admin")
    alice.presses("Change the role")
    expect(alice.main.get_by_role("row").filter(has_text=bob.email)).to_contain_text("Admin")
    bob.page.reload()
    expect(bob.main.get_by_role("button", name="Invite")).to_be_visible()
    keep_picture(bob.page, "people-as-admin")

    alice.follows("Bob")
    alice.presses("Remove Bob")
    alice.reads_heading("People")
    expect(alice.main.get_by_role("row").filter(has_text=bob.email)).to_have_count(0)
    keep_picture(alice.page, "people-after-removal")
    bob.follows("Projects")
    bob.reads("There is nothing here, or nothing for you.")
    expect(bob.page.get_by_text("Acme")).to_have_count(0)
    keep_picture(bob.page, "removed")


@pytest.mark.requirement("I7")
def test_an_invitation_works_once(somebody):
    alice, bob, charlie = somebody("Alice"), somebody("Bob"), somebody("Charlie")
    alice.signs_up("Beta")
    invite(alice, bob)
    bob.opens_letter()
    link = bob.page.url.removeprefix(bob.url)
    bob.fills("Your name", bob.name)
    bob.fills("Password", bob.password)
    bob.presses("Make an account and join")
    bob.reads_heading("Beta")
    charlie.opens(link)
    charlie.reads_heading("The invitation does not work any more")
    expect(charlie.main.get_by_text("Beta")).to_have_count(0)


def invite(host, guest):
    host.follows("People")
    host.fills("E-mail", guest.email)
    host.chooses("Member")
    host.presses("Invite")
    host.reads(guest.email)

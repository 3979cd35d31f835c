"""The first minutes of somebody who has never been here: from the sign-up to their first event on the screen."""

import subprocess

import pytest

from tests.browser.judging import check_accessible, check_fits, keep_picture

LOOKS = [(1440, "light"), (1440, "dark"), (320, "light")]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_a_new_person_sees_their_first_event_after_one_command(somebody, width, scheme):
    alice = somebody("Alice", width=width, scheme=scheme)
    alice.signs_up("Acme")
    look(alice, f"first-event-waiting-{width}-{scheme}")

    command = alice.copies("Run this anywhere")
    assert "scry_ing_" in command
    sent = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30)
    assert '"accepted":1' in sent.stdout.replace(" ", "")

    alice.reads_heading("The first event is here")
    alice.reads("hello from here")
    look(alice, f"first-event-arrived-{width}-{scheme}")
    alice.follows("See all events")
    alice.reads("hello from here")
    look(alice, f"events-{width}-{scheme}")


@pytest.mark.requirement("S25")
def test_the_key_is_gone_once_the_page_was_left(somebody):
    alice = somebody("Alice")
    alice.signs_up("Acme")
    key = alice.copies("Run this anywhere").partition("Bearer ")[2].partition("'")[0]
    assert key in alice.page.content()
    alice.page.reload()
    assert key not in alice.page.content()


def test_everything_works_without_scripts(somebody):
    alice = somebody("Alice", scripts=False)
    alice.signs_up("Acme")
    command = alice.main.get_by_role("region", name="Run this anywhere").locator("code").first.inner_text()
    subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=30)
    alice.follows("Ask now")
    alice.reads_heading("The first event is here")


def look(who, name):
    check_accessible(who.page)
    check_fits(who.page)
    keep_picture(who.page, name)

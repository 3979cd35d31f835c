"""What accounts promise and no other test says: no default ones, no expiry of passwords, letters after every change."""

import pytest

from chalicelib.identity import sessions, sign_in, users
from chalicelib.identity.sign_in import SignInRefused
from chalicelib.storage import outbox
from chalicelib.storage.tables.models import MODELS
from tests.accounts.people import EMAIL, HOME, NEW_PASSWORD, NOW, PASSWORD, ann, enter, token_in

TEN_YEARS = 10 * 365 * 86_400


@pytest.mark.requirement("V6.3.2", "V13.2.3")
def test_a_new_deployment_has_no_account(moto_store: None) -> None:
    assert [row for model in MODELS for row in model.scan()] == []
    for name in ("root", "admin", "sa", "admin@localhost", "scrywatch"):
        with pytest.raises(SignInRefused):
            enter(email=name, password=name)


@pytest.mark.requirement("V6.2.10")
def test_a_password_is_good_for_as_long_as_nobody_changes_it(moto_store: None) -> None:
    ann()
    assert enter(now=NOW + TEN_YEARS)


@pytest.mark.requirement("V6.3.7")
def test_a_change_of_password_or_address_is_told_to_the_address_of_before(
    moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ann()
    session = sessions.session(made.signed_in.begun.cookie, now=NOW)
    assert session is not None
    begun = sign_in.change_password(session, PASSWORD, NEW_PASSWORD, HOME, now=NOW)
    assert told("The password of your account was changed")
    sign_in.request_reset(EMAIL, HOME, now=NOW)
    sign_in.reset(token_in(outbox.letters()[0].text), PASSWORD, HOME, now=NOW)
    assert told("was changed by a link")
    assert sessions.session(begun.cookie, now=NOW) is None
    again = enter(now=NOW + 900)
    users.request_email(again.begun.session.user, "ann@example.org", now=NOW + 900)
    [link] = [letter for letter in outbox.letters() if letter.to == "ann@example.org"]
    users.confirm_email(token_in(link.text), now=NOW + 900)
    assert told("The address of your account was changed")


def told(sentence: str) -> bool:
    return any(letter.to == EMAIL and sentence in letter.text for letter in outbox.letters())

"""Names and addresses change when their owner says so, proves it, and nobody else has them."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.identity import sign_in, sign_up, users
from chalicelib.identity.links import LinkRefused
from chalicelib.identity.names import NameRefused
from chalicelib.identity.users import ChangedMeanwhile, EmailRefused, EmailTaken, User
from chalicelib.storage import audit
from chalicelib.storage import outbox as kept
from chalicelib.storage.limits import LimitReached
from tests.accounts.people import EMAIL, HOME, NOW, ann, enter, letter, token_in, wanted

NEW = "ann@example.org"


def bob() -> User:
    made = sign_up.register(wanted("bob@example.com"), HOME, now=NOW)
    assert made is not None
    return made.user


def test_a_name_is_changed(store: None) -> None:
    user = ann().user
    users.rename(user.user, "  Ann B. ", now=NOW)
    assert enter().begun.session.user.name == "Ann B."
    for name in ("", " ", "x" * 101, "Ann\r\nSet-Cookie: x", "a\x00b"):
        with pytest.raises(NameRefused):
            users.rename(user.user, name, now=NOW)


def test_nobody_is_made_by_a_change(moto_store: None) -> None:
    with pytest.raises(ChangedMeanwhile):
        users.rename(users.UserId(bytes(8)), "Nobody", now=NOW)


def test_without_a_mailer_an_address_changes_at_once(store: None) -> None:
    user = ann().user
    assert users.request_email(user, NEW, now=NOW)
    assert enter(email=NEW)
    assert users.by_email(EMAIL) is None
    assert bob()


@pytest.mark.requirement("I6")
def test_an_address_that_somebody_has_is_not_taken_from_them(store: None) -> None:
    user, other = ann().user, bob()
    with pytest.raises(EmailTaken):
        users.request_email(user, "BOB@example.com", now=NOW)
    assert users.by_email("bob@example.com") == other
    assert users.by_email(EMAIL) == user


def test_an_address_may_change_in_the_way_it_is_written(moto_store: None) -> None:
    user = ann().user
    users.request_email(user, "Ann@Example.com", now=NOW)
    assert enter().begun.session.user.email == "Ann@Example.com"


@pytest.mark.requirement("I7")
def test_with_a_mailer_an_address_changes_when_the_letter_comes_back(store: None, outbox: None) -> None:
    user = ann().user
    assert not users.request_email(user, NEW, now=NOW)
    assert users.by_email(NEW) is None
    assert letter().to == NEW
    token = token_in(letter().text)
    users.confirm_email(token, now=NOW + 60)
    moved = users.by_email(NEW)
    assert moved is not None
    assert (moved.user, moved.confirmed_at) == (user.user, NOW + 60)
    assert (letter().to, "changed to another one" in letter().text) == (EMAIL, True)
    with pytest.raises(LinkRefused):
        users.confirm_email(token, now=NOW + 60)


@pytest.mark.requirement("S18", "V6.3.8")
def test_with_a_mailer_nobody_learns_that_an_address_is_taken_but_its_owner(moto_store: None, outbox: None) -> None:
    user = ann().user
    sign_up.register(wanted("bob@example.com"), HOME, now=NOW)
    sign_up.confirm(token_in(letter().text), wanted().password, HOME, now=NOW)
    assert not users.request_email(user, "bob@example.com", now=NOW)
    newest = [each for each in kept.letters() if each.to == "bob@example.com"]
    assert any("already" in each.subject for each in newest)


@pytest.mark.requirement("I5", "I7")
def test_an_older_link_does_not_move_an_account_back(moto_store: None, outbox: None) -> None:
    user = ann().user
    users.request_email(user, NEW, now=NOW)
    first = token_in(letter().text)
    users.request_email(user, "ann@example.net", now=NOW + 1)
    second = token_in(letter().text)
    users.confirm_email(second, now=NOW + 2)
    with pytest.raises(LinkRefused):
        users.confirm_email(first, now=NOW + 2)


@pytest.mark.engine
def test_of_many_who_want_one_address_at_once_one_gets_it(
    at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = iter([ann().user, bob()] * 1)
    monkeypatch.setattr(sign_up.limits, "allow", lambda *_, **__: None)
    found = at_once(lambda: users.request_email(next(people), "shared@example.com", now=NOW), 2)
    assert found.count(True) == 1
    assert sum(isinstance(each, EmailTaken) for each in found) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a@b\r\nBcc: c@d",
        "a@b,c@d",
        "<a@b>",
        "a" * 65 + "@b",
        "a@" + "b" * 254,
    ],
)
def test_what_cannot_be_written_to_is_no_address(moto_store: None, text: str) -> None:
    with pytest.raises(EmailRefused):
        users.checked_email(text)


@pytest.mark.requirement("S36")
def test_one_person_asks_for_few_letters(moto_store: None, outbox: None) -> None:
    user = ann().user
    for number in range(5):
        users.request_email(user, f"ann{number}@example.org", now=NOW)
    with pytest.raises(LimitReached):
        users.request_email(user, "ann9@example.org", now=NOW)


@pytest.mark.requirement("I10")
def test_the_log_of_a_person_holds_no_address_and_no_hash(moto_store: None) -> None:
    user = ann().user
    users.request_email(user, NEW, now=NOW)
    shown = repr(audit.search_personal(user.user, audit.Filter()))
    assert "a…@example.org" in shown
    for secret in (EMAIL, NEW, "argon2"):
        assert secret not in shown


def test_a_password_that_was_right_a_moment_ago_may_be_too_late(moto_store: None) -> None:
    made = ann()
    session = made.signed_in.begun.session
    sign_in.change_password(session, wanted().password, "staple battery horse", HOME, now=NOW)
    with pytest.raises(ChangedMeanwhile):
        sign_in.change_password(session, wanted().password, "another password of mine", HOME, now=NOW)

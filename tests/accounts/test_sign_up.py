"""Sign-up makes everything or nothing, once, for who may, and tells nobody whether an address is taken."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import sessions, sign_up, users
from chalicelib.identity.accounts import create_project
from chalicelib.identity.api_keys import authenticated
from chalicelib.identity.links import LinkRefused
from chalicelib.identity.membership import membership
from chalicelib.identity.names import NameRefused
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.permissions import Role
from chalicelib.identity.project_changes import NewProject
from chalicelib.identity.projects import ids_of
from chalicelib.identity.sign_in import SignInRefused
from chalicelib.identity.sign_up import Registered, SignUpClosed, Wanted, register, slug_of
from chalicelib.identity.users import EmailRefused, EmailTaken
from chalicelib.storage import dynamodb
from chalicelib.storage import outbox as kept
from chalicelib.storage.limits import LIMITS, LimitReached
from chalicelib.storage.tables.models import MODELS
from tests.accounts.people import (
    EMAIL,
    HOME,
    NEW_PASSWORD,
    NOW,
    PASSWORD,
    Argon2,
    ann,
    enter,
    letter,
    stranger,
    token_in,
    wanted,
)


def setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    settings.current.cache_clear()


def everything() -> list[str]:
    return sorted(repr(row.serialize()) for model in MODELS for row in model.scan())


def somebody_is_here() -> None:
    create_project(NewOrg("first", "First"), NewProject("app", "App", 30), now=NOW)


def test_a_new_account_has_an_organisation_a_project_and_a_key_that_works(store: None) -> None:
    made = ann()
    place = ids_of("acme-ltd", "app")
    assert place is not None
    key = authenticated(made.ingest_key.text, now=NOW)
    assert (key.org, key.project, key.kind) == (*place, "ingest")
    member = membership(place[0], made.user.user)
    assert member is not None
    assert member.role is Role.OWNER
    session = sessions.session(made.signed_in.begun.cookie, now=NOW)
    assert session is not None
    assert session.user.email == EMAIL
    assert enter()


@pytest.mark.requirement("I6")
def test_an_address_has_one_account_and_a_second_attempt_leaves_nothing(store: None) -> None:
    ann()
    with pytest.raises(EmailTaken):
        register(Wanted("ANN@example.com", PASSWORD, "Other", "Other"), HOME, now=NOW)
    assert ids_of("other", "app") is None


@pytest.mark.requirement("I6")
def test_a_refused_sign_up_leaves_nothing_behind(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_up.limits, "allow", lambda *_, **__: None)
    before = everything()
    for email, password, name, org, error in (
        ("no address", PASSWORD, "Ann", "Acme", EmailRefused),
        ("ann@example.com\r\nBcc: x@y.z", PASSWORD, "Ann", "Acme", EmailRefused),
        (EMAIL, "short", "Ann", "Acme", PasswordRefused),
        (EMAIL, "password1234", "Ann", "Acme", PasswordRefused),
        (EMAIL, "ann@example.com", "Ann", "Acme", PasswordRefused),
        (EMAIL, "northwind2026", "Ann", "Northwind", PasswordRefused),
        (EMAIL, PASSWORD, "", "Acme", NameRefused),
        (EMAIL, PASSWORD, "Ann\nBob", "Acme", NameRefused),
        (EMAIL, PASSWORD, "Ann", "x" * 101, NameRefused),
    ):
        with pytest.raises(error):
            register(Wanted(email, password, name, org), HOME, now=NOW)
    assert everything() == before


@pytest.mark.requirement("I6", "V2.3.3")
def test_whatever_write_fails_nothing_is_half_made(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, before = dynamodb.transport, everything()

    def failing(endpoint: str, headers: dict[str, str], body: bytes) -> dynamodb.Reply:
        if headers["x-amz-target"].endswith("TransactWriteItems"):
            return dynamodb.Reply(500, b"{}")
        return whole(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", failing)
    monkeypatch.setattr(dynamodb, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(sign_up.limits, "allow", lambda *_, **__: None)
    with pytest.raises(dynamodb.StoreUnavailable):
        ann()
    assert everything() == before


@pytest.mark.requirement("I6")
def test_a_sign_up_whose_answer_was_lost_is_one_account(moto_store: None, lost_answers: None) -> None:
    made = ann()
    assert authenticated(made.ingest_key.text, now=NOW)
    assert made.org.slug == "acme-ltd"


@pytest.mark.requirement("I6", "V2.3.4")
@pytest.mark.engine
def test_of_many_sign_ups_of_one_address_at_once_one_happens(
    at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_up.limits, "allow", lambda *_, **__: None)
    found = at_once(lambda: register(wanted(), HOME, now=NOW), 20)
    assert sum(isinstance(each, Registered) for each in found) == 1
    assert enter()


def test_organisations_of_one_name_have_slugs_of_their_own(moto_store: None) -> None:
    first, second = ann(), register(wanted("bob@example.com"), HOME, now=NOW)
    assert second is not None
    assert first.org.slug == "acme-ltd"
    assert second.org.slug.startswith("acme-ltd-")
    assert second.org.name == first.org.name


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme Ltd", "acme-ltd"),
        ("Žluťoučký kůň", "zlutoucky-kun"),
        ("会社", "org"),
        ("--", "org"),
        ("a" * 90, "a" * 30),
    ],
)
def test_a_slug_looks_like_the_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


def test_a_closed_deployment_takes_nobody(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, "SCRY_SIGN_UP", "closed")
    assert not sign_up.is_open()
    with pytest.raises(SignUpClosed):
        ann()


def test_a_deployment_for_the_first_takes_one(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, "SCRY_SIGN_UP", "first")
    assert sign_up.is_open()
    ann()
    assert not sign_up.is_open()
    with pytest.raises(SignUpClosed):
        register(wanted("bob@example.com"), HOME, now=NOW)


def test_who_was_set_up_by_the_operator_counts_as_the_first(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, "SCRY_SIGN_UP", "first")
    somebody_is_here()
    with pytest.raises(SignUpClosed):
        ann()


@pytest.mark.requirement("I7")
@pytest.mark.engine
def test_of_many_who_want_to_be_the_first_one_is(
    at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(monkeypatch, "SCRY_SIGN_UP", "first")
    monkeypatch.setattr(sign_up.limits, "allow", lambda *_, **__: None)
    numbers = iter(range(20))
    found = at_once(lambda: register(wanted(f"person{next(numbers)}@example.com"), HOME, now=NOW), 20)
    assert sum(isinstance(each, Registered) for each in found) == 1
    assert sum(isinstance(each, SignUpClosed) for each in found) == 19


def test_the_first_account_is_made_at_once_though_there_is_a_mailer(moto_store: None, outbox: None) -> None:
    assert not ann().signed_in.must_enrol
    assert kept.letters() == []
    assert register(wanted("bob@example.com"), HOME, now=NOW) is None


@pytest.mark.requirement("S18", "V6.3.8")
@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_with_a_mailer_a_sign_up_is_one_letter_for_the_same_work_whoever_has_the_address(
    moto_store: None, outbox: None, argon2: Argon2, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    ann()
    argon2.calls.clear()
    asked: list[str] = []
    whole = dynamodb.transport

    def noting(endpoint: str, headers: dict[str, str], body: bytes) -> dynamodb.Reply:
        asked.append(headers["x-amz-target"].rpartition(".")[2])
        return whole(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", noting)
    assert register(wanted(email), stranger(1), now=NOW) is None
    assert argon2.calls == ["hash"]
    assert sorted(asked) == sorted(["GetItem"] * 3 + ["UpdateItem"] * 2 + ["TransactWriteItems", "PutItem"])
    assert letter().to == email


def test_the_letter_to_a_taken_address_has_no_link_that_makes_anything(moto_store: None, outbox: None) -> None:
    ann()
    register(wanted(), HOME, now=NOW)
    assert "token" not in letter().text
    assert "already" in letter().subject


@pytest.mark.requirement("I6", "I7")
def test_the_link_and_the_password_make_everything_once(store: None, outbox: None) -> None:
    ann()
    register(wanted("bob@example.com"), HOME, now=NOW)
    token = token_in(letter().text)
    assert users.by_email("bob@example.com") is None
    made = sign_up.confirm(token, PASSWORD, HOME, now=NOW + 60)
    assert made.user.confirmed_at == NOW + 60
    assert authenticated(made.ingest_key.text, now=NOW)
    with pytest.raises(LinkRefused):
        sign_up.confirm(token, PASSWORD, HOME, now=NOW + 60)


@pytest.mark.requirement("I7")
@pytest.mark.engine
def test_of_many_who_confirm_at_once_one_does(
    at_once: Callable[..., list[Any]], outbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann()
    register(wanted("bob@example.com"), HOME, now=NOW)
    token = token_in(letter().text)
    monkeypatch.setattr(sign_up.limits, "allow", lambda *_, **__: None)
    found = at_once(lambda: sign_up.confirm(token, PASSWORD, HOME, now=NOW), 20)
    assert sum(isinstance(each, Registered) for each in found) == 1


def test_who_opens_a_link_to_what_a_stranger_asked_for_does_not_finish_it_for_them(
    moto_store: None, outbox: None
) -> None:
    """Somebody signs Bob up with a password of theirs, and waits for Bob to click."""
    ann()
    register(wanted("bob@example.com", "the password of mallory"), stranger(1), now=NOW)
    token = token_in(letter().text)
    with pytest.raises(SignInRefused):
        sign_up.confirm(token, "a password of bob's own", HOME, now=NOW)
    assert users.by_email("bob@example.com") is None


@pytest.mark.requirement("I5", "V6.4.1")
def test_a_link_to_sign_up_ends_with_its_time_and_with_the_setting(
    moto_store: None, outbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann()
    register(wanted("bob@example.com"), HOME, now=NOW)
    token = token_in(letter().text)
    with pytest.raises(LinkRefused):
        sign_up.confirm(token, PASSWORD, HOME, now=NOW + 3600)
    setting(monkeypatch, "SCRY_SIGN_UP", "closed")
    with pytest.raises(SignUpClosed):
        sign_up.confirm(token, PASSWORD, stranger(1), now=NOW)


def test_who_signed_up_twice_confirms_once(moto_store: None, outbox: None) -> None:
    ann()
    tokens = []
    for password in (PASSWORD, NEW_PASSWORD):
        register(wanted("bob@example.com", password), HOME, now=NOW)
        tokens.append(next(token_in(each.text) for each in kept.letters() if token_in(each.text) not in tokens))
    sign_up.confirm(tokens[1], NEW_PASSWORD, HOME, now=NOW)
    with pytest.raises(EmailTaken):
        sign_up.confirm(tokens[0], PASSWORD, HOME, now=NOW)


@pytest.mark.requirement("S11", "S14")
def test_what_waits_for_a_letter_to_come_back_holds_no_plain_password(moto_store: None, outbox: None) -> None:
    ann()
    register(wanted("bob@example.com"), HOME, now=NOW)
    assert PASSWORD not in repr(everything())
    assert PASSWORD not in letter().text


@pytest.mark.requirement("S36")
def test_sign_ups_from_one_source_are_limited(moto_store: None) -> None:
    burst = LIMITS["register-source"].burst
    for number in range(burst):
        register(wanted(f"person{number}@example.com"), HOME, now=NOW)
    with pytest.raises(LimitReached):
        register(wanted("last@example.com"), HOME, now=NOW)
    assert register(wanted("last@example.com"), stranger(1), now=NOW)

"""Sign-in tells nobody more than yes or no, and makes guessing slow without making the owner wait."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import passwords, second_factor, sessions, sign_in, users
from chalicelib.identity.letters import NoMailer
from chalicelib.identity.links import LinkRefused
from chalicelib.identity.passwords import PasswordRefused
from chalicelib.identity.sessions import Visitor
from chalicelib.identity.sign_in import SignInRefused
from chalicelib.storage import dynamodb, outbox
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.limits import LIMITS, LimitReached
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

WRONG = "not this one at all"
BURST = LIMITS["sign-in-account"].burst


def refused(**given: Any) -> Exception:
    with pytest.raises((SignInRefused, LimitReached)) as caught:
        enter(**given)
    return caught.value


@pytest.mark.requirement("S18")
def test_an_address_is_known_however_it_is_written(store: None) -> None:
    ann()
    assert enter(email=" Ann@EXAMPLE.com ").begun.session.user.email == EMAIL


@pytest.mark.requirement("S15", "S18", "V6.3.8")
@pytest.mark.parametrize(
    "attempt",
    [
        {"password": WRONG},
        {"email": "nobody@example.com"},
        {"email": "nobody@example.com", "password": WRONG},
        {"email": ""},
        {"email": "no address at all\x00"},
        {"password": ""},
        {"password": "x" * 5_000},
    ],
    ids=str,
)
def test_a_no_is_the_same_no_for_the_same_work(
    moto_store: None, argon2: Argon2, monkeypatch: pytest.MonkeyPatch, attempt: dict[str, str]
) -> None:
    ann()
    argon2.calls.clear()
    asked = _asked(monkeypatch)
    error = refused(**attempt)
    assert (type(error), str(error)) == (SignInRefused, "The e-mail address or the password is wrong.")
    assert argon2.calls == ["verify"]
    # Two reads for the address, one for the device, one update for each of three limits.
    assert sorted(asked) == ["GetItem"] * 3 + ["UpdateItem"] * 3


def _asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    whole = dynamodb.transport

    def noting(endpoint: str, headers: dict[str, str], body: bytes) -> dynamodb.Reply:
        asked.append(headers["x-amz-target"].rpartition(".")[2])
        return whole(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", noting)
    return asked


@pytest.mark.requirement("S17", "V6.3.1")
@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_guesses_at_one_account_are_limited_wherever_they_are_from(moto_store: None, email: str) -> None:
    ann()
    errors = [refused(email=email, password=WRONG, visitor=stranger(number)) for number in range(BURST + 5)]
    assert [type(error) for error in errors] == [SignInRefused] * BURST + [LimitReached] * 5


@pytest.mark.requirement("S17", "V6.3.1")
def test_guesses_from_one_source_are_limited_whoever_they_are_at(moto_store: None) -> None:
    burst = LIMITS["sign-in-source"].burst
    errors = [
        refused(email=f"person{number}@example.com", visitor=Visitor(source=f"2001:db8::{number:x}"))
        for number in range(burst + 5)
    ]
    assert [type(error) for error in errors] == [SignInRefused] * burst + [LimitReached] * 5


@pytest.mark.requirement("S17", "V6.3.1")
def test_patient_guessing_is_limited_by_the_day(moto_store: None) -> None:
    step = LIMITS["sign-in-account"].step_ms // 1000
    errors = [refused(password=WRONG, visitor=stranger(number), now=NOW + number * step) for number in range(250)]
    tried = sum(isinstance(error, SignInRefused) for error in errors)
    assert 100 <= tried <= 100 + 250 * step // (LIMITS["sign-in-account-day"].step_ms // 1000) + 1


@pytest.mark.requirement("S17", "V6.3.1", "V2.3.2")
@pytest.mark.engine
def test_of_fifty_guesses_at_once_no_more_than_the_burst_are_heard(at_once: Callable[..., list[Any]]) -> None:
    ann()
    numbers = iter(range(50))
    found = at_once(lambda: refused(password=WRONG, visitor=stranger(next(numbers))), 50)
    assert sum(isinstance(each, SignInRefused) for each in found) == BURST


@pytest.mark.requirement("S17")
def test_the_right_password_is_refused_too_while_the_limit_is_reached_and_nothing_is_hashed(
    moto_store: None, argon2: Argon2
) -> None:
    ann()
    for number in range(BURST):
        refused(password=WRONG, visitor=stranger(number))
    argon2.calls.clear()
    error = refused(visitor=stranger(99))
    assert isinstance(error, LimitReached)
    assert argon2.calls == []
    assert enter(visitor=stranger(99), now=NOW + error.retry_after)


@pytest.mark.requirement("S17", "V6.3.1")
def test_strangers_cannot_lock_out_who_signs_in_with_a_known_device(moto_store: None) -> None:
    device = enter_first().device
    for number in range(BURST + 5):
        refused(password=WRONG, visitor=stranger(number))
    for number in range(LIMITS["sign-in-source"].burst + 5):
        refused(email=f"person{number}@example.com", visitor=HOME)
    known = Visitor(source=HOME.source, device=device)
    assert enter(visitor=known).device == device


@pytest.mark.requirement("S17")
def test_a_known_device_has_an_allowance_and_no_more(moto_store: None) -> None:
    device = enter_first().device
    known = Visitor(source="192.0.2.7", device=device)
    burst = LIMITS["sign-in-device"].burst
    errors = [refused(password=WRONG, visitor=known) for _ in range(burst + 3)]
    assert [type(error) for error in errors] == [SignInRefused] * burst + [LimitReached] * 3


@pytest.mark.requirement("S17")
@pytest.mark.parametrize("device", ["made up", "", "x" * 500])
def test_a_device_that_nobody_signed_in_with_helps_nobody_and_is_not_adopted(moto_store: None, device: str) -> None:
    ann()
    for number in range(BURST):
        refused(password=WRONG, visitor=stranger(number))
    made_up = Visitor(source="192.0.2.99", device=device)
    assert isinstance(refused(visitor=made_up), LimitReached)
    assert enter(visitor=made_up, now=NOW + 7200).device != device


@pytest.mark.requirement("S17")
def test_a_device_helps_at_its_own_account_only_and_for_a_year(moto_store: None) -> None:
    device = enter_first().device
    known = Visitor(source="192.0.2.7", device=device)
    for number in range(BURST):
        refused(email="bob@example.com", password=WRONG, visitor=stranger(number))
    assert isinstance(refused(email="bob@example.com", visitor=known), LimitReached)
    later = NOW + 366 * 86_400
    for number in range(BURST):
        refused(password=WRONG, visitor=stranger(number), now=later)
    assert isinstance(refused(visitor=known, now=later), LimitReached)


def enter_first() -> sign_in.SignedIn:
    ann()
    return enter()


@pytest.mark.requirement("S17", "V16.5.3")
def test_without_a_limiter_nobody_signs_in_and_nothing_is_hashed(
    moto_store: None, argon2: Argon2, request: pytest.FixtureRequest
) -> None:
    ann()
    request.getfixturevalue("unavailable_limits")
    argon2.calls.clear()
    with pytest.raises(StoreUnavailable):
        enter()
    assert argon2.calls == []


@pytest.mark.requirement("S14", "V11.2.2")
def test_signing_in_renews_a_hash_of_old_parameters(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ann().user
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=16, passes=2))
    begun = enter().begun
    after = users.by_id(before.user)
    assert after is not None
    assert "m=16,t=2" in after.password
    assert sessions.session(begun.cookie, now=NOW) is not None
    assert enter()
    assert users.by_id(before.user) == after


def test_an_organisation_that_wants_a_second_factor_has_it_said(moto_store: None) -> None:
    user = ann().user
    assert not enter().must_enrol
    assert enter(required=lambda who: who == user.user).must_enrol


@pytest.mark.requirement("S18", "V6.3.8")
@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_a_reset_is_one_letter_to_the_address_whoever_has_it(
    moto_store: None, outbox: None, monkeypatch: pytest.MonkeyPatch, argon2: Argon2, email: str
) -> None:
    ann()
    argon2.calls.clear()
    asked = _asked(monkeypatch)
    sign_in.request_reset(email, HOME, now=NOW)
    assert sorted(asked) == ["GetItem"] * 2 + ["PutItem"] + ["UpdateItem"] * 2
    assert argon2.calls == []
    assert letter().to == email


@pytest.mark.requirement("S18", "S36", "V2.4.1")
def test_letters_to_one_address_are_few(moto_store: None, outbox: None) -> None:
    for number in range(3):
        sign_in.request_reset("bob@example.com", stranger(number), now=NOW)
    with pytest.raises(LimitReached):
        sign_in.request_reset("BOB@example.com", stranger(9), now=NOW)


@pytest.mark.requirement("S16", "S21", "I7", "V6.4.1", "V6.4.3")
def test_a_reset_sets_a_password_once_and_ends_all_sessions(store: None, outbox: None) -> None:
    begun = ann().signed_in.begun
    sign_in.request_reset(EMAIL, HOME, now=NOW)
    token = token_in(letter().text)
    for short in ("short", "password1234", "Ann Acme", "ann@example.com"):
        with pytest.raises(PasswordRefused):
            sign_in.reset(token, short, HOME, now=NOW)
    sign_in.reset(token, NEW_PASSWORD, HOME, now=NOW)
    assert sessions.session(begun.cookie, now=NOW) is None
    assert enter(password=NEW_PASSWORD)
    with pytest.raises(LinkRefused):
        sign_in.reset(token, "yet another password", HOME, now=NOW)
    assert "was changed" in letter().text


@pytest.mark.requirement("I7", "V6.4.1", "V2.3.4")
@pytest.mark.engine
def test_of_fifty_resets_with_one_link_one_happens(
    at_once: Callable[..., list[Any]], outbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann()
    sign_in.request_reset(EMAIL, HOME, now=NOW)
    token, numbers = token_in(letter().text), iter(range(30))

    def do() -> str:
        number = next(numbers)
        sign_in.reset(token, f"a password of try {number}", stranger(number), now=NOW)
        return f"a password of try {number}"

    won = [each for each in at_once(do, 30) if isinstance(each, str)]
    assert len(won) == 1
    assert enter(password=won[0])


@pytest.mark.requirement("I5", "I7")
def test_a_reset_link_is_worth_nothing_after_the_password_changed_otherwise(moto_store: None, outbox: None) -> None:
    begun = ann().signed_in.begun
    sign_in.request_reset(EMAIL, HOME, now=NOW)
    token = token_in(letter().text)
    session = sessions.session(begun.cookie, now=NOW)
    assert session is not None
    sign_in.change_password(session, PASSWORD, NEW_PASSWORD, HOME, now=NOW)
    with pytest.raises(LinkRefused):
        sign_in.reset(token, "yet another password", HOME, now=NOW)


@pytest.mark.requirement("S17")
def test_who_reads_the_owners_mail_gets_in_though_strangers_used_up_the_limit(moto_store: None, outbox: None) -> None:
    ann()
    for number in range(BURST):
        refused(password=WRONG, visitor=stranger(number))
    sign_in.request_reset(EMAIL, HOME, now=NOW)
    device = sign_in.reset(token_in(letter().text), NEW_PASSWORD, HOME, now=NOW)
    assert enter(password=NEW_PASSWORD, visitor=Visitor(source=HOME.source, device=device))


def test_without_a_mailer_there_is_no_reset(moto_store: None) -> None:
    with pytest.raises(NoMailer):
        sign_in.request_reset(EMAIL, HOME, now=NOW)


@pytest.mark.requirement("S18")
def test_a_letter_that_cannot_be_sent_fails_for_everybody(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ann()
    monkeypatch.setenv("SCRY_MAIL", "outbox")
    settings.current.cache_clear()
    monkeypatch.setattr(outbox, "keep", _unavailable)
    for email in (EMAIL, "nobody@example.com"):
        with pytest.raises(StoreUnavailable):
            sign_in.request_reset(email, HOME, now=NOW)


def _unavailable(**_: Any) -> None:
    raise StoreUnavailable("no")


@pytest.mark.requirement("I10", "V16.2.5")
def test_nothing_that_is_shown_of_these_values_is_a_secret(moto_store: None) -> None:
    ann()
    done = enter()
    attempt = sign_in.Attempt(email=EMAIL, password=PASSWORD, visitor=HOME)
    shown = repr((done, done.begun, attempt, second_factor.enrol(done.begun.session.user, now=NOW), wanted()))
    for secret in (PASSWORD, done.begun.cookie, done.device):
        assert secret not in shown

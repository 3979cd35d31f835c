"""A second factor is asked for after the password, each of its codes works once, and nothing goes round it."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.identity import second_factor, sessions, sign_in, totp
from chalicelib.identity.links import LinkRefused
from chalicelib.identity.second_factor import CodeRefused, Enrolled, FactorMissing, FactorPresent, normal
from chalicelib.identity.sessions import Session
from chalicelib.identity.sign_in import CodeNeeded, SignInRefused
from chalicelib.ids import UserId
from chalicelib.storage import audit
from chalicelib.storage.limits import LIMITS, LimitReached
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import MODELS, UserItem
from tests.accounts.people import EMAIL, HOME, NEW_PASSWORD, NOW, PASSWORD, ann, enter, letter, token_in

STEP = 30
LATER = NOW + 10 * STEP


def session_of(cookie: str, now: int = NOW) -> Session:
    found = sessions.session(cookie, now=now)
    assert found is not None
    return found


def seed(user: bytes) -> bytes:
    return bytes(UserItem.get(keys.user_partition(user), keys.SECOND_FACTOR, consistent_read=True).secret)


def code_of(user: bytes, now: int) -> str:
    return totp.code(seed(user), totp.step_of(now))


def protected() -> tuple[bytes, Enrolled]:
    """Ann with a second factor: her id, and what she was shown."""
    made = ann()
    session = session_of(made.signed_in.begun.cookie)
    second_factor.enrol(session.user, now=NOW)
    return made.user.user, second_factor.confirm(session, code_of(made.user.user, NOW), HOME, now=NOW)


def challenge(now: int = LATER) -> str:
    with pytest.raises(CodeNeeded) as needed:
        enter(now=now)
    return needed.value.challenge


def test_a_factor_counts_once_a_code_of_it_came_back(store: None) -> None:
    made = ann()
    user = made.user.user
    session = session_of(made.signed_in.begun.cookie)
    given = second_factor.enrol(session.user, now=NOW)
    assert totp.base32(seed(user)) == given.secret
    assert not second_factor.is_on(user)
    assert enter()
    with pytest.raises(CodeRefused):
        second_factor.confirm(session, "000000", HOME, now=NOW)
    done = second_factor.confirm(session, code_of(user, NOW), HOME, now=NOW)
    assert second_factor.is_on(user)
    assert len(set(done.recovery_codes)) == 10
    assert session_of(done.begun.cookie).strong


@pytest.mark.requirement("S21", "I5", "V7.4.3")
def test_turning_it_on_or_off_ends_all_other_sessions(moto_store: None) -> None:
    first = ann().signed_in.begun
    session = session_of(first.cookie)
    other = enter().begun
    second_factor.enrol(session.user, now=NOW)
    on = second_factor.confirm(session, code_of(session.user.user, NOW), HOME, now=NOW).begun
    for ended in (first, other):
        assert sessions.session(ended.cookie, now=NOW) is None
    again = sign_in.finish(challenge(), code_of(session.user.user, LATER), HOME, now=LATER).begun
    later = LATER + STEP
    off = second_factor.disable(session_of(again.cookie, later), code_of(session.user.user, later), HOME, now=later)
    assert sessions.session(on.cookie, now=later) is None
    assert not session_of(off.cookie, later).strong
    assert enter(now=later)


@pytest.mark.requirement("V6.3.3", "V2.3.1")
def test_the_password_alone_does_not_sign_in_and_with_a_code_it_does(store: None) -> None:
    user, _ = protected()
    done = sign_in.finish(challenge(), code_of(user, LATER), HOME, now=LATER)
    assert session_of(done.begun.cookie, LATER).strong


def test_a_wrong_password_says_nothing_of_a_second_factor(moto_store: None) -> None:
    protected()
    with pytest.raises(SignInRefused):
        enter(password="not this one at all", now=LATER)


@pytest.mark.requirement("I7", "V6.5.1")
def test_a_code_works_once(store: None) -> None:
    user, _ = protected()
    code = code_of(user, LATER)
    sign_in.finish(challenge(), code, HOME, now=LATER)
    for now in (LATER, LATER + 5, LATER + STEP):
        with pytest.raises(CodeRefused):
            sign_in.finish(challenge(now), code, HOME, now=now)


@pytest.mark.requirement("I7", "V6.5.1")
def test_the_code_that_turned_it_on_does_not_sign_in(moto_store: None) -> None:
    user, _ = protected()
    with pytest.raises(CodeRefused):
        sign_in.finish(challenge(NOW), code_of(user, NOW), HOME, now=NOW)


@pytest.mark.requirement("I7", "V6.5.1")
def test_two_who_both_saw_a_code_unused_do_not_both_use_it(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    user, enrolled = protected()
    for code in (code_of(user, LATER), enrolled.recovery_codes[0]):
        with monkeypatch.context() as before:
            factor = second_factor._stored(UserId(user), None)
            before.setattr(second_factor, "_stored", lambda *_, factor=factor: factor)
            second_factor.use(user, code, now=LATER)
            with pytest.raises(CodeRefused):
                second_factor.use(user, code, now=LATER)


@pytest.mark.requirement("I7", "V6.5.1", "V2.3.4")
@pytest.mark.engine
def test_of_fifty_uses_of_one_code_at_once_one_counts(
    at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    user, enrolled = protected()
    monkeypatch.setattr(second_factor.limits, "allow", lambda *_, **__: None)
    for code in (code_of(user, LATER), enrolled.recovery_codes[0]):
        found = at_once(lambda code=code: second_factor.use(user, code, now=LATER), 50)
        assert found.count(None) == 1
        assert sum(isinstance(each, CodeRefused) for each in found) == 49


@pytest.mark.requirement("I7")
@pytest.mark.engine
def test_of_many_who_finish_one_challenge_one_gets_in(
    at_once: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, enrolled = protected()
    monkeypatch.setattr(second_factor.limits, "allow", lambda *_, **__: None)
    one, codes = challenge(), iter(enrolled.recovery_codes)
    found = at_once(lambda: sign_in.finish(one, next(codes), HOME, now=LATER), 10)
    assert sum(isinstance(each, sign_in.SignedIn) for each in found) == 1


@pytest.mark.requirement("I7")
def test_a_code_whose_answer_was_lost_was_used_by_who_used_it(moto_store: None, lost_answers: None) -> None:
    user, _ = protected()
    second_factor.use(user, code_of(user, LATER), now=LATER)
    with pytest.raises(CodeRefused):
        second_factor.use(user, code_of(user, LATER), now=LATER)


@pytest.mark.requirement("I7", "V6.5.1")
@pytest.mark.parametrize(
    "written", [str, str.lower, lambda code: code.replace("-", " "), lambda code: code.replace("-", "")]
)
def test_a_recovery_code_works_once_however_it_is_written(moto_store: None, written: Callable[[str], str]) -> None:
    user, enrolled = protected()
    code = enrolled.recovery_codes[3]
    sign_in.finish(challenge(), written(code), HOME, now=LATER)
    assert second_factor.recovery_codes_left(user) == 9
    for again in (code, code.lower(), f" {code} "):
        with pytest.raises(CodeRefused):
            second_factor.use(user, again, now=LATER)


def test_letters_that_look_alike_are_the_same_in_a_recovery_code() -> None:
    assert normal("O0Ii-lL 1o") == normal("00-111 110") == "00111110"
    assert normal("ｏ０ⅰｌ") == "0011"
    assert normal("uU!?") == ""


@pytest.mark.requirement("S11", "V6.5.2")
def test_recovery_codes_are_kept_as_hashes(moto_store: None) -> None:
    _, enrolled = protected()
    everything = repr([row.serialize() for model in MODELS for row in model.scan()])
    for code in enrolled.recovery_codes:
        assert code not in everything
        assert normal(code) not in everything


@pytest.mark.requirement("V6.5.6")
def test_new_recovery_codes_end_the_old_ones(store: None) -> None:
    user, enrolled = protected()
    session = session_of(enrolled.begun.cookie)
    new = second_factor.renew_recovery_codes(session.user, code_of(user, LATER), now=LATER)
    assert len(set(new) | set(enrolled.recovery_codes)) == 20
    with pytest.raises(CodeRefused):
        second_factor.use(user, enrolled.recovery_codes[0], now=LATER)
    second_factor.use(user, new[0], now=LATER)


@pytest.mark.requirement("S17", "V6.3.1")
def test_guesses_at_a_code_are_limited(moto_store: None) -> None:
    user, _ = protected()
    burst = LIMITS["second-factor"].burst
    one = challenge()
    found: list[type[Exception]] = []
    for number in range(burst + 3):
        with pytest.raises((CodeRefused, LimitReached)) as caught:
            sign_in.finish(one, f"{number:06}", HOME, now=LATER)
        found.append(caught.type)
    assert found == [CodeRefused] * burst + [LimitReached] * 3
    with pytest.raises(LimitReached):
        sign_in.finish(one, code_of(user, LATER), HOME, now=LATER)


@pytest.mark.requirement("I5", "V6.5.5", "V2.3.1")
def test_a_challenge_ends_with_its_time_with_the_password_and_with_its_use(moto_store: None) -> None:
    user, enrolled = protected()
    one = challenge()
    with pytest.raises(LinkRefused):
        sign_in.finish(one, code_of(user, LATER + 300), HOME, now=LATER + 300)
    session = session_of(enrolled.begun.cookie, LATER)
    begun = sign_in.change_password(session, PASSWORD, NEW_PASSWORD, HOME, now=LATER)
    assert session_of(begun.cookie, LATER).strong
    with pytest.raises(LinkRefused):
        sign_in.finish(one, code_of(user, LATER), HOME, now=LATER)


@pytest.mark.requirement("V6.4.3")
def test_a_reset_does_not_go_round_the_second_factor(moto_store: None, outbox: None) -> None:
    user, _ = protected()
    sign_in.request_reset(EMAIL, HOME, now=LATER)
    sign_in.reset(token_in(letter().text), NEW_PASSWORD, HOME, now=LATER)
    with pytest.raises(CodeNeeded):
        enter(password=NEW_PASSWORD, now=LATER)
    assert second_factor.is_on(user)


@pytest.mark.requirement("V7.5.1", "V7.5.3")
def test_proving_again_asks_for_the_second_factor_too(moto_store: None) -> None:
    user, enrolled = protected()
    session = session_of(enrolled.begun.cookie, LATER)
    with pytest.raises(CodeRefused):
        sign_in.prove_again(session, PASSWORD, HOME, now=LATER)
    assert sign_in.prove_again(session, PASSWORD, HOME, code=code_of(user, LATER), now=LATER).session.strong


def test_what_is_not_there_cannot_be_used_and_what_is_there_not_made_again(moto_store: None) -> None:
    made = ann()
    session = session_of(made.signed_in.begun.cookie)
    with pytest.raises(FactorMissing):
        second_factor.confirm(session, "123456", HOME, now=NOW)
    with pytest.raises(FactorMissing):
        second_factor.disable(session, "123456", HOME, now=NOW)
    second_factor.enrol(session.user, now=NOW)
    done = second_factor.confirm(session, code_of(session.user.user, NOW), HOME, now=NOW)
    again = session_of(done.begun.cookie)
    with pytest.raises(FactorPresent):
        second_factor.enrol(again.user, now=NOW)
    with pytest.raises(FactorPresent):
        second_factor.confirm(again, "123456", HOME, now=NOW)


@pytest.mark.requirement("I5", "V6.5.6")
def test_an_operator_takes_away_a_factor_that_was_lost(store: None) -> None:
    _, enrolled = protected()
    user = session_of(enrolled.begun.cookie).user
    second_factor.take_away(user, by=audit.OPERATOR, now=LATER)
    assert sessions.session(enrolled.begun.cookie, now=LATER) is None
    assert enter(now=LATER)
    assert second_factor.recovery_codes_left(user.user) == 0
    assert [each.actor.kind for each in audit.search_personal(user.user, audit.Filter(action="factor.off")).data] == [
        "operator"
    ]


@pytest.mark.requirement("V6.3.7")
def test_a_change_to_the_factor_is_told_to_its_owner(moto_store: None, outbox: None) -> None:
    protected()
    assert (letter().to, "Two-factor sign-in was turned on" in letter().text) == (EMAIL, True)

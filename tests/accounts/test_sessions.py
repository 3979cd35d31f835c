"""Sessions last a day and not longer, end when they should for every copy of the cookie, and are kept as hashes."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import sessions, sign_in, users
from chalicelib.identity.sessions import FRESH_SECONDS, SECONDS, Begun, Session, SessionUnknown, Visitor
from chalicelib.identity.sign_in import SignInRefused
from chalicelib.identity.users import ChangedMeanwhile
from chalicelib.storage import audit
from chalicelib.storage.tables.models import MODELS
from tests.accounts.people import HOME, NEW_PASSWORD, NOW, PASSWORD, ann, enter, wanted


def works(cookie: str, now: int = NOW) -> bool:
    return sessions.session(cookie, now=now) is not None


def current(begun: Begun, now: int = NOW) -> Session:
    found = sessions.session(begun.cookie, now=now)
    assert found is not None
    return found


@pytest.mark.requirement("S21")
def test_a_session_is_somebody_who_signed_in(store: None) -> None:
    ann()
    found = current(enter().begun)
    assert (found.user.email, found.source, found.agent, found.strong) == (
        "ann@example.com",
        "192.0.2.7",
        "A browser",
        False,
    )


@pytest.mark.requirement("S20", "V7.3.2")
def test_a_session_ends_after_a_day_whatever_was_done_with_it(moto_store: None) -> None:
    ann()
    begun = enter().begun
    for hour in range(24):
        assert works(begun.cookie, NOW + hour * 3600)
    assert works(begun.cookie, NOW + SECONDS - 1)
    assert SECONDS == 24 * 3600
    assert not works(begun.cookie, NOW + SECONDS)
    assert not works(begun.cookie, NOW + 10**9)


@pytest.mark.requirement("S21", "S11")
def test_no_table_holds_the_value_of_a_cookie(moto_store: None) -> None:
    ann()
    done = enter()
    everything = repr([row.serialize() for model in MODELS for row in model.scan()])
    assert done.begun.cookie not in everything
    assert done.device not in everything
    assert PASSWORD not in everything


@pytest.mark.requirement("S21", "V7.2.3", "V7.2.2")
def test_ids_are_256_bits_of_chance(moto_store: None) -> None:
    ann()
    assert len({enter(now=NOW + hour * 3600).begun.cookie for hour in range(20)}) == 20
    assert len(sessions._text(bytes(32))) == 43


@pytest.mark.requirement("S21", "V7.2.1")
@pytest.mark.parametrize("cookie", ["", "x", "x" * 43, "é" * 43, "x" * 10_000])
def test_what_is_no_session_is_none(moto_store: None, cookie: str) -> None:
    assert sessions.session(cookie, now=NOW) is None


@pytest.mark.requirement("S21", "V7.2.1")
def test_half_of_the_hash_finds_a_session_and_does_not_open_it(
    moto_store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann()
    begun = enter().begun
    handle = sha256(begun.cookie.encode()).digest()[:16]
    monkeypatch.setattr(sessions, "_handle", lambda _: handle)
    assert works(begun.cookie)
    assert not works("x" * 43)


@pytest.mark.requirement("S21", "I5", "V7.4.1")
def test_signing_out_ends_every_copy_of_the_cookie_and_no_other_session(store: None) -> None:
    ann()
    one, other = enter().begun, enter().begun
    sessions.end(current(one), now=NOW)
    assert not works(one.cookie)
    assert works(other.cookie)


@pytest.mark.requirement("S21", "I5", "V7.4.3", "V6.2.2")
def test_a_new_password_ends_the_other_sessions_and_renews_this_one(store: None) -> None:
    ann()
    one, other = enter().begun, enter().begun
    renewed = sign_in.change_password(current(one), PASSWORD, NEW_PASSWORD, HOME, now=NOW)
    assert not works(one.cookie)
    assert not works(other.cookie)
    assert works(renewed.cookie)
    with pytest.raises(SignInRefused):
        enter()
    assert works(enter(password=NEW_PASSWORD).begun.cookie)


@pytest.mark.requirement("S21", "V6.2.3")
def test_a_password_is_not_changed_without_the_one_before(moto_store: None) -> None:
    ann()
    session = current(enter().begun)
    with pytest.raises(SignInRefused):
        sign_in.change_password(session, "not this one at all", NEW_PASSWORD, HOME, now=NOW)
    assert enter()


@pytest.mark.requirement("I5")
def test_a_sign_in_that_began_before_a_password_change_does_not_outlive_it(moto_store: None, monkeypatch: Any) -> None:
    """The password is checked, then changed elsewhere, then the session is written: too late."""
    ann()
    session = current(enter().begun)
    remember = sign_in.devices.remember

    def changed_meanwhile(*given: Any, **named: Any) -> str:
        monkeypatch.setattr(sign_in.devices, "remember", remember)
        sign_in.change_password(session, PASSWORD, NEW_PASSWORD, HOME, now=NOW)
        return remember(*given, **named)

    monkeypatch.setattr(sign_in.devices, "remember", changed_meanwhile)
    with pytest.raises(ChangedMeanwhile):
        enter()


@pytest.mark.requirement("S21", "I5", "V7.5.2")
def test_signing_out_everywhere_else_keeps_this_session(store: None) -> None:
    ann()
    one, other = enter().begun, enter().begun
    sessions.end_others(current(one), now=NOW)
    assert works(one.cookie)
    assert not works(other.cookie)
    assert [listed.handle for listed in sessions.sessions_of(current(one).user, now=NOW)] == [one.session.handle.hex()]


@pytest.mark.requirement("S21", "I5", "V7.5.2")
def test_signing_out_everywhere_ends_all(store: None) -> None:
    ann()
    begun = [enter().begun for _ in range(3)]
    sessions.end_all(current(begun[0]).user, now=NOW)
    assert not any(works(each.cookie) for each in begun)


@pytest.mark.requirement("I5")
@pytest.mark.engine
def test_whoever_signs_in_while_everything_ends_is_in_after_it_or_not_at_all(at_once: Callable[..., list[Any]]) -> None:
    user = ann().user
    turn = iter(range(20))

    def do() -> Any:
        number = next(turn)
        if number == 7:
            return sessions.end_all(user, now=NOW)
        device = Visitor(source=f"192.0.2.{number}")
        return sign_in._entered(
            _checked(user),
            sign_in._Entrance(user, device, False, strong=False),
            must_enrol=False,
            now=NOW,
            deadline=None,
        )

    found = at_once(do, 20)
    entered = [each.begun for each in found if isinstance(each, sign_in.SignedIn)]
    refused = [each for each in found if isinstance(each, Exception)]
    assert len(entered) + len(refused) + 1 == 20
    assert not any(works(each.cookie) for each in entered)


def _checked(user: users.User) -> Any:
    change = sign_in.Change()
    users.check_unchanged(change, user)
    return change


@pytest.mark.requirement("S21", "I4", "V7.5.2")
def test_a_person_ends_their_own_sessions_one_by_one_and_nobody_elses(store: None) -> None:
    user = ann().user
    bob = sign_in_bob()
    one, other = enter().begun, enter().begun
    sessions.end_one(user.user, one.session.handle.hex(), now=NOW)
    assert not works(one.cookie)
    assert works(other.cookie)
    for handle in (bob.session.handle.hex(), one.session.handle.hex(), "", "zz", "00" * 16):
        with pytest.raises(SessionUnknown):
            sessions.end_one(user.user, handle, now=NOW)
    assert works(bob.cookie)


def sign_in_bob() -> Begun:
    from chalicelib.identity import sign_up

    made = sign_up.register(wanted("bob@example.com"), HOME, now=NOW)
    assert made is not None
    return made.signed_in.begun


@pytest.mark.requirement("S21")
def test_the_list_shows_ones_own_sessions_that_count_the_newest_first(moto_store: None) -> None:
    user = ann(NOW - SECONDS).user
    sign_in_bob()
    enter(visitor=Visitor(source="192.0.2.1", agent="One\r\nSet-Cookie: x\x00"), now=NOW - 100)
    enter(visitor=Visitor(source="192.0.2.2", agent="Two" * 200), now=NOW)
    listed = sessions.sessions_of(user, now=NOW)
    assert [(each.source, each.created_at) for each in listed] == [("192.0.2.2", NOW), ("192.0.2.1", NOW - 100)]
    assert listed[1].agent == "One  Set-Cookie: x "
    assert len(listed[0].agent) == 200


@pytest.mark.requirement("S21", "V7.2.4")
def test_a_presented_id_is_never_adopted_and_the_session_of_before_ends(moto_store: None) -> None:
    ann()
    before = enter().begun
    after = enter(visitor=Visitor(source="192.0.2.7", session=current(before))).begun
    assert after.cookie != before.cookie
    assert not works(before.cookie)
    assert works(after.cookie)


@pytest.mark.requirement("S21", "V7.2.4", "V7.3.1")
def test_a_proof_lasts_half_an_hour_and_renews_the_id(moto_store: None) -> None:
    ann()
    begun = enter().begun
    assert current(begun).is_fresh(NOW + FRESH_SECONDS - 1)
    assert not current(begun).is_fresh(NOW + FRESH_SECONDS)
    later = NOW + 3600
    with pytest.raises(SignInRefused):
        sign_in.prove_again(current(begun, later), "not this one at all", HOME, now=later)
    renewed = sign_in.prove_again(current(begun, later), PASSWORD, HOME, now=later)
    assert not works(begun.cookie, later)
    assert current(renewed, later).is_fresh(later)


@pytest.mark.requirement("S21")
def test_a_renewed_session_has_a_new_id_and_the_same_window(moto_store: None) -> None:
    ann()
    old = enter().begun
    new = renewed(old, now=NOW + 3600)
    assert new.cookie != old.cookie
    assert not works(old.cookie, NOW + 3600)
    assert current(new, NOW + 3600).created_at == NOW
    assert not works(new.cookie, NOW + SECONDS)


@pytest.mark.requirement("S21")
def test_the_id_of_before_leads_to_the_renewed_session_for_ten_seconds_and_no_longer(moto_store: None) -> None:
    ann()
    old = enter().begun
    new = renewed(old, now=NOW + 100)
    for now in (NOW + 100, NOW + 109):
        assert sessions.presented(old.cookie, now=now) == sessions.presented(new.cookie, now=now) == new
    assert sessions.presented(old.cookie, now=NOW + 110) is None
    assert sessions.presented(new.cookie, now=NOW + 110) == new


@pytest.mark.requirement("S21", "I5")
def test_the_id_of_before_leads_nowhere_once_the_renewed_session_ended(moto_store: None) -> None:
    ann()
    old = enter().begun
    before = Begun(old.cookie, current(old))
    sessions.end(renewed(old, now=NOW + 100).session, now=NOW + 101)
    assert sessions.presented(old.cookie, now=NOW + 101) is None
    with pytest.raises(ChangedMeanwhile):
        sessions.renew(before, gained_at=NOW + 99, now=NOW + 101)


@pytest.mark.requirement("S21")
def test_nobody_without_our_secret_knows_the_next_id(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ann()
    old = enter().begun
    new = renewed(old, now=NOW)
    monkeypatch.setenv("SCRY_SECRETS", "5d" * 32)
    settings.current.cache_clear()
    assert sessions.presented(old.cookie, now=NOW) is None
    assert sessions.presented(new.cookie, now=NOW) == new


@pytest.mark.requirement("S21")
def test_a_renewed_id_is_younger_than_its_reason_whatever_the_clocks_say(moto_store: None) -> None:
    ann()
    renewed_by_a_slow_clock = sessions.renew(enter().begun, gained_at=NOW + 3, now=NOW)
    assert renewed_by_a_slow_clock.session.made_at == NOW + 4


def renewed(old: Begun, *, now: int) -> Begun:
    """After a gain of power a second before."""
    return sessions.renew(Begun(old.cookie, current(old)), gained_at=now - 1, now=now)


@pytest.mark.requirement("I7")
@pytest.mark.engine
def test_of_thirty_renewals_at_once_one_happens_and_all_go_on_with_its_id(at_once: Callable[..., list[Any]]) -> None:
    user = ann().user
    old = enter(now=NOW + 1).begun
    found = at_once(lambda: sessions.renew(old, gained_at=NOW, now=NOW + 2), 30)
    [new] = {each.cookie for each in found}
    assert works(new)
    assert not works(old.cookie)
    listed = sessions.sessions_of(user, now=NOW + 2)
    assert [each.created_at for each in listed] == [NOW + 1, NOW]
    entries = audit.search_personal(user.user, audit.Filter()).data
    assert [entry.action for entry in entries].count("session.renew") == 1


@pytest.mark.requirement("I6")
def test_a_sign_in_whose_answer_was_lost_is_one_session(moto_store: None, lost_answers: None) -> None:
    user = ann().user
    done = enter(now=NOW + 10)
    assert works(done.begun.cookie)
    listed = sessions.sessions_of(user, now=NOW + 10)
    assert [each.created_at for each in listed] == [NOW + 10, NOW]


@pytest.mark.requirement("V16.3.1")
def test_what_happens_to_sessions_stands_in_the_persons_own_log(moto_store: None) -> None:
    user = ann().user
    begun = enter().begun
    sessions.end(current(begun), now=NOW)
    entries = audit.search_personal(user.user, audit.Filter()).data
    assert {"account.create", "session.begin", "session.end"} <= {entry.action for entry in entries}
    assert all(begun.cookie not in repr(entry) for entry in entries)

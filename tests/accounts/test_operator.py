"""What an operator does at a shell for people who cannot help themselves, and what it leaves behind."""

import pytest

from chalicelib.identity import second_factor, sessions, totp
from chalicelib.identity.sessions import Begun
from chalicelib.identity.users import User
from chalicelib.storage import audit
from infra.admin import main
from tests.accounts.people import EMAIL, HOME, NOW, ann, enter, letter

pytestmark = pytest.mark.usefixtures("store")
Capture = pytest.CaptureFixture[str]

TAKE_AWAY = "take-away-second-factor"


def works(begun: Begun) -> bool:
    return sessions.session(begun.cookie, now=NOW) is not None


def entries(user: User) -> list[tuple[str, str]]:
    return [(entry.action, entry.actor.kind) for entry in audit.search_personal(user.user, audit.Filter()).data]


def with_factor() -> Begun:
    made = ann()
    found = sessions.session(made.signed_in.begun.cookie, now=NOW)
    assert found is not None
    second_factor.enrol(found.user, now=NOW)
    secret = second_factor._stored(found.user.user, None)
    assert secret is not None
    code = totp.code(secret["secret"].binary, totp.step_of(NOW))
    return second_factor.confirm(found, code, HOME, now=NOW).begun


@pytest.mark.requirement("S21", "I5", "V7.4.5")
def test_all_sessions_of_a_person_are_ended(capsys: Capture) -> None:
    begun = [ann().signed_in.begun, enter().begun]
    assert main(["end-sessions", "--email", EMAIL.upper()]) == 0
    assert EMAIL.upper() in capsys.readouterr().out
    assert not any(map(works, begun))
    assert ("session.end-all", "operator") in entries(begun[0].session.user)
    assert works(enter().begun)


@pytest.mark.requirement("S21", "V6.4.4")
def test_a_second_factor_that_was_lost_is_taken_away(outbox: None) -> None:
    begun = with_factor()
    assert main([TAKE_AWAY, "--email", EMAIL]) == 0
    user = begun.session.user
    assert not second_factor.is_on(user.user)
    assert second_factor.recovery_codes_left(user.user) == 0
    assert not works(begun)
    assert ("factor.off", "operator") in entries(user)
    assert "turned off by an operator" in letter().text
    assert works(enter().begun)


def test_what_is_not_there_cannot_be_taken_away(capsys: Capture) -> None:
    begun = ann().signed_in.begun
    for command in ("end-sessions", TAKE_AWAY):
        assert main([command, "--email", "nobody@example.com"]) == 1
        assert "There is no account of 'nobody@example.com'." in capsys.readouterr().err
    assert main([TAKE_AWAY, "--email", EMAIL]) == 1
    assert capsys.readouterr().err == "The account has no second factor.\n"
    assert works(begun)

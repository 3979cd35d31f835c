"""What may be a password, how it is kept, and what a check costs."""

import json

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.identity import passwords
from chalicelib.identity.common_passwords import LIST, is_common
from chalicelib.identity.passwords import FULL, LEAST, PasswordRefused, Verdict, check_form, hashed, verified
from infra.common_passwords import packed
from tests.accounts.people import PASSWORD, Argon2


@pytest.mark.requirement("S14", "V11.4.2", "V11.2.3")
def test_a_password_is_kept_as_argon2id_with_the_pinned_parameters_and_a_salt_of_its_own(real_argon2: Argon2) -> None:
    one, other = hashed(PASSWORD), hashed(PASSWORD)
    kept = extract_parameters(one)
    assert one.startswith("$argon2id$")
    assert (kept.memory_cost, kept.time_cost, kept.parallelism, kept.salt_len, kept.hash_len) == (65536, 3, 1, 16, 32)
    assert one != other
    assert PASSWORD not in one


@pytest.mark.requirement("S14", "V11.4.2")
@pytest.mark.parametrize(
    ("megabytes", "cost"), [(None, FULL), ("1769", FULL), ("10240", FULL), ("1768", LEAST), ("128", LEAST)]
)
def test_a_small_function_hashes_with_what_is_least_and_still_safe(
    monkeypatch: pytest.MonkeyPatch, megabytes: str | None, cost: passwords.Parameters
) -> None:
    monkeypatch.undo()
    if megabytes:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)
    assert passwords.parameters() == cost
    assert (LEAST.memory, LEAST.passes) >= (19 * 1024, 2)


@pytest.mark.requirement("S14", "V11.2.2")
def test_a_hash_with_other_parameters_is_found_outdated(monkeypatch: pytest.MonkeyPatch) -> None:
    old = hashed(PASSWORD)
    assert verified(PASSWORD, old) == Verdict(right=True, outdated=False)
    monkeypatch.setattr(passwords, "parameters", lambda: passwords.Parameters(memory=16, passes=1))
    assert verified(PASSWORD, old) == Verdict(right=True, outdated=True)
    assert verified(PASSWORD, passwords.rehashed(PASSWORD)) == Verdict(right=True, outdated=False)


@pytest.mark.requirement("S15", "V6.3.8")
def test_a_check_is_one_computation_of_one_cost_whatever_it_finds(real_argon2: Argon2) -> None:
    encoded = hashed(PASSWORD)
    decoy = extract_parameters(passwords.decoy(passwords.parameters()))
    assert decoy == extract_parameters(encoded)
    real_argon2.calls.clear()
    assert verified(PASSWORD, encoded).right
    assert not verified("wrong horse battery", encoded).right
    assert not verified(PASSWORD, None).right
    assert real_argon2.calls == ["verify"] * 3


@pytest.mark.requirement("S15")
@given(st.text(max_size=40))
def test_no_password_is_that_of_nobody(password: str) -> None:
    assert verified(password, None) == Verdict(right=False)


@pytest.mark.requirement("S16", "V6.2.1")
@pytest.mark.parametrize("password", ["x1y2z3w4v5u", "e\u0301" * 11, "", "😀" * 11])
def test_a_password_of_less_than_twelve_characters_is_refused_however_they_are_composed(password: str) -> None:
    with pytest.raises(PasswordRefused, match="12 characters"):
        check_form(password)


@pytest.mark.requirement("S16", "V6.2.5", "V6.2.9")
@pytest.mark.parametrize(
    "password",
    [
        "x1y2z3w4v5u6",
        "😀" * 12,
        "пароль из слов",
        "   spaces all around   ",
        "q" * 1024,
        "only lower case letters",
        "\x00\n" * 8,
    ],
)
def test_any_composition_of_characters_may_be_a_password(password: str) -> None:
    assert verified(password, hashed(password)).right


@pytest.mark.requirement("S16", "V6.2.8", "V6.2.9")
def test_a_password_has_at_most_1024_bytes_and_every_one_of_them_counts() -> None:
    with pytest.raises(PasswordRefused, match="1024 bytes"):
        check_form("é" * 513)
    encoded = hashed("é" * 512)
    assert verified("é" * 512, encoded).right
    assert not verified("é" * 511, encoded).right


@pytest.mark.requirement("S16", "V6.2.8")
def test_the_same_characters_are_the_same_password_and_case_counts() -> None:
    encoded = hashed("\u00e9" * 12 + "x")
    assert verified("e\u0301" * 12 + "x", encoded).right
    assert not verified("e\u0301" * 12 + "X", encoded).right


@pytest.mark.requirement("S16", "V6.2.4", "V6.2.12")
@pytest.mark.parametrize("password", ["password1234", "PassWord1234", "qwertyuiop123", "123456789012", "iloveyou1234"])
def test_a_common_password_is_refused_without_asking_anybody(password: str) -> None:
    with pytest.raises(PasswordRefused, match="attackers try first"):
        check_form(password)


@pytest.mark.requirement("S16", "V6.2.4", "V6.2.12")
def test_the_list_of_common_passwords_is_long_sorted_and_small() -> None:
    content = LIST.read_bytes()
    entries = [content[place : place + 4] for place in range(0, len(content), 4)]
    assert len(entries) > 40_000
    assert entries == sorted(set(entries))
    assert len(content) < 200_000
    assert (LIST.parent / "LICENSE.md").exists()


def test_the_list_is_made_of_what_could_be_a_password() -> None:
    made = packed(["short", "long enough one", "LONG enough ONE", "another long one"])
    assert len(made) == 8
    assert made[:4] < made[4:]


@pytest.mark.requirement("S16")
@given(st.text(min_size=12, max_size=30, alphabet="bcdfghjkmpqrtvwxz"))
def test_what_nobody_ever_chose_is_not_common(password: str) -> None:
    assert not is_common("~" + password + "~")


@pytest.mark.requirement("S16", "V6.2.11")
@pytest.mark.parametrize(
    "password",
    ["scrywatch1234", "Scrywatch!!!!", "ann.smithers12", "smithers-2026", "Acme Ltd 2026", "acmelogs1234567"],
)
def test_a_password_that_is_little_more_than_a_known_name_is_refused(password: str) -> None:
    context = ("ann.smithers@example.com", "Ann Smithers", "Acme Ltd") + (("acmelogs",) if "logs" in password else ())
    with pytest.raises(PasswordRefused, match="name that others know"):
        check_form(password, context=context)


@pytest.mark.requirement("S16")
@pytest.mark.parametrize("password", ["the scrywatch of my dreams", "smithers walks the dog", "ann bob and carol x"])
def test_a_known_name_may_be_a_part_of_a_password(password: str) -> None:
    check_form(password, context=("ann.smithers@example.com", "Ann Smithers", "Acme Ltd"))


def test_half_a_character_is_a_character_and_no_fault() -> None:
    password = json.loads('"\\ud800 and eleven more"')
    assert not verified(password, hashed(PASSWORD)).right


def test_a_fingerprint_changes_with_the_password_and_shows_nothing_of_it() -> None:
    one, other = hashed(PASSWORD), hashed(PASSWORD)
    assert passwords.fingerprint(one) == passwords.fingerprint(one)
    assert passwords.fingerprint(one) != passwords.fingerprint(other)
    assert len(passwords.fingerprint(one)) == 8


def test_random_passwords_differ_and_may_be_passwords() -> None:
    assert passwords.random_password() != passwords.random_password()
    check_form(passwords.random_password())

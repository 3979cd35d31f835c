"""Codes are those of RFC 6238, and count in their step, the one before and the one after."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.identity import totp
from chalicelib.identity.totp import base32, code, enrolment_uri, matching_step, step_of

SEED = b"12345678901234567890"
NOW = 1_790_000_000


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_the_standard(at: int, expected: str) -> None:
    assert code(SEED, step_of(at), digits=8) == expected
    assert code(SEED, step_of(at)) == expected[2:]


@pytest.mark.requirement("V6.5.5")
@given(st.binary(min_size=20, max_size=20), st.integers(-4, 4))
def test_a_code_counts_in_its_step_and_its_neighbours(seed: bytes, away: int) -> None:
    found = matching_step(seed, code(seed, step_of(NOW) + away), now=NOW, after=0)
    others = {code(seed, step_of(NOW) + near) for near in (-1, 0, 1)}
    assert (found is not None) == (abs(away) <= 1 or code(seed, step_of(NOW) + away) in others)


@pytest.mark.requirement("V6.5.1")
def test_a_step_that_was_used_does_not_count_nor_does_one_before_it() -> None:
    step = step_of(NOW)
    assert matching_step(SEED, code(SEED, step), now=NOW, after=step - 1) == step
    assert matching_step(SEED, code(SEED, step), now=NOW, after=step) is None
    assert matching_step(SEED, code(SEED, step - 1), now=NOW, after=step) is None
    assert matching_step(SEED, code(SEED, step + 1), now=NOW, after=step) == step + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1e5", "12345\x00"])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert matching_step(SEED, typed, now=NOW, after=0) is None


def test_a_code_may_be_typed_in_groups() -> None:
    typed = code(SEED, step_of(NOW))
    assert matching_step(SEED, f" {typed[:3]} {typed[3:]} ", now=NOW, after=0) == step_of(NOW)


def test_an_authenticator_is_told_whose_the_code_is_and_how_it_is_made() -> None:
    uri = urlsplit(enrolment_uri(SEED, account="ann&x=1@example.com"))
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Scrywatch%3Aann%26x%3D1%40example.com")
    assert parse_qs(uri.query) == {
        "secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"], "issuer": ["Scrywatch"], "digits": ["6"], "period": ["30"]
    }  # fmt: skip
    assert base32(SEED) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.requirement("V6.5.3")
def test_seeds_are_160_bits_of_chance() -> None:
    assert len({totp.new_secret() for _ in range(50)}) == 50
    assert len(totp.new_secret()) == 20

"""PKCE: a challenge that can be checked, and the one verifier that it was made from."""

import hashlib
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.pkce import check_challenge, verified

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
VERIFIERS = st.text(UNRESERVED, min_size=43, max_size=128)

RFC_VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
RFC_CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""RFC 7636, appendix B."""


def challenge_of(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@pytest.mark.requirement("S1")
def test_the_standards_own_example_is_right():
    check_challenge("S256", RFC_CHALLENGE)
    assert verified(RFC_VERIFIER, RFC_CHALLENGE)


@pytest.mark.requirement("S1", "S4")
@given(verifier=VERIFIERS, other=VERIFIERS)
def test_only_the_verifier_of_a_challenge_verifies_it(verifier: str, other: str):
    check_challenge("S256", challenge_of(verifier))
    assert verified(verifier, challenge_of(verifier))
    assert verified(other, challenge_of(verifier)) == (other == verifier)


@pytest.mark.requirement("S1", "O3")
@pytest.mark.parametrize(
    ("method", "challenge"),
    [
        ("", RFC_CHALLENGE),
        ("plain", RFC_CHALLENGE),
        ("s256", RFC_CHALLENGE),
        ("S256 ", RFC_CHALLENGE),
        ("S256", ""),
        ("S256", RFC_CHALLENGE[:-1]),
        ("S256", RFC_CHALLENGE + "A"),
        ("S256", RFC_CHALLENGE[:-1] + "="),
        ("S256", RFC_CHALLENGE[:-1] + "+"),
        ("S256", RFC_CHALLENGE + "\n"),
    ],
)
def test_a_challenge_that_proves_nothing_is_refused(method: str, challenge: str):
    with pytest.raises(OAuthError) as refused:
        check_challenge(method, challenge)
    assert refused.value.code == "invalid_request"


@pytest.mark.requirement("S4", "O12")
@pytest.mark.parametrize("length", [0, 1, 42, 129, 10_000])
def test_a_verifier_has_43_to_128_characters(length: int):
    verifier = "a" * length
    assert not verified(verifier, challenge_of(verifier))


@pytest.mark.requirement("S4", "O12")
@pytest.mark.parametrize("character", [" ", "+", "/", "=", "%", "é", "\n", "\0", "\ud800"])
def test_a_verifier_has_no_other_characters(character: str):
    assert not verified("a" * 42 + character, RFC_CHALLENGE)
    assert not verified("a" * 43 + character, RFC_CHALLENGE)


@pytest.mark.requirement("S1")
def test_a_verifier_that_is_the_challenge_itself_proves_nothing():
    """`plain` would take it."""
    assert not verified(RFC_CHALLENGE, RFC_CHALLENGE)

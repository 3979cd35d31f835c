"""Thieves and guessers: a token that is used twice ends its connection, and one that was made up ends nobody's."""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.ids import GrantId
from chalicelib.oauth import refresh_tokens, revocation
from chalicelib.oauth.refresh_tokens import PREFIX
from chalicelib.oauth.tokens import Issued
from tests.oauth.granting import CLIENT, connected, grant_of, id_of, refreshed, refused, works
from tests.tenancy.world import NOW, Tenant, everything

OTHER = "https://other.example/oauth.json"


def parts(token: str) -> tuple[bytes, int, bytes, bytes]:
    raw = urlsafe_b64decode(token.removeprefix(PREFIX) + "==")
    return raw[:12], int.from_bytes(raw[12:16], "big"), raw[16:32], raw[32:]


def joined(grant: bytes, generation: int, salt: bytes, mac: bytes) -> str:
    whole = grant + generation.to_bytes(4, "big") + salt + mac
    return PREFIX + urlsafe_b64encode(whole).decode().rstrip("=")


def presented(text: str) -> Issued:
    return Issued("", text, 0, "")


@pytest.mark.requirement("S9", "O15", "I5", "V10.4.5")
def test_a_token_that_two_parties_use_is_worth_nothing_to_either(shop: Tenant):
    """Whoever of them was first: nothing tells a thief from an owner."""
    stolen = connected(shop)
    other = connected(shop)
    after = refreshed(stolen, now=NOW + 10)
    assert works(after, now=NOW + 10)
    with refused("invalid_grant"):
        refreshed(stolen, now=NOW + 20)
    assert grant_of(stolen, now=NOW + 20) is None
    assert not works(stolen, now=NOW + 20)
    assert not works(after, now=NOW + 20)
    with refused("invalid_grant"):
        refreshed(after, now=NOW + 20)
    assert works(other, now=NOW + 20)
    assert works(refreshed(other, now=NOW + 20), now=NOW + 20)


@pytest.mark.requirement("S9", "O15")
@pytest.mark.parametrize("old", [0, 1, 2, 3])
def test_any_token_of_before_ends_the_connection_however_old_it_is(shop: Tenant, old: int):
    held = [connected(shop)]
    for _ in range(4):
        held.append(refreshed(held[-1]))
    with refused("invalid_grant"):
        refreshed(held[old])
    assert [works(each) for each in held] == [False] * 5


@pytest.mark.requirement("S9", "O14")
@pytest.mark.parametrize("stale", [False, True])
def test_another_clients_try_ends_nothing(shop: Tenant, stale: bool):
    held = connected(shop)
    newest = refreshed(held) if stale else held
    before = everything()
    with refused("invalid_grant"):
        refreshed(held, client_id=OTHER)
    assert everything() == before
    assert works(newest)
    assert works(refreshed(newest))


GUESSES: dict[str, Callable[[str], str]] = {
    "chance for a MAC": lambda token: joined(*parts(token)[:3], secrets.token_bytes(32)),
    "nothing for a MAC": lambda token: joined(*parts(token)[:3], bytes(32)),
    "an older generation under the same MAC": lambda token: joined(parts(token)[0], 1, *parts(token)[2:]),
    "a later generation under the same MAC": lambda token: joined(parts(token)[0], 9, *parts(token)[2:]),
    "the right generation with another salt": lambda token: joined(
        *parts(token)[:2], secrets.token_bytes(16), parts(token)[3]
    ),
    "an older generation that is all chance": lambda token: joined(
        parts(token)[0], 1, secrets.token_bytes(16), secrets.token_bytes(32)
    ),
    "a later generation that is all chance": lambda token: joined(
        parts(token)[0], 2**32 - 1, secrets.token_bytes(16), secrets.token_bytes(32)
    ),
    "another way of writing the same bytes": lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    "padding": lambda token: token + "==",
    "another prefix": lambda token: token.replace("scry_rt_", "scry_at_"),
    "nothing": lambda token: "",
}


@pytest.mark.requirement("S9")
@pytest.mark.parametrize("name", GUESSES)
def test_a_guess_at_a_known_connection_ends_nothing(shop: Tenant, name: str):
    held = refreshed(refreshed(connected(shop)))
    before = everything()
    with refused("invalid_grant"):
        refreshed(presented(GUESSES[name](held.refresh_token)))
    assert everything() == before
    assert works(held)
    assert works(refreshed(held))


@pytest.mark.requirement("S9")
def test_a_token_of_one_connection_moved_to_another_ends_neither(shop: Tenant):
    one, other = refreshed(connected(shop)), refreshed(connected(shop))
    _, generation, salt, mac = parts(one.refresh_token)
    before = everything()
    with refused("invalid_grant"):
        refreshed(presented(joined(parts(other.refresh_token)[0], generation - 1, salt, mac)))
    with refused("invalid_grant"):
        refreshed(presented(joined(parts(other.refresh_token)[0], generation, salt, mac)))
    assert everything() == before


@pytest.mark.requirement("S9")
def test_a_token_that_another_deployment_made_ends_nothing(shop: Tenant, monkeypatch: pytest.MonkeyPatch):
    held = refreshed(connected(shop))
    monkeypatch.setenv("SCRY_SECRETS", "aa" * 32)
    settings.current.cache_clear()
    foreign = refresh_tokens.written(id_of(held), 1, bytes(16))
    monkeypatch.setenv("SCRY_SECRETS", "5c" * 32)
    settings.current.cache_clear()
    before = everything()
    with refused("invalid_grant"):
        refreshed(presented(foreign.text))
    assert everything() == before


@pytest.mark.requirement("S9")
def test_a_token_of_the_generation_that_works_which_was_never_given_away_ends_nothing(shop: Tenant):
    """As the loser of a race makes one, and gives it to nobody."""
    held = connected(shop)
    never = refresh_tokens.written(id_of(held), 1, secrets.token_bytes(16))
    later = refresh_tokens.written(id_of(held), 2, secrets.token_bytes(16))
    before = everything()
    for each in (never, later):
        with refused("invalid_grant"):
            refreshed(presented(each.text))
    assert everything() == before


@pytest.mark.requirement("S9")
@pytest.mark.parametrize("store", ["moto"], indirect=True)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=64, max_size=64), st.text(max_size=100))
def test_no_made_up_text_does_anything(shop: Tenant, raw: bytes, text: str):
    before = everything()
    for guess in (PREFIX + urlsafe_b64encode(raw).decode().rstrip("="), PREFIX + text, text):
        with refused("invalid_grant"):
            refreshed(presented(guess))
        revocation.revoke(guess, client_id=CLIENT, now=NOW)
    assert everything() == before


@pytest.mark.requirement("S9")
def test_what_a_token_says_can_be_read_and_not_changed():
    grant = GrantId(secrets.token_bytes(12))
    made = refresh_tokens.written(grant, 7, bytes(16))
    read = refresh_tokens.refresh_token(made.text)
    assert read == made
    assert read is not None
    assert (read.grant, read.generation, read.was_issued()) == (grant, 7, True)
    assert made.text not in repr(made)

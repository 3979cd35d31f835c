"""Scopes: what may be asked for, and that nobody gets more than was granted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.identity.permissions import BY_SCOPE, READS
from chalicelib.oauth import scopes
from chalicelib.oauth.errors import OAuthError

WORDS = st.sampled_from(["events:read", "events:write", "keys:read", "", "EVENTS:READ", "events:read,events:write"])


@pytest.mark.requirement("O6")
@pytest.mark.parametrize("text", ["", "events:read", " events:read ", "events:read events:read"])
def test_who_asks_for_nothing_gets_to_read(text: str):
    assert scopes.parse(text) == {"events:read"}
    assert scopes.narrowed(text, frozenset({"events:read"})) == {"events:read"}


@pytest.mark.requirement("O6", "O14")
@given(st.lists(WORDS, max_size=4))
def test_whatever_is_asked_for_nothing_else_is_given(words: list[str]):
    text = " ".join(words)
    asked = {word for word in words if word}
    for given_by in (scopes.parse, lambda text: scopes.narrowed(text, scopes.SUPPORTED)):
        if asked <= scopes.SUPPORTED:
            assert given_by(text) == scopes.SUPPORTED
        else:
            with pytest.raises(OAuthError) as refused:
                given_by(text)
            assert refused.value.code == "invalid_scope"


@pytest.mark.requirement("O14")
@given(
    granted=st.frozensets(st.sampled_from("abcd"), min_size=1), asked=st.frozensets(st.sampled_from("abcd"))
)  # fmt: skip
def test_a_scope_gets_narrower_and_never_wider(granted: frozenset[str], asked: frozenset[str]):
    if asked <= granted:
        assert scopes.narrowed(scopes.written(asked), granted) == (asked or granted)
    else:
        with pytest.raises(OAuthError):
            scopes.narrowed(scopes.written(asked), granted)


@pytest.mark.requirement("S5", "S7")
def test_every_scope_reads_events_and_no_scope_does_anything_else():
    assert BY_SCOPE.keys() == scopes.SUPPORTED
    assert all(may <= READS for may in BY_SCOPE.values())
    assert {permission.value for may in BY_SCOPE.values() for permission in may} == {"public", "events:read"}

"""Access tokens: an hour long, worth what their connection is worth at the moment, and refreshed a minute early.

    0 s                                                 3540 s                        3600 s
    ├── served ──────────────────────────────────────────┤── the lease ────────────────┤── refused ──
    issued; `expires_in` says 3540                        one request in 10 s is refused,
                                                          all others are served

Clients refresh when they meet a refusal, and those that ask in parallel would all refresh at once: strict rotation
(`oauth.rotation`) would end their connection. In the lease one of them is refused, refreshes, and is done before the
others could notice.
"""

import logging
from typing import Final

from msgspec import Struct

from chalicelib.identity.grants import Grant, grant_by_id
from chalicelib.identity.membership import membership
from chalicelib.ids import GrantId
from chalicelib.oauth import scopes
from chalicelib.oauth.bearers import ACCESS_TOKEN, Bearer, bearer, new_bearer
from chalicelib.oauth.errors import TokenRefused
from chalicelib.storage.changes import Change, Fields, absent, commit, when
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import LISTED_LONGER_SECONDS, Item, item
from chalicelib.storage.tables import keys

__all__ = ["Access", "Issued", "TokenRefused", "authenticated"]

LIFETIME_SECONDS: Final = 3_600
LEASE_SECONDS: Final = 60
ADVERTISED_SECONDS: Final = LIFETIME_SECONDS - LEASE_SECONDS
REFUSAL_SECONDS: Final = 10
"""In the lease, how long after a refusal there is no other."""

logger: Final = logging.getLogger(__name__)


class Issued(Struct, frozen=True):
    """What the token endpoint gives away (RFC 6749, section 5.1): the only copies. `expires_in` is in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str

    def __repr__(self) -> str:
        return f"Issued({self.expires_in}, {self.scope!r})"


class Access(Struct, frozen=True):
    """What a token gives right now."""

    grant: Grant
    scope: frozenset[str]


def authenticated(presented: str, *, now: int, deadline: float | None = None) -> Access:
    """What is behind a presented token, read consistently. `now` is in seconds.

    Raises `TokenRefused` and `StoreUnavailable`. Whether the project lives, and which one is asked for, is the door's
    question.
    """
    token = bearer(ACCESS_TOKEN, presented)
    stored = _found(token, deadline=deadline) if token else None
    if token is None or stored is None or stored["expires_at"].number <= now:
        raise TokenRefused
    grant = grant_by_id(GrantId(stored["grant"].binary), now=now, deadline=deadline)
    if grant is None or not _is_allowed(grant, deadline=deadline):
        raise TokenRefused
    if stored["expires_at"].number - now <= LEASE_SECONDS and _is_the_refused_one(token, now=now, deadline=deadline):
        raise TokenRefused
    return Access(grant, frozenset(stored["scope"].text.split()))


def add_access_token(change: Change, grant: Grant, scope: frozenset[str], *, now: int) -> Bearer:
    """Adds a new token of a grant, and its place in the grant's list, to a change that makes sure of the grant."""
    made, expires_at = new_bearer(ACCESS_TOKEN), now + LIFETIME_SECONDS
    fields: Fields = {
        "digest": made.digest, "grant": grant.id, "scope": scopes.written(scope), "expires_at": expires_at,
        "t": expires_at,
    }  # fmt: skip
    change.put(keys.TOKENS, keys.access_token_partition(made.id), keys.ONLY, fields, absent(_TokenIdTaken()))
    listed: Fields = {"token": made.id, "t": expires_at + LISTED_LONGER_SECONDS}
    change.put(keys.TOKENS, keys.grant_tokens_partition(grant.id), keys.grant_token_sort(made.id), listed)
    return made


def issued(access: Bearer, refresh: str, scope: frozenset[str], *, grant: Grant, now: int) -> Issued:
    """What is said of new tokens. None outlasts its grant."""
    seconds = min(ADVERTISED_SECONDS, grant.expires_at - now)
    return Issued(access.text, refresh, seconds, scopes.written(scope))


def grant_of(presented: str, *, now: int, deadline: float | None = None) -> tuple[Grant, Bearer] | None:
    """The grant that a token is of, whether or not it still gives anything. Raises `StoreUnavailable`."""
    token = bearer(ACCESS_TOKEN, presented)
    stored = _found(token, deadline=deadline) if token else None
    grant = grant_by_id(GrantId(stored["grant"].binary), now=now, deadline=deadline) if stored else None
    return (grant, token) if grant and token else None


class _TokenIdTaken(Exception):
    """One chance in 10^28: trying again helps."""


class _ServedInstead(Exception):
    """Another request was refused a moment ago, or the token is gone."""


def _found(token: Bearer, *, deadline: float | None) -> Item | None:
    stored = item(keys.TOKENS, keys.access_token_partition(token.id), keys.ONLY, deadline=deadline)
    return stored if stored and token.is_the_one(stored["digest"].binary) else None


def _is_allowed(grant: Grant, *, deadline: float | None) -> bool:
    """Whether who allowed it is still the member that they were."""
    member = membership(grant.org, grant.user, deadline=deadline)
    return member is not None and member.membership == grant.membership


def _is_the_refused_one(token: Bearer, *, now: int, deadline: float | None) -> bool:
    """Whether this request is the one in ten seconds that is refused: one conditional update decides.

    Where that cannot be done, nobody is refused: the token works.
    """
    rarely = when(
        "attribute_exists(p) AND (attribute_not_exists(#leased_at) OR #leased_at <= :past)",
        _ServedInstead(), past=now - REFUSAL_SECONDS,
    )  # fmt: skip
    change = Change()
    change.update(keys.TOKENS, keys.access_token_partition(token.id), keys.ONLY, {"leased_at": now}, rarely)
    try:
        commit(change, deadline=deadline)
    except _ServedInstead:
        return False
    except StoreUnavailable as failed:
        logger.warning("a token in its last minute was served without its turn: %s", failed)
        return False
    return True

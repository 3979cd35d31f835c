"""Refreshing (RFC 6749, section 6): each refresh token is used once, and using it again ends its connection (RFC 9700).

    generation        1              2              3
    honest client     R1 ──► R2, A2     R2 ──► R3, A3
                      one conditional update: generation 1 -> 2 while the digest is R1's

    stolen            thief  R1 ──► R2', A2'
                      owner      R1: stale, and truly issued ──► the connection ends: R2', A2' and all others are dead
    two at once       A      R1 ── read ── updates ────────────── answers with R2, A2
                      B      R1 ── read ────────── refused: overtaken ── reads again: stale ── ends the connection
    a lost answer     our own second attempt meets generation 2 ── finds its own nonce in A2 ── it was us: R2, A2
    a guess           wrong MAC, or a generation that was not reached: refused, and nothing changes
    another client    refused, and nothing changes: it may have found the token in a log

Within the replay window (a setting, 0 seconds if it says nothing) the token of just before gets the same R2 once more,
with an access token of its own, as long as R2 was not used: for clients that lose answers.
"""

import hmac
import secrets
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.identity import grants
from chalicelib.identity.grants import Family
from chalicelib.oauth import refresh_tokens, scopes, tokens
from chalicelib.oauth.codes import check_resource
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.refresh_tokens import RefreshToken, refresh_token
from chalicelib.oauth.tokens import Issued
from chalicelib.storage.audit import SYSTEM
from chalicelib.storage.changes import Change, Condition, commit, when
from chalicelib.storage.tables import keys

USED_TWICE: Final = "a refresh token was used twice"


def refresh(
    token: str, *, client_id: str, scope: str, resource: str, now: int, deadline: float | None = None
) -> Issued:
    """New tokens for the newest refresh token, which ends by it. The scope may be narrower than the grant's.

    Raises `OAuthError` (`invalid_grant`, `invalid_scope`, `invalid_target`) and `StoreUnavailable`; after the latter
    the token may have been used.
    """
    presented, family = _found(token, client_id=client_id, now=now, deadline=deadline)
    asked = _Asked(scope, resource, now, deadline)
    if presented.is_the_one(family.digest):
        try:
            return _rotated(family, asked)
        except _Overtaken:
            _, family = _found(token, client_id=client_id, now=now, deadline=deadline)
    elif not (presented.generation < family.grant.generation and presented.was_issued()):
        raise _refused()
    if _may_repeat(presented, family, asked):
        with suppress(_Overtaken):
            return _repeated(family, asked)
    grants.end_grant(family.grant, by=SYSTEM, why=USED_TWICE, now=now, deadline=deadline)
    raise _refused()


class _Asked(Struct, frozen=True):
    scope: str
    resource: str
    now: int
    deadline: float | None


class _Overtaken(Exception):
    """Somebody else used the token meanwhile, or its connection ended."""


def _refused(why: str = "the refresh token is unknown, used, or of a connection that ended: ask again") -> OAuthError:
    return OAuthError("invalid_grant", why)


def _found(token: str, *, client_id: str, now: int, deadline: float | None) -> tuple[RefreshToken, Family]:
    """What a text may be a token of. To any other client than its own it is unknown."""
    presented = refresh_token(token)
    family = grants.family_by_id(presented.grant, now=now, deadline=deadline) if presented else None
    if presented is None or family is None:
        raise _refused()
    if not hmac.compare_digest(family.grant.client_id.encode(), client_id.encode("utf-8", "surrogatepass")):
        raise _refused()
    return presented, family


def _rotated(family: Family, asked: _Asked) -> Issued:
    """The next generation. Raises `_Overtaken` where this one is not the newest any more."""
    grant = family.grant
    salt = secrets.token_bytes(refresh_tokens.SALT_BYTES)
    successor = refresh_tokens.written(grant.id, grant.generation + 1, salt)
    idle_at = min(asked.now + grants.IDLE_SECONDS, grant.expires_at)
    fields: dict[str, Any] = {
        "digest": successor.digest, "salt": salt, "generation": successor.generation, "rotated_at": asked.now,
        "idle_at": idle_at, "t": idle_at,
    }  # fmt: skip
    change = Change()
    change.update(keys.GRANTS, keys.grant_partition(grant.id), keys.ONLY, fields, _is_newest(family))
    return _issued(change, family, successor, asked)


def _may_repeat(presented: RefreshToken, family: Family, asked: _Asked) -> bool:
    """Whether it is the token of just before, presented again so soon that its answer may have been lost."""
    age = asked.now - family.rotated_at
    return presented.generation == family.grant.generation - 1 and age < settings.current().refresh_replay_seconds


def _repeated(family: Family, asked: _Asked) -> Issued:
    """The newest token once more. Raises `_Overtaken` where it was used meanwhile."""
    grant = family.grant
    successor = refresh_tokens.written_again(grant.id, grant.generation, family.salt, family.digest)
    if successor is None:
        raise _refused()
    change = Change()
    change.check(keys.GRANTS, keys.grant_partition(grant.id), keys.ONLY, _is_newest(family))
    return _issued(change, family, successor, asked)


def _issued(change: Change, family: Family, successor: RefreshToken, asked: _Asked) -> Issued:
    """Does the change with a new access token in it, if all that was asked for may be."""
    grant = family.grant
    scope = scopes.narrowed(asked.scope, grant.scope)
    check_resource(asked.resource, family.resource)
    grants.check_standing(change, grant, _refused("who allowed it is no member any more, or the project is gone"))
    access = tokens.add_access_token(change, grant, scope, now=asked.now)
    commit(change, deadline=asked.deadline)
    return tokens.issued(access, successor.text, scope, grant=grant, now=asked.now)


def _is_newest(family: Family) -> Condition:
    return when(
        "#generation = :generation AND #digest = :digest",
        _Overtaken(), generation=family.grant.generation, digest=family.digest,
    )  # fmt: skip

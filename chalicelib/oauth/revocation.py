"""Revocation (RFC 7009): a client gives back a token that it does not need any more."""

from chalicelib.identity import grants
from chalicelib.identity.grants import Grant
from chalicelib.oauth import tokens
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.refresh_tokens import refresh_token
from chalicelib.storage.audit import SYSTEM
from chalicelib.storage.changes import Change, commit
from chalicelib.storage.tables import keys

GIVEN_BACK = "the app gave it back"


def revoke(token: str, *, client_id: str, now: int, deadline: float | None = None) -> None:
    """Ends an access token alone; with a refresh token, an old one too, the whole connection.

    A token that nobody knows is no error (section 2.2). Raises `OAuthError` (`invalid_grant`) for that of another
    client, which stays as it is (section 2.1), and `StoreUnavailable`.
    """
    if family := _refreshable(token, now=now, deadline=deadline):
        _check_client(family, client_id)
        grants.end_grant(family, by=SYSTEM, why=GIVEN_BACK, now=now, deadline=deadline)
    elif found := tokens.grant_of(token, now=now, deadline=deadline):
        grant, access = found
        _check_client(grant, client_id)
        change = Change()
        change.delete(keys.TOKENS, keys.access_token_partition(access.id), keys.ONLY)
        change.delete(keys.TOKENS, keys.grant_tokens_partition(grant.id), keys.grant_token_sort(access.id))
        commit(change, deadline=deadline)


def _refreshable(token: str, *, now: int, deadline: float | None) -> Grant | None:
    """The grant that a refresh token was truly issued for, whichever generation it is of."""
    presented = refresh_token(token)
    family = grants.family_by_id(presented.grant, now=now, deadline=deadline) if presented else None
    if presented is None or family is None:
        return None
    is_old = presented.generation < family.grant.generation and presented.was_issued()
    return family.grant if is_old or presented.is_the_one(family.digest) else None


def _check_client(grant: Grant, client_id: str) -> None:
    if grant.client_id != client_id:
        raise OAuthError("invalid_grant", "the token is another client's")

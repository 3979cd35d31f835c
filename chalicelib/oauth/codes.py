"""Authorization codes (RFC 6749, section 4.1): what somebody approved, for a minute, for who asked, once.

    issue     put code ── 60 s ──┐
    redeem    read code ── client, redirect, verifier, resource, age ── one transaction: the code is spent, the grant
                 │                                                      with its twins, its first access token, audit;
                 │                                                      while the membership is the same, the project
                 └ wrong in anything: refused, and nothing changes      lives, and the code is not spent

    two at once   A   read ── checked ── spends ────────────────────── answers with tokens
                  B     read ── checked ──────── refused: it is spent ── reads again ── ends what A was given ── refused
    afterwards    C                                                  read: spent ── checked ── ends it ── refused

Whoever has a code and its verifier, and is not the first, shows that two parties have them (RFC 6749, section 4.1.2).
So of any number at once one gets an answer with tokens, and those are dead when the others have been refused. Who lacks
the verifier shows nothing, and ends nothing.
"""

import hmac
import secrets
from typing import Any, Final, NoReturn

import msgspec
from msgspec import Struct

from chalicelib.identity import grants
from chalicelib.identity.grants import ClientKind, Family, Grant
from chalicelib.identity.membership import AuthorityLost
from chalicelib.ids import GrantId, OrgId, ProjectId, UserId
from chalicelib.oauth import pkce, redirects, refresh_tokens, resources, scopes, tokens
from chalicelib.oauth.bearers import CODE, Bearer, bearer, new_bearer
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.tokens import Issued
from chalicelib.storage.audit import SYSTEM
from chalicelib.storage.changes import Change, Fields, absent, commit, when
from chalicelib.storage.items import LISTED_LONGER_SECONDS, Item, item
from chalicelib.storage.tables import keys

LIFETIME_SECONDS: Final = 60
DAY: Final = 86_400
FIRST: Final = 1
"""The generation of a grant's first refresh token."""

USED_TWICE: Final = "its code was used twice"


class Approval(Struct, frozen=True, kw_only=True):
    """What somebody said yes to."""

    client_id: str
    client_name: str
    client_host: str
    client_kind: ClientKind
    redirect_uri: str
    challenge: str
    scope: str
    resource: str
    org: OrgId
    project: ProjectId
    user: UserId
    membership: bytes


class _Code(Struct, frozen=True):
    """A code as it is stored."""

    code: Bearer
    approval: Approval
    expires_at: int
    grant: GrantId | None
    """What it gave, if it is spent."""


def issue_code(approval: Approval, *, now: int, deadline: float | None = None) -> str:
    """The text of a new code. Raises `AuthorityLost` where who approved may not any more, or the project is gone, and
    `StoreUnavailable`."""
    code, expires_at = new_bearer(CODE), now + LIFETIME_SECONDS
    fields = msgspec.structs.asdict(approval) | {"digest": code.digest, "expires_at": expires_at, "t": expires_at}
    change = Change()
    grants.check_standing(change, approval, AuthorityLost())
    change.put(keys.TOKENS, keys.code_partition(code.id), keys.ONLY, fields, absent(_CodeIdTaken()))
    led: Fields = {
        "code": code.id, "org": approval.org, "project": approval.project, "user": approval.user,
        "t": expires_at + LISTED_LONGER_SECONDS,
    }  # fmt: skip
    for place in _listed(code, approval):
        change.put(keys.TOKENS, *place, led)
    commit(change, deadline=deadline)
    return code.text


def redeem(
    code: str,
    *,
    client_id: str,
    redirect_uri: str,
    verifier: str,
    resource: str,
    now: int,
    deadline: float | None = None,
) -> Issued:
    """The first tokens of a new grant, for a code and the verifier of its challenge.

    `redirect_uri` and `resource` may be left out; where they are not, they are those of the authorization request.
    Raises `OAuthError` (`invalid_grant`, `invalid_target`) and `StoreUnavailable`; after the latter the code may be
    spent.
    """
    found = _found(code, client_id=client_id, deadline=deadline)
    _check(found.approval, redirect_uri=redirect_uri, verifier=verifier, resource=resource)
    if found.grant is not None:
        _used_twice(found.grant, now=now, deadline=deadline)
    if now >= found.expires_at:
        raise _refused()
    try:
        return _exchanged(found, now=now, deadline=deadline)
    except _Spent:
        winner = _found(code, client_id=client_id, deadline=deadline).grant
        _used_twice(winner, now=now, deadline=deadline)


class _Spent(Exception):
    """Somebody else redeemed the code meanwhile."""


class _CodeIdTaken(Exception):
    """One chance in 10^28: trying again helps."""


def _refused(why: str = "the code is unknown, used, or older than a minute: ask for another one") -> OAuthError:
    return OAuthError("invalid_grant", why)


def _found(text: str, *, client_id: str, deadline: float | None) -> _Code:
    """The code, if it was given to this client. To any other it is unknown."""
    code = bearer(CODE, text)
    stored = item(keys.TOKENS, keys.code_partition(code.id), keys.ONLY, deadline=deadline) if code else None
    if code is None or stored is None or not code.is_the_one(stored["digest"].binary):
        raise _refused()
    if not hmac.compare_digest(stored["client_id"].text.encode(), client_id.encode("utf-8", "surrogatepass")):
        raise _refused()
    grant = GrantId(stored["grant"].binary) if "grant" in stored else None
    return _Code(code, _approval(stored), stored["expires_at"].number, grant)


def _check(approval: Approval, *, redirect_uri: str, verifier: str, resource: str) -> None:
    """Everything that can be wrong with a redemption but its time: before anything is consumed."""
    if redirect_uri not in ("", approval.redirect_uri):
        raise _refused("redirect_uri is not that of the authorization request")
    if not pkce.verified(verifier, approval.challenge):
        raise _refused("code_verifier is missing, or not that of the code_challenge")
    check_resource(resource, approval.resource)


def check_resource(named: str, approved: str) -> None:
    """Raises `OAuthError` (`invalid_target`) for another resource than was approved (RFC 8707, section 2.2)."""
    if named and resources.written(resources.parse_resource(named)) != approved:
        raise OAuthError("invalid_target", f"what was approved is {approved}")


def _exchanged(found: _Code, *, now: int, deadline: float | None) -> Issued:
    family, refresh = _new_family(found, now=now)
    grant = family.grant
    change = Change()
    # Kept for a day longer than anything that came of it can live: till then a second use must be known for one.
    unspent = when("#digest = :digest AND attribute_not_exists(#grant)", _Spent(), digest=found.code.digest)
    spent: Fields = {"grant": grant.id, "t": grant.expires_at + DAY}
    change.update(keys.TOKENS, keys.code_partition(found.code.id), keys.ONLY, spent, unspent)
    for place in _listed(found.code, found.approval):  # from here on the grant's trail leads to it
        change.delete(keys.TOKENS, *place)
    grants.check_standing(change, grant, _refused("who allowed it is no member any more, or the project is gone"))
    grants.add_grant(change, family, at=now)
    access = tokens.add_access_token(change, grant, grant.scope, now=now)
    commit(change, deadline=deadline)
    return tokens.issued(access, refresh, grant.scope, grant=grant, now=now)


def _new_family(found: _Code, *, now: int) -> tuple[Family, str]:
    """What the code stands for, and the text of its first refresh token."""
    approval = found.approval
    grant = Grant(
        id=GrantId(secrets.token_bytes(grants.ID_BYTES)), org=approval.org, project=approval.project,
        user=approval.user, membership=approval.membership, client_id=approval.client_id,
        client_name=approval.client_name, client_host=approval.client_host, client_kind=approval.client_kind,
        redirect_host=redirects.host_of(approval.redirect_uri), scope=scopes.parse(approval.scope), created_at=now,
        expires_at=now + grants.LIFETIME_SECONDS, idle_at=now + grants.IDLE_SECONDS, generation=FIRST,
        code=found.code.id,
    )  # fmt: skip
    salt = secrets.token_bytes(refresh_tokens.SALT_BYTES)
    refresh = refresh_tokens.written(grant.id, FIRST, salt)
    family = Family(grant=grant, digest=refresh.digest, salt=salt, rotated_at=now, resource=approval.resource)
    return family, refresh.text


def _listed(code: Bearer, approval: Approval) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Where a code that nobody redeemed is found from its project, and from who approved it."""
    sort = keys.listed_code_sort(code.id)
    of_project = keys.project_codes_partition(approval.org, approval.project)
    return (of_project, sort), (keys.person_codes_partition(approval.user), sort)


def _used_twice(grant: GrantId | None, *, now: int, deadline: float | None) -> NoReturn:
    """Ends what a code gave that was presented again by somebody who could have redeemed it."""
    found = grants.grant_by_id(grant, now=now, deadline=deadline) if grant else None
    if found is not None:
        grants.end_grant(found, by=SYSTEM, why=USED_TWICE, now=now, deadline=deadline)
    raise _refused()


def _approval(stored: Item) -> Approval:
    fields: dict[str, Any] = {
        name: stored[name].binary if name in _BYTES else stored[name].text for name in Approval.__struct_fields__
    }
    return msgspec.convert(fields, Approval)


_BYTES: Final = frozenset({"org", "project", "user", "membership"})

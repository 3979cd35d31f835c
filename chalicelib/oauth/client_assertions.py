"""Signed proof that a client is who it says (`private_key_jwt`: RFC 7523, section 3; OpenID Connect Core, section 9).

    the client's own key  ->  for us  ->  of this moment  ->  the first time
      signature               aud         iat, nbf, exp       jti, spent by a conditional write

An assertion that was used is remembered for a day longer than it lasts, so that it is never good again.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from chalicelib import settings
from chalicelib.oauth import client_metadata, documents
from chalicelib.oauth.clients import Client
from chalicelib.oauth.documents import Wanted
from chalicelib.oauth.errors import ClientRefused
from chalicelib.outside.fetch import FetchRefused
from chalicelib.storage.changes import Change, absent, commit
from chalicelib.storage.tables import keys

ALGORITHMS: Final[Mapping[str, tuple[str, str | None]]] = {
    "ES256": ("EC", "P-256"),
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "EdDSA": ("OKP", "Ed25519"),
}
"""What may be signed with, and the kind and the curve of key that it takes (RFC 7518, RFC 8037)."""

RSA_BITS: Final = 2048
LONGEST: Final = 8 * 1024
LONGEST_LIFE_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 30
"""How far a client's clock may run ahead of ours."""

SPENT_SECONDS: Final = 86_400
KEYS_SECONDS: Final = 300
LONGEST_KEYS: Final = client_metadata.LONGEST_KEYS

_Moment = Annotated[float, Meta(ge=0, le=1 << 40)]
"""Seconds, perhaps with a fraction (RFC 7519, section 2, NumericDate)."""


class _Claims(Struct, frozen=True):
    iss: str
    sub: str
    aud: str | list[str]
    exp: _Moment
    jti: Annotated[str, Meta(min_length=1, max_length=512)]
    iat: _Moment = 0
    nbf: _Moment = 0


def accept(assertion: str, client: Client, *, now: int, deadline: float | None = None) -> None:
    """Spends the assertion, if it is the client's and good. Raises `ClientRefused` and `StoreUnavailable`."""
    header = _header(assertion)
    key = _key(client, header, now=now, deadline=deadline)
    claims = _claims(assertion, key, header["alg"])
    _check(claims, client, now)
    _spend(client, claims, deadline=deadline)


def claimed_client(assertion: str) -> str:
    """The client that an assertion says it is of. It proves nothing yet. Raises `ClientRefused`."""
    import jwt

    _header(assertion)
    try:
        claims = jwt.decode(assertion, options={"verify_signature": False})
    except jwt.InvalidTokenError as wrong:
        raise _unreadable() from wrong
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else ""


def audiences() -> tuple[str, str]:
    """Whom an assertion may be for: the issuer, or its token endpoint."""
    issuer = settings.current().url
    return issuer, f"{issuer}/oauth/token"


def _header(assertion: str) -> dict[str, Any]:
    import jwt

    if len(assertion) > LONGEST:
        raise ClientRefused(f"the assertion has more than {LONGEST} characters")
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.InvalidTokenError as wrong:
        raise _unreadable() from wrong
    if header.get("alg") not in ALGORITHMS:
        raise ClientRefused(f"the assertion is signed with one of {', '.join(ALGORITHMS)}")
    if "crit" in header:
        raise ClientRefused("the assertion has a critical header that is not understood here")
    return header


def _key(client: Client, header: Mapping[str, Any], *, now: int, deadline: float | None) -> dict[str, Any]:
    """The client's key that the header names. Keys that are not known yet are looked for once more."""
    if client.jwks is not None:
        return _only(_fitting(client_metadata.keys_in(client.jwks), header))
    assert client.jwks_uri is not None, "a client that signs has keys"
    wanted = Wanted(client.jwks_uri, client_metadata.keys_in, LONGEST_KEYS, lambda _: KEYS_SECONDS)
    try:
        found = _fitting(documents.document(wanted, now=now, deadline=deadline), header)
        if not found:
            found = _fitting(documents.renewed(wanted, now=now, deadline=deadline), header)
    except (FetchRefused, ValueError) as refused:
        raise ClientRefused(f"the client's keys cannot be read: {refused}") from refused
    return _only(found)


def _fitting(known: list[dict[str, Any]], header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The keys that may have made the signature: of the algorithm's kind, for signing, and of the name that is told."""
    algorithm = header["alg"]
    kind, curve = ALGORITHMS[algorithm]
    return [
        key
        for key in known
        if key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and ("kid" not in header or key.get("kid") == header["kid"])
    ]


def _only(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if len(found) != 1:
        raise ClientRefused("the assertion's `kid` and `alg` name exactly one of the client's keys")
    return found[0]


def _claims(assertion: str, key: dict[str, Any], algorithm: str) -> _Claims:
    import jwt

    # The clock is an argument here, and the audience a part of `_check`: the library checks the signature alone.
    options: Any = {f"verify_{name}": False for name in ("exp", "iat", "nbf", "aud", "iss", "sub", "jti")}
    try:
        public = jwt.PyJWK(key, algorithm=algorithm)
        if public.key_type == "RSA" and public.key.key_size < RSA_BITS:
            raise ClientRefused(f"the client's RSA key has fewer than {RSA_BITS} bits")
        claims = jwt.decode(assertion, public, algorithms=[algorithm], options=options)
        return msgspec.convert(claims, _Claims)
    except (jwt.PyJWTError, ValueError) as wrong:
        raise ClientRefused("the assertion is not signed with the client's key, or lacks a claim") from wrong


def _check(claims: _Claims, client: Client, now: int) -> None:
    if claims.iss != client.client_id or claims.sub != client.client_id:
        raise ClientRefused("the assertion's `iss` and `sub` are the client's id")
    named = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if not named or not set(named) <= set(audiences()):
        raise ClientRefused(f"the assertion's `aud` is {audiences()[0]} and nothing else")
    if not now < claims.exp <= now + LONGEST_LIFE_SECONDS + LEEWAY_SECONDS:
        raise ClientRefused(f"the assertion has passed, or lasts longer than {LONGEST_LIFE_SECONDS} seconds")
    if max(claims.iat, claims.nbf) > now + LEEWAY_SECONDS:
        raise ClientRefused("the assertion is not good yet: look at the client's clock")


def _spend(client: Client, claims: _Claims, *, deadline: float | None) -> None:
    digest = sha256(client.client_id.encode() + b"\0" + claims.jti.encode()).digest()
    change = Change()
    again = ClientRefused("the assertion was used before: each request has its own `jti`")
    fields = {"t": int(claims.exp) + SPENT_SECONDS}
    change.put(keys.CLIENTS, keys.assertion_partition(digest), keys.ONLY, fields, absent(again))
    commit(change, deadline=deadline)


def _unreadable() -> ClientRefused:
    return ClientRefused("the assertion is no signed JWT")

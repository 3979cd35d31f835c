"""Signed links: what a mail or a form carries so that only who got it can go on. Short-lived, for one purpose, once.

A link is a JSON Web Token (RFC 7519, HS256) under a key of its own, derived from the deployment's secrets. Whoever acts
on one puts `spend` into the same change, so that of any number of uses at most one happens. That record outlives the
link by a day: one that went before it would let the link live again.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chalicelib import settings
from chalicelib.storage.changes import Change, absent
from chalicelib.storage.tables import keys

Purpose = Literal["sign-up", "email", "reset", "second-factor", "invitation"]

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

LIFETIMES: Final[Mapping[Purpose, int]] = {
    "sign-up": HOUR,
    "email": HOUR,
    "reset": 30 * MINUTE,
    "second-factor": 5 * MINUTE,
    "invitation": 7 * DAY,
}
"""In seconds."""

ALGORITHM: Final = "HS256"
ID_BYTES: Final = 16
KEPT_SECONDS: Final = DAY
LONGEST: Final = 4096


class LinkRefused(Exception):
    """Not a link of ours, or for something else, or too old, or used. Which of these is not said."""

    def __init__(self) -> None:
        super().__init__("This link does not work any more. Ask for a new one.")


class Link(Struct, frozen=True):
    """What a link says that was signed here and is still good."""

    purpose: Purpose
    id: bytes
    expires_at: int
    claims: Mapping[str, str]


class _Token(Struct, frozen=True):
    aud: Purpose
    jti: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    iat: int
    exp: int
    claims: dict[str, str]


def signed(purpose: Purpose, claims: Mapping[str, str], *, now: int, id: bytes | None = None) -> str:  # noqa: A002
    """The text of a new link. `now` is in seconds. What it claims can be read by whoever has it."""
    import jwt

    token = _Token(
        aud=purpose, jti=(id or secrets.token_bytes(ID_BYTES)).hex(), iat=now, exp=now + LIFETIMES[purpose],
        claims=dict(claims),
    )  # fmt: skip
    return jwt.encode(msgspec.to_builtins(token), _keys()[0], algorithm=ALGORITHM)


def opened(text: str, *purposes: Purpose, now: int) -> Link:
    """What the link says, if it is for one of the purposes. Whether it was used is decided by `spend` alone.

    Raises `LinkRefused`.
    """
    token = _verified(text)
    if token.aud not in purposes or not token.iat - MINUTE <= now < token.exp:
        raise LinkRefused
    return Link(token.aud, bytes.fromhex(token.jti), token.exp, token.claims)


def spend(change: Change, link: Link) -> None:
    """Makes the change happen only if the link was not used before. Committing raises `LinkRefused`."""
    fields = {"t": link.expires_at + KEPT_SECONDS}
    change.put(keys.SESSIONS, keys.spent_link_partition(link.id), keys.ONLY, fields, absent(LinkRefused()))


def _verified(text: str) -> _Token:
    import jwt

    if len(text) > LONGEST:
        raise LinkRefused
    # The clock is an argument here, and the audience a part of `opened`: the library checks the signature alone.
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_aud": False, "verify_nbf": False}
    for key in _keys():
        try:
            return msgspec.convert(jwt.decode(text, key, algorithms=[ALGORITHM], options=options), _Token)
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
            raise LinkRefused from error
    raise LinkRefused


def _keys() -> list[bytes]:
    """The secrets sign other things too: each use has a key that is good for nothing else."""
    return [hmac.digest(secret, b"scrywatch links", "sha256") for secret in settings.current().secrets]

"""Refresh tokens: texts that say which connection they are of and how many came before, and prove that we said so.

    scry_rt_ base64url( grant 12 | generation 4 | salt 16 | MAC 32 )                        86 characters

The MAC is HMAC-SHA256 under a key derived from the deployment's secrets. Of a connection the newest token's SHA-256 is
stored, and no older one's: a stale token is told from a guess by its MAC, and by its generation. So stealing the table
gives no token, and making one up ends nobody's connection.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from msgspec import Struct

from chalicelib import settings
from chalicelib.ids import GrantId

PREFIX: Final = "scry_rt_"
SALT_BYTES: Final = 16


class RefreshToken(Struct, frozen=True):
    """A token's text, and what it says."""

    text: str
    grant: GrantId
    generation: int
    salt: bytes

    @property
    def digest(self) -> bytes:
        return sha256(self.text.encode()).digest()

    def is_the_one(self, digest: bytes) -> bool:
        """Whether this is the text that was stored, found out in constant time."""
        return hmac.compare_digest(self.digest, digest)

    def was_issued(self) -> bool:
        """Whether it was made here, under one of the secrets that count today."""
        return any(
            hmac.compare_digest(self.text, each.text) for each in _written(self.grant, self.generation, self.salt)
        )

    def __repr__(self) -> str:
        return f"RefreshToken({self.grant.hex()}, {self.generation})"


def written(grant: GrantId, generation: int, salt: bytes) -> RefreshToken:
    """The token of this generation."""
    return next(_written(grant, generation, salt))


def written_again(grant: GrantId, generation: int, salt: bytes, digest: bytes) -> RefreshToken | None:
    """The token whose digest is stored; None where the secret that signed it is gone."""
    return next((each for each in _written(grant, generation, salt) if each.is_the_one(digest)), None)


def refresh_token(text: str) -> RefreshToken | None:
    """The text, if it has the form of one. Whether it is one is another question."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    content = urlsafe_b64decode(found[1] + "==")
    return RefreshToken(text, GrantId(content[:12]), int.from_bytes(content[12:16], "big"), content[16:32])


def _written(grant: GrantId, generation: int, salt: bytes) -> Iterator[RefreshToken]:
    """Under each of the deployment's secrets, the one that signs first."""
    content = grant + generation.to_bytes(4, "big") + salt
    for secret in settings.current().secrets:
        # The secrets sign other things too: each use has a key that is good for nothing else.
        key = hmac.digest(secret, b"scrywatch refresh tokens", "sha256")
        whole = content + hmac.digest(key, b"refresh" + content, "sha256")
        yield RefreshToken(PREFIX + urlsafe_b64encode(whole).decode().rstrip("="), grant, generation, salt)


_FORM: Final = re.compile(PREFIX + r"([A-Za-z0-9_-]{86})")

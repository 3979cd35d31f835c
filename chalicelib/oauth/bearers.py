"""The texts that stand for access tokens and codes: chance, of which a part finds the item and may be known.

    scry_at_ 3fQ9…        base64url of 12 bytes of id and 32 of secret: 59 characters
    scry_ac_ 0aZk…        the same

Stored is SHA-256 of the whole text, so that no other way of writing the same bytes is the same token.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct

Kind = Literal["scry_at_", "scry_ac_"]
ACCESS_TOKEN: Final[Kind] = "scry_at_"  # noqa: S105
CODE: Final[Kind] = "scry_ac_"

ID_BYTES: Final = 12
SECRET_BYTES: Final = 32


class Bearer(Struct, frozen=True):
    """A text that somebody presents, or that was just made."""

    text: str
    id: bytes

    @property
    def digest(self) -> bytes:
        return sha256(self.text.encode()).digest()

    def is_the_one(self, digest: bytes) -> bool:
        """Whether this is the text that was stored, found out in constant time."""
        return hmac.compare_digest(self.digest, digest)

    def __repr__(self) -> str:
        return f"Bearer({self.id.hex()})"


def new_bearer(kind: Kind) -> Bearer:
    chance = secrets.token_bytes(ID_BYTES + SECRET_BYTES)
    return Bearer(kind + urlsafe_b64encode(chance).decode().rstrip("="), chance[:ID_BYTES])


def bearer(kind: Kind, text: str) -> Bearer | None:
    """The text, if it has the form of this kind."""
    found = _FORMS[kind].fullmatch(text)
    return Bearer(text, urlsafe_b64decode(found[1] + "=")[:ID_BYTES]) if found else None


_FORMS: Final = {kind: re.compile(kind + r"([A-Za-z0-9_-]{59})") for kind in (ACCESS_TOKEN, CODE)}

"""Passwords: argon2id, with the parameters of the security decisions, pinned by a test."""

import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

LEAST_CHARACTERS: Final = 12
MOST_BYTES: Final = 1024

HASHER: Final = PasswordHasher(
    memory_cost=64 * 1024, time_cost=3, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)


class PasswordRefused(ValueError):
    """A password that nobody may have."""


def hashed(password: str) -> str:
    """The salted hash in argon2's own encoded form. Raises `PasswordRefused` for one too short or too long."""
    normal = _normal(password)
    if len(normal) < LEAST_CHARACTERS:
        raise PasswordRefused(f"a password has at least {LEAST_CHARACTERS} characters")
    if len(normal.encode()) > MOST_BYTES:
        raise PasswordRefused(f"a password has at most {MOST_BYTES} bytes")
    return HASHER.hash(normal.encode())


def is_right(password: str, encoded: str) -> bool:
    """Whether this password made that hash."""
    try:
        return HASHER.verify(encoded, _normal(password).encode())
    except VerificationError:
        return False


def random_password() -> str:
    """A password nobody has to remember: 131 bits."""
    return secrets.token_urlsafe(18)[:22]


def _normal(password: str) -> str:
    """The same characters are the same password, however a keyboard composed them."""
    return unicodedata.normalize("NFC", password)

"""Passwords: what may be one, how it is kept (argon2id), and how it is checked without telling who has an account.

A check costs one argon2 computation whatever happens: where there is no account, a decoy is verified instead. Callers
ask a limiter first (`sign_in`): 42 to 100 ms and 64 MiB are worth stealing.
"""

import base64
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from chalicelib.identity.common_passwords import is_common

if TYPE_CHECKING:
    from argon2 import PasswordHasher  # importing it costs 20 ms of a cold start

LEAST_CHARACTERS: Final = 12
MOST_BYTES: Final = 1024
PRODUCT: Final = "scrywatch"
LEAST_BEYOND_CONTEXT: Final = 8
LEAST_CONTEXT: Final = 4
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16


class Parameters(Struct, frozen=True):
    """What a hash costs: memory in KiB, passes over it, lanes."""

    memory: int
    passes: int
    lanes: int = 1


FULL: Final = Parameters(64 * 1024, 3)
LEAST: Final = Parameters(19 * 1024, 2)
FULL_FROM_MEGABYTES: Final = 1769
"""A function of this size has a whole core."""


class PasswordRefused(ValueError):
    """A password that nobody may have, and why."""


class Verdict(Struct, frozen=True):
    """What a check found. `outdated`: it is right, and its hash has not today's parameters."""

    right: bool
    outdated: bool = False


def hashed(password: str, *, context: Iterable[str] = ()) -> str:
    """The salted hash in argon2's own encoded form. Raises `PasswordRefused` as `check_form` does."""
    check_form(password, context=context)
    return rehashed(password)


def check_form(password: str, *, context: Iterable[str] = ()) -> None:
    """Raises `PasswordRefused` for one that is too short, too long, common, or made of what everybody knows.

    `context` are words that an attacker would try for this person: their address, name and organisation.
    """
    text = normal(password)
    if len(text) < LEAST_CHARACTERS:
        raise PasswordRefused(f"a password has at least {LEAST_CHARACTERS} characters")
    if len(_bytes(text)) > MOST_BYTES:
        raise PasswordRefused(f"a password has at most {MOST_BYTES} bytes")
    if is_common(text):
        raise PasswordRefused("this password is one of those that attackers try first")
    if len(_without(text, context)) < LEAST_BEYOND_CONTEXT:
        raise PasswordRefused("this password is little more than a name that others know")


def rehashed(password: str) -> str:
    """The hash of a password that is in use already, with today's parameters."""
    return _hasher(parameters()).hash(_bytes(normal(password)))


def verified(password: str, encoded: str | None) -> Verdict:
    """Whether this password made that hash; `None` stands for nobody's hash, and costs the same."""
    from argon2.exceptions import VerificationError

    hasher = _hasher(parameters())
    try:
        hasher.verify(encoded or decoy(parameters()), _bytes(normal(password)))
    except VerificationError:
        return Verdict(right=False)
    if encoded is None:
        return Verdict(right=False)
    return Verdict(right=True, outdated=hasher.check_needs_rehash(encoded))


def is_right(password: str, encoded: str) -> bool:
    """Whether this password made that hash."""
    return verified(password, encoded).right


def random_password() -> str:
    """A password nobody has to remember: 131 bits."""
    return secrets.token_urlsafe(18)[:22]


def normal(password: str) -> str:
    """The same characters are the same password, however a keyboard composed them."""
    return unicodedata.normalize("NFC", password)


def fingerprint(encoded: str) -> bytes:
    """8 bytes that change with the password and tell nothing of it: links that it must outlive carry them."""
    return sha256(encoded.encode()).digest()[:8]


def parameters() -> Parameters:
    """What hashes cost here: a small function takes the least that is safe, everything else the full price."""
    megabytes = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    return LEAST if megabytes is not None and int(megabytes) < FULL_FROM_MEGABYTES else FULL


@cache
def decoy(cost: Parameters) -> str:
    """A hash that no password has."""
    salt, never = (base64.b64encode(secrets.token_bytes(n)).rstrip(b"=").decode() for n in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v=19$m={cost.memory},t={cost.passes},p={cost.lanes}${salt}${never}"


@cache
def _hasher(cost: Parameters) -> "PasswordHasher":
    from argon2 import PasswordHasher, Type

    return PasswordHasher(
        memory_cost=cost.memory, time_cost=cost.passes, parallelism=cost.lanes,
        hash_len=HASH_BYTES, salt_len=SALT_BYTES, type=Type.ID,
    )  # fmt: skip


def _bytes(text: str) -> bytes:
    """A lone surrogate, which JSON can name and UTF-8 cannot hold, is a character like any other."""
    return text.encode("utf-8", "surrogatepass")


def _without(text: str, context: Iterable[str]) -> str:
    rest = text.casefold()
    for word in sorted({*_words(context), PRODUCT}, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest


def _words(context: Iterable[str]) -> Iterable[str]:
    for phrase in context:
        folded = normal(phrase).casefold()
        local = folded.partition("@")[0]
        yield from (word for word in (folded, local, *re.split(r"[\W_]+", local)) if len(word) >= LEAST_CONTEXT)

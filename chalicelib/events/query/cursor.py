"""Where a query goes on: signed, bound to its project and its question, and always further than the one before.

A cursor holds the absolute range, so that `since=1h` does not shift between pages; the position of the last event given
(its place, which merging does not change); and the block where reading resumes.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from chalicelib import settings
from chalicelib.events.scope import Scope
from chalicelib.events.store.read import Order, Resume

SIGNATURE_BYTES: Final = 16
LONGEST: Final = 6_000

T = TypeVar("T")


class CursorRefused(Exception):
    """The text is no cursor of this project and query. Starting without one helps."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Everything up to here was given. Events at one timestamp are ordered by their places."""

    timestamp: int
    tie: bytes = b""
    """The place of the event that was given last."""
    inclusive: bool = False
    """Whether the event here is still to be given: a page that ended between two events says so."""


class SearchCursor(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    start: int
    end: int
    order: Order
    position: Position
    resume: Resume


class TailCursor(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """What a follower has seen."""

    floor: int
    """Blocks whose last timestamp is older are not looked at."""
    seen: tuple[bytes, ...]
    """Short names of the blocks given whole, those of the last minute."""
    cut: tuple[tuple[bytes, int], ...]
    """Blocks given in part, and how many rows of each were looked at."""


def seal(scope: Scope, question: str, cursor: SearchCursor | TailCursor) -> str:
    """Text for the caller, who can neither read anything useful from it nor change it."""
    body = msgspec.msgpack.encode(cursor)
    signature = _signature(settings.current().secrets[0], scope, question, body)
    return urlsafe_b64encode(signature + body).decode().rstrip("=")


def unseal(scope: Scope, question: str, text: str, kind: type[T]) -> T:
    """The cursor of that kind which was sealed for this project and question. Raises `CursorRefused`."""
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= LONGEST else b""
    except ValueError:
        packed = b""
    signature, body = packed[:SIGNATURE_BYTES], packed[SIGNATURE_BYTES:]
    if not _signed(settings.current().secrets, scope, question, body, signature):
        raise CursorRefused
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise CursorRefused from error


def _signed(secrets: Sequence[bytes], scope: Scope, question: str, body: bytes, signature: bytes) -> bool:
    return any(hmac.compare_digest(_signature(secret, scope, question, body), signature) for secret in secrets)


def _signature(secret: bytes, scope: Scope, question: str, body: bytes) -> bytes:
    bound = sha256(question.encode()).digest()
    return hmac.digest(secret, b"cursor" + scope.org + scope.project + bound + body, "sha256")[:SIGNATURE_BYTES]

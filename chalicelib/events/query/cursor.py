"""Where a query goes on: signed, bound to its project and its question, and always further than the one before.

A cursor holds the absolute range, so that `since=1h` does not shift between pages; the place of the last event given,
which merging does not change; and the block where reading resumes.
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
"""Characters. A tail's cursor with all the names it may hold is a third shorter; URLs may be of 8,000."""

T = TypeVar("T")


class CursorRefused(Exception):
    """The text is no cursor of this project and query. Starting without one helps."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """Everything up to here was given, and nothing beyond. Events at one timestamp are ordered by their ties."""

    timestamp: int
    tie: bytes = b""
    """That of the last event given, or the beginning of such: what ranks after it is still to be given."""


class SearchCursor(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A walk through a range, and how far it got."""

    start: int
    end: int
    order: Order
    position: Position | None = None
    resume: Resume | None = None
    """No block before this one holds anything that is still to be given. Saves reading them, and nothing else."""


class TailCursor(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    """What a follower has seen."""

    floor: int
    """Blocks whose last timestamp is older are not looked at."""
    seen: tuple[bytes, ...]
    """Short names of the blocks given whole, those of the last minute."""
    cut: tuple[tuple[bytes, int], ...]
    """Blocks given in part, and the row of each that comes next."""


def seal(scope: Scope, question: str, cursor: SearchCursor | TailCursor) -> str:
    """Text for the caller, who can neither change it nor use it for another project or question."""
    body = msgspec.msgpack.encode(cursor)
    return _text(_signature(settings.current().secrets[0], scope, question, body) + body)


def unseal(scope: Scope, question: str, text: str, kind: type[T]) -> T:
    """The cursor of that kind which was sealed for this project and question. Raises `CursorRefused`."""
    packed = _packed(text)
    signature, body = packed[:SIGNATURE_BYTES], packed[SIGNATURE_BYTES:]
    if not _signed(settings.current().secrets, scope, question, body, signature):
        raise CursorRefused
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise CursorRefused from error


def _text(packed: bytes) -> str:
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _packed(text: str) -> bytes:
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= LONGEST else b""
    except ValueError as error:
        raise CursorRefused from error
    if _text(packed) != text:  # base64 passes over characters that are not its own
        raise CursorRefused
    return packed


def _signed(secrets: Sequence[bytes], scope: Scope, question: str, body: bytes, signature: bytes) -> bool:
    return any(hmac.compare_digest(_signature(secret, scope, question, body), signature) for secret in secrets)


def _signature(secret: bytes, scope: Scope, question: str, body: bytes) -> bytes:
    bound = sha256(question.encode()).digest()
    return hmac.digest(secret, b"cursor" + scope.org + scope.project + bound + body, "sha256")[:SIGNATURE_BYTES]

"""Where a list goes on: text for the caller, who can neither change it nor use it for another list."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from chalicelib import settings

SIGNATURE_BYTES: Final = 16
LONGEST: Final = 1_000


class CursorRefused(Exception):
    """The text is no cursor of this list. Starting without one helps."""


def seal(of: bytes, position: bytes) -> str:
    """The position in the list that `of` names: by partition and filters, say."""
    signature = _signature(settings.current().secrets[0], of, position)
    return urlsafe_b64encode(signature + position).decode().rstrip("=")


def unseal(of: bytes, text: str) -> bytes:
    """The position that was sealed for that list. Raises `CursorRefused`."""
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= LONGEST else b""
    except ValueError:
        packed = b""
    signature, position = packed[:SIGNATURE_BYTES], packed[SIGNATURE_BYTES:]
    # Every secret is tried: those behind the first are being rotated out.
    signed = [hmac.compare_digest(_signature(each, of, position), signature) for each in settings.current().secrets]
    if not any(signed):
        raise CursorRefused
    return position


def _signature(secret: bytes, of: bytes, position: bytes) -> bytes:
    message = b"list" + sha256(of).digest() + position
    return hmac.digest(secret, message, "sha256")[:SIGNATURE_BYTES]

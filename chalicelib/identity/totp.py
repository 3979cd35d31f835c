"""Time-based one-time codes (RFC 6238): SHA-1, six digits, thirty seconds, which is what every authenticator knows.

A step's neighbours are accepted too, for clocks that are off. That a step counts only once is the caller's to see to.
"""

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

STEP_SECONDS: Final = 30
DIGITS: Final = 6
SECRET_BYTES: Final = 20
NEIGHBOURS: Final = 1


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def step_of(now: int) -> int:
    return now // STEP_SECONDS


def matching_step(secret: bytes, presented: str, *, now: int, after: int) -> int | None:
    """The step whose code was presented, of those around now and later than `after`; None if there is none.

    All steps are compared, in constant time.
    """
    typed = "".join(presented.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == DIGITS):
        return None
    around = range(step_of(now) - NEIGHBOURS, step_of(now) + NEIGHBOURS + 1)
    matching = [step for step in around if hmac.compare_digest(code(secret, step), typed)]
    return next((step for step in matching if step > after), None)


def base32(secret: bytes) -> str:
    """The secret for typing into an authenticator."""
    return base64.b32encode(secret).decode().rstrip("=")


def enrolment_uri(secret: bytes, *, account: str, issuer: str = "Scrywatch") -> str:
    """What authenticators read from a QR code."""
    label = quote(f"{issuer}:{account}", safe="")
    query = urlencode({"secret": base32(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{label}?{query}"

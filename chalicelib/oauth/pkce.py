"""Proof key for code exchange (RFC 7636), with S256 and nothing else: who redeems a code is who asked for it."""

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

from chalicelib.oauth.errors import OAuthError

METHOD: Final = "S256"


def check_challenge(method: str, challenge: str) -> None:
    """Raises `OAuthError` (`invalid_request`) unless this is a challenge whose verifier can be checked.

    A method that is left out means `plain` (section 4.3), which shows the verifier to whoever sees the request.
    """
    if not challenge:
        raise OAuthError("invalid_request", "code_challenge is missing: PKCE with S256 is required")
    if method != METHOD:
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    if _CHALLENGE.fullmatch(challenge) is None:
        raise OAuthError("invalid_request", "code_challenge must be a SHA-256 as base64url: 43 characters, no padding")


def verified(verifier: str, challenge: str) -> bool:
    """Whether the challenge was made from this verifier (section 4.6), found out in constant time."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    made = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(made, challenge.encode())


_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")

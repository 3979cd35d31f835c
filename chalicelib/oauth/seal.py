"""The question that somebody is asked, on its way through their browser and back: signed, so that the answer is to what
was asked, and by whom it was asked.

    question, binding of the session, end  -- HMAC --  text in a hidden field of the form

It says nothing that the person may not know, and works for one purpose, in one session, for ten minutes. Nothing is
stored: a request that nobody answers leaves no trace.
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib import settings
from chalicelib.oauth.authorization import AuthorizationRequest
from chalicelib.oauth.targets import Target

SECONDS: Final = 600
MAC_BYTES: Final = 32


class SealBroken(Exception):
    """Not a question that was asked in this session in the last ten minutes. Which of these is not said."""

    def __init__(self) -> None:
        super().__init__("The question is too old, or was not asked here. Start again from the app that asked.")


class Question(Struct, frozen=True):
    """Whether a client may: with the project, where it is known before anybody chooses."""

    request: AuthorizationRequest
    target: Target | None


class _Sealed(Struct, frozen=True):
    question: Question
    expires_at: int


def sealed(question: Question, binding: str, *, now: int) -> str:
    """The question as text, for the session of this binding. `now` is in seconds."""
    content = msgspec.json.encode(_Sealed(question, now + SECONDS))
    return urlsafe_b64encode(_macs(content, binding)[0] + content).decode().rstrip("=")


def opened(text: str, binding: str, *, now: int) -> Question:
    """The question, if it was asked in this session and may still be answered. Raises `SealBroken`."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise SealBroken from error
    mac, content = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not any(hmac.compare_digest(mac, each) for each in _macs(content, binding)):
        raise SealBroken
    found = msgspec.json.decode(content, type=_Sealed)
    if now >= found.expires_at:
        raise SealBroken
    return found.question


def _macs(content: bytes, binding: str) -> list[bytes]:
    """One for each of the deployment's secrets, under a key that is good for nothing else."""
    keys = (hmac.digest(secret, b"scrywatch consent", "sha256") for secret in settings.current().secrets)
    return [hmac.digest(key, binding.encode() + b"\0" + content, "sha256") for key in keys]

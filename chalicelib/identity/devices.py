"""Known devices: browsers that somebody signed in with before, and that keep an allowance of their own for that.

Whoever fills a stranger's sign-in limit with wrong guesses locks out everybody who comes without a device of that
account, and nobody who comes with one. A device proves nothing else: the password is asked for all the same.

    sessions  u+user  d+half of SHA-256 of the cookie's value     lives for a year after the last sign-in with it
"""

import base64
import hmac
import secrets
from hashlib import sha256
from typing import Final

from chalicelib.ids import UserId
from chalicelib.storage.changes import Change, Fields
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

SECONDS: Final = 365 * 24 * 3600
VALUE_BYTES: Final = 24
HANDLE_BYTES: Final = 16
LONGEST: Final = 64


def known(user: UserId, value: str | None, *, now: int, deadline: float | None = None) -> bytes | None:
    """The device's handle, if this person signed in with it before. It costs one read, cookie or not.

    Raises `StoreUnavailable`.
    """
    digest = _digest(value[:LONGEST] if value else "")
    place = keys.person_partition(user), keys.device_sort(digest[:HANDLE_BYTES])
    stored = item(keys.SESSIONS, *place, deadline=deadline)
    if stored is None or not hmac.compare_digest(stored["digest"].binary, digest):
        return None
    return digest[:HANDLE_BYTES] if now < stored["t"].number else None


def remember(change: Change, user: UserId, *, known_value: str | None = None, now: int) -> str:
    """Adds a device to a change and answers the value for its cookie: a new one, unless `known` said it is theirs.

    A value that merely came along is never adopted: who planted it would share the owner's allowance.
    """
    kept = known_value or base64.urlsafe_b64encode(secrets.token_bytes(VALUE_BYTES)).decode()
    digest = _digest(kept)
    fields: Fields = {"user": user, "digest": digest, "created_at": now, "t": now + SECONDS}
    change.put(keys.SESSIONS, keys.person_partition(user), keys.device_sort(digest[:HANDLE_BYTES]), fields)
    return kept


def _digest(value: str) -> bytes:
    return sha256(value.encode()).digest()

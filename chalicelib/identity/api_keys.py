"""API keys: `scry_ing_…` writes a project's events, `scry_qry_…` reads them, neither does what the other does.

    scry_ing_ 3fQ9Zk2L 9sXo…30 characters…Pw 0aB4xY
    kind      id       secret                checksum: CRC-32 of all before it

All characters are base62. The id finds the key and may be shown. The secret is 178 bits of chance, of which SHA-256 is
stored, nothing else. The checksum lets scanners tell a key from a word, and us refuse a typo without asking the store.
"""

import hmac
import re
import secrets
import string
import zlib
from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct

from chalicelib.identity.permissions import Permission
from chalicelib.ids import OrgId, ProjectId
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

Kind = Literal["ingest", "query"]

KEY: Final = re.compile(
    r"scry_(?P<kind>ing|qry)_(?P<id>[0-9A-Za-z]{8})(?P<secret>[0-9A-Za-z]{30})(?P<sum>[0-9A-Za-z]{6})"
)
"""The documented form (`docs/api.md`), for secret scanners too."""

MAY: Final[dict[Kind, frozenset[Permission]]] = {
    "ingest": frozenset({Permission.PUBLIC, Permission.EVENTS_WRITE}),
    "query": frozenset({Permission.PUBLIC, Permission.EVENTS_READ}),
}

_PREFIXES: Final[dict[Kind, str]] = {"ingest": "scry_ing_", "query": "scry_qry_"}
_KINDS: Final[dict[str, Kind]] = {"ing": "ingest", "qry": "query"}
_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


class KeyRefused(Exception):
    """What was presented is no key that works now. Why is not said: it would help nobody but a guesser."""


class ApiKey(Struct, frozen=True):
    """A key that works, and what it is for."""

    key_id: str
    kind: Kind
    org: OrgId
    project: ProjectId


def authenticated(presented: str, *, now: int, deadline: float | None = None) -> ApiKey:
    """The key behind a presented text. `now` is in seconds. Raises `KeyRefused` and `StoreUnavailable`."""
    form = KEY.fullmatch(presented)
    if form is None or not hmac.compare_digest(form["sum"], checksum(presented[:-6])):
        raise KeyRefused
    stored = item(keys.KEYS, keys.key_partition(form["id"]), keys.ONLY, deadline=deadline)
    expected = stored["digest"].binary if stored else bytes(32)
    if not hmac.compare_digest(digest(form["secret"]), expected) or stored is None:
        raise KeyRefused
    expires_at = stored["expires_at"].number if "expires_at" in stored else None
    kind = _KINDS[form["kind"]]
    if stored["kind"].text != kind or (expires_at is not None and expires_at <= now):
        raise KeyRefused
    return ApiKey(form["id"], kind, OrgId(stored["org"].binary), ProjectId(stored["project"].binary))


class NewKey(Struct, frozen=True):
    """A key that was just made: the only moment at which its text exists here."""

    text: str
    key_id: str
    kind: Kind
    digest: bytes

    def __repr__(self) -> str:
        return f"NewKey({self.key_id})"


def new_key(kind: Kind) -> NewKey:
    key_id, secret = _random(8), _random(30)
    begin = f"{_PREFIXES[kind]}{key_id}{secret}"
    return NewKey(begin + checksum(begin), key_id, kind, digest(secret))


def digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def checksum(begin: str) -> str:
    number, text = zlib.crc32(begin.encode()), ""
    for _ in range(6):
        number, place = divmod(number, 62)
        text = _BASE62[place] + text
    return text


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))

"""API keys: `scry_ing_…` writes a project's events, `scry_qry_…` reads them, neither does what the other does.

    scry_ing_ 3fQ9Zk2L 9sXo…30 characters…Pw 0aB4xY
    kind      id       secret                checksum: CRC-32 of all before it

All characters are base62. The id finds the key and may be shown. The secret is 178 bits of chance, of which SHA-256 is
stored, nothing else. The checksum lets scanners tell a key from a word, and us refuse a typo without asking the store.
"""

import hmac
import logging
import re
import secrets
import string
import zlib
from hashlib import sha256
from typing import Final, TypeAlias

from msgspec import Struct

from chalicelib.identity.permissions import KeyKind
from chalicelib.ids import OrgId, ProjectId, UserId
from chalicelib.storage.changes import Change, commit, when
from chalicelib.storage.errors import RequestRefused, StoreUnavailable
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

Kind: TypeAlias = KeyKind

KEY: Final = re.compile(
    r"scry_(?P<kind>ing|qry)_(?P<id>[0-9A-Za-z]{8})(?P<secret>[0-9A-Za-z]{30})(?P<sum>[0-9A-Za-z]{6})"
)
"""The documented form (`docs/api.md`), for secret scanners too."""

NOTED_SECONDS: Final = 3_600
"""How exactly it is known when a key was used last."""

logger: Final = logging.getLogger(__name__)

_PREFIXES: Final[dict[Kind, str]] = {"ingest": "scry_ing_", "query": "scry_qry_"}
_NAMES: Final[dict[str, Kind]] = {"ingest": "ingest", "query": "query"}
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
    last_used_at: int | None = None
    """As noted, to the hour."""


def authenticated(presented: str, *, now: int, deadline: float | None = None) -> ApiKey:
    """The key behind a presented text. `now` is in seconds. Raises `KeyRefused` and `StoreUnavailable`.

    A query key is as good as its maker's membership, who knows its text and may not read for longer than that.
    """
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
    if kind == "query" and "membership" in stored and not _is_member(stored, deadline=deadline):
        raise KeyRefused
    used_at = stored["last_used_at"].number if "last_used_at" in stored else None
    return ApiKey(form["id"], kind, OrgId(stored["org"].binary), ProjectId(stored["project"].binary), used_at)


def note_use(key: ApiKey, *, now: int, deadline: float | None = None) -> None:
    """Keeps when the key was used, at most once an hour. It costs no request its answer: what fails is logged."""
    if key.last_used_at is not None and now - key.last_used_at < NOTED_SECONDS:
        return
    change = Change()
    rarely = when(
        "attribute_exists(p) AND (attribute_not_exists(#last_used_at) OR #last_used_at <= :past)",
        _Noted(), past=now - NOTED_SECONDS,
    )  # fmt: skip
    change.update(keys.KEYS, keys.key_partition(key.key_id), keys.ONLY, {"last_used_at": now}, rarely)
    try:
        commit(change, deadline=deadline)
    except (StoreUnavailable, RequestRefused) as failed:
        logger.warning("the use of key %s could not be noted: %s", key.key_id, failed)
    except _Noted:
        return


class _Noted(Exception):
    """Another request was faster, or the key was revoked meanwhile: an update would bring it back."""


def kind_of(text: str) -> Kind:
    """Raises `KeyError` for a text that is no kind."""
    return _NAMES[text]


def _is_member(stored: Item, *, deadline: float | None) -> bool:
    """Whether the maker of a key still is the member that they were."""
    org, user = OrgId(stored["org"].binary), UserId(stored["user"].binary)
    member = item(keys.TENANTS, keys.org_partition(org), keys.member_sort(user), deadline=deadline)
    return member is not None and member["membership"] == stored["membership"]


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
    begin = prefix(kind, key_id) + secret
    return NewKey(begin + checksum(begin), key_id, kind, digest(secret))


def prefix(kind: Kind, key_id: str) -> str:
    """The part of a key's text that may be shown."""
    return _PREFIXES[kind] + key_id


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

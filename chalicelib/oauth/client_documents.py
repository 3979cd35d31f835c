"""Clients that are the address of their own document: draft-ietf-oauth-client-id-metadata-document.

The id is a URL, and what stands there says who the client is. Its host is all that this proves.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from chalicelib.oauth import client_metadata, documents
from chalicelib.oauth.client_metadata import Metadata
from chalicelib.oauth.documents import Wanted
from chalicelib.oauth.errors import OAuthError
from chalicelib.outside import fetch
from chalicelib.outside.fetch import FetchRefused

LONGEST: Final = 5 * 1024
KEPT_SECONDS: Final = 300
"""Where the document does not say how long it lasts."""
LONGEST_KEPT_SECONDS: Final = 86_400

_SECRETS: Final = ("client_secret", "client_secret_expires_at")
_DOTS: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|\?|$)", re.IGNORECASE)
_MAX_AGE: Final = re.compile(r'(?:^|[\s,])max-age\s*=\s*"?([0-9]{1,10})', re.IGNORECASE)
_NOT_KEPT: Final = re.compile(r"(?:^|[\s,])no-(?:store|cache)\b", re.IGNORECASE)


class DocumentRefused(Exception):
    """No client of this address: the address cannot be one, or what stands there is not its document."""


def is_address(client_id: str) -> bool:
    return client_id.startswith("https://")


def metadata(url: str, *, now: int, deadline: float | None = None) -> tuple[Metadata, str]:
    """What the client says of itself, and the host that proves it.

    Raises `DocumentRefused`, `LimitReached` and `StoreUnavailable`.
    """
    try:
        host = _checked_address(url)
        wanted = Wanted(url, lambda body: _read(body, url), LONGEST, lambda headers: kept_seconds(headers, now=now))
        found = documents.document(wanted, now=now, deadline=deadline)
    except FetchRefused as refused:
        raise DocumentRefused(f"the document of the client cannot be read: {refused}") from refused
    return found, host


def kept_seconds(headers: Mapping[str, str], *, now: int) -> int:
    """How long an answer may be kept: 0 to a day, 5 minutes if it does not say (RFC 9111, sections 4.2 and 5.2.2)."""
    control = headers.get("cache-control", "")
    if _NOT_KEPT.search(control):
        return 0
    if said := _MAX_AGE.search(control):
        age = headers.get("age", "")
        lasts = int(said[1]) - (int(age) if age.isascii() and age.isdigit() else 0)
    elif "expires" in headers:
        lasts = _seconds_until(headers["expires"], now)
    else:
        lasts = KEPT_SECONDS
    return min(max(lasts, 0), LONGEST_KEPT_SECONDS)


def _checked_address(url: str) -> str:
    host = fetch.checked_url(url)
    path = url.removeprefix("https://").partition("/")[2].partition("?")[0]
    if not path or _DOTS.search(url.partition("//")[2]):
        raise DocumentRefused("a client's address has a path, and no dots for a segment of it")
    return host


def _read(body: bytes, url: str) -> Metadata:
    given = _object(body)
    if given.get("client_id") != url:
        raise DocumentRefused("the document's `client_id` is not the address that it stands at")
    if any(name in given for name in _SECRETS):
        raise DocumentRefused("the document has a secret in it, which everybody can read")
    try:
        return client_metadata.checked(given)
    except OAuthError as refused:
        raise DocumentRefused(f"the client's document cannot be used: {refused.description}") from refused


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise DocumentRefused("the client's document is no JSON object") from wrong


def _seconds_until(date: str, now: int) -> int:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return 0  # RFC 9111, section 5.3: what is no date has passed
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) - now

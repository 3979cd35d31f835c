"""Documents of strangers that clients refer to, fetched when they are needed and kept for as long as they say.

What cannot be used is not kept: an error of a moment stays one. Whoever asks, an address is fetched only so often; one
that never gave anything of use is counted with all others of its host, so that nobody gets around that by making up
addresses, and nobody uses up what a known one is allowed.
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, Generic, TypeVar

from msgspec import Struct

from chalicelib.outside import fetch
from chalicelib.outside.fetch import FetchRefused
from chalicelib.storage import limits
from chalicelib.storage.changes import Change, Fields, commit
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

SECONDS: Final = 5.0
"""For all of a fetch, unless the deadline is nearer."""

REMEMBERED_SECONDS: Final = 30 * 86_400
"""How long it is known that an address gave something of use."""

Document = TypeVar("Document")
Lasts = Callable[[Mapping[str, str]], int]
"""For how many seconds an answer with these headers may be kept. Names are in lower case."""


class Wanted(Struct, Generic[Document], frozen=True):
    """An address, what is made of its document, how long that may be, and how long it is good."""

    url: str
    read: Callable[[bytes], Document]
    most: int
    lasts: Lasts


def document(wanted: Wanted[Document], *, now: int, deadline: float | None = None) -> Document:
    """What `read` makes of the document, fetched now if the last one is too old.

    Raises `FetchRefused`, `LimitReached`, `StoreUnavailable`, and what `read` raises.
    """
    stored = item(keys.CLIENTS, _place(wanted.url), keys.ONLY, deadline=deadline)
    if stored is not None and now < stored["fresh_until"].number:
        return wanted.read(stored["body"].binary)
    counted = wanted.url if stored else fetch.checked_url(wanted.url)
    limits.allow("client-document", counted, now_ms=now * 1000, deadline=deadline)
    return _fetched(wanted, now=now, deadline=deadline)


def renewed(wanted: Wanted[Document], *, now: int, deadline: float | None = None) -> Document:
    """The same, fetched now in any case. It has a limit of its own: strangers who cause it stop nobody else.

    Raises as `document` does.
    """
    limits.allow("client-document-again", wanted.url, now_ms=now * 1000, deadline=deadline)
    return _fetched(wanted, now=now, deadline=deadline)


def _fetched(wanted: Wanted[Document], *, now: int, deadline: float | None) -> Document:
    left = SECONDS if deadline is None else min(SECONDS, deadline - time.monotonic())
    answer = fetch.fetch(wanted.url, most=wanted.most, seconds=left)
    if not _is_json(answer.headers.get("content-type", "")):
        raise FetchRefused("the answer is not `Content-Type: application/json`")
    understood = wanted.read(answer.body)
    fresh_until = now + wanted.lasts(answer.headers)
    fields: Fields = {"body": answer.body, "fresh_until": fresh_until, "t": now + REMEMBERED_SECONDS}
    change = Change()
    change.put(keys.CLIENTS, _place(wanted.url), keys.ONLY, fields)
    commit(change, deadline=deadline)
    return understood


def _place(url: str) -> bytes:
    return keys.document_partition(sha256(url.encode()).digest())


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))

"""OAuth clients: who they are, how they prove it, and where their answers may go.

    scry-client-… | scry   registered here: by themselves (RFC 7591), by an operator, or built in
    https://…              the address of a document of theirs (`client_documents`)

A client that registered itself is forgotten after an hour without a token, and 90 days after its last one.
"""

import logging
import re
import secrets
import string
from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct

from chalicelib.oauth import client_documents, redirects
from chalicelib.oauth.client_documents import DocumentRefused
from chalicelib.oauth.client_metadata import AUTH_METHODS, GRANT_TYPES, AuthMethod, Metadata
from chalicelib.storage.changes import Change, absent, commit, when
from chalicelib.storage.errors import RequestRefused, StoreUnavailable
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

ClientKind = Literal["registered", "document", "self-registered"]

REGISTERED_ID: Final = re.compile(r"scry-client-[0-9A-Za-z]{22}")

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
UNUSED_SECONDS: Final = HOUR
IDLE_SECONDS: Final = 90 * DAY
NOTED_SECONDS: Final = DAY
"""How exactly it is known when a client was used last."""

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KINDS: Final[dict[str, ClientKind]] = {"registered": "registered", "self-registered": "self-registered"}

logger: Final = logging.getLogger(__name__)


class ClientUnknown(Exception):
    """No client has this id, or none any more. The text is for who wrote the client."""


class Client(Struct, frozen=True, kw_only=True):
    """A client, and what is known of it."""

    client_id: str
    kind: ClientKind
    name: str
    """Its own word for itself, for people; empty if it has none."""
    host: str = ""
    """The host that proves who it is; empty where only the client says so, or an operator does."""
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod = "none"
    jwks_uri: str | None = None
    jwks: str | None = None
    grant_types: tuple[str, ...] = GRANT_TYPES
    used_at: int | None = None
    """When it last got a token, to the day. Kept of those alone that registered themselves."""

    @property
    def asks_each_time(self) -> bool:
        """Whether consent must be given anew each time: others can pretend to be such a client (RFC 8252, 8.6)."""
        return self.kind == "self-registered" or any(map(redirects.is_loopback, self.redirect_uris))


COMMAND_LINE: Final = Client(
    client_id="scry", kind="registered", name="scry, the command line",
    redirect_uris=("http://127.0.0.1/callback", "http://[::1]/callback"),
)  # fmt: skip


def client(client_id: str, *, now: int, deadline: float | None = None) -> Client:
    """The client as it is now. Raises `ClientUnknown`, `LimitReached` (of documents) and `StoreUnavailable`."""
    if client_id == COMMAND_LINE.client_id:
        return COMMAND_LINE
    if client_documents.is_address(client_id):
        return _documented(client_id, now=now, deadline=deadline)
    stored = None
    if REGISTERED_ID.fullmatch(client_id):
        stored = item(keys.CLIENTS, _place(client_id), keys.ONLY, deadline=deadline)
    if stored is None or ("t" in stored and stored["t"].number <= now):
        raise ClientUnknown("no client has this id, or none any more: register again")
    return _registered(stored)


def keep(metadata: Metadata, kind: ClientKind, *, now: int, deadline: float | None = None) -> Client:
    """A new client under a new id. Raises `StoreUnavailable`."""
    made = Client(
        client_id="scry-client-" + "".join(secrets.choice(_BASE62) for _ in range(22)), kind=kind, name=metadata.name,
        redirect_uris=metadata.redirect_uris, auth_method=metadata.auth_method, jwks_uri=metadata.jwks_uri,
        jwks=metadata.jwks,
    )  # fmt: skip
    fields = {
        "client_id": made.client_id, "kind": kind, "name": made.name, "redirect_uris": made.redirect_uris,
        "auth_method": made.auth_method, "jwks_uri": made.jwks_uri, "jwks": made.jwks, "created_at": now,
        "t": now + UNUSED_SECONDS if kind == "self-registered" else None,
    }  # fmt: skip
    change = Change()
    change.put(keys.CLIENTS, _place(made.client_id), keys.ONLY, fields, absent(AssertionError("an id came twice")))
    commit(change, deadline=deadline)
    return made


def note_client_use(used: Client, *, now: int, deadline: float | None = None) -> None:
    """Keeps that the client got a token, at most once a day. It costs nobody an answer: what fails is logged."""
    if used.kind != "self-registered" or (used.used_at is not None and now - used.used_at < NOTED_SECONDS):
        return
    change = Change()
    still_there = when("attribute_exists(p)", _Gone())
    fields = {"used_at": now, "t": now + IDLE_SECONDS}
    change.update(keys.CLIENTS, _place(used.client_id), keys.ONLY, fields, still_there)
    try:
        commit(change, deadline=deadline)
    except (StoreUnavailable, RequestRefused, _Gone) as failed:
        logger.warning("the use of client %s could not be noted: %s", used.client_id, failed)


class _Gone(Exception):
    """It was deleted meanwhile: an update would bring a part of it back."""


def _documented(url: str, *, now: int, deadline: float | None) -> Client:
    try:
        found, host = client_documents.metadata(url, now=now, deadline=deadline)
    except DocumentRefused as refused:
        raise ClientUnknown(str(refused)) from refused
    return Client(
        client_id=url, kind="document", name=found.name, host=host, redirect_uris=found.redirect_uris,
        auth_method=found.auth_method, jwks_uri=found.jwks_uri, jwks=found.jwks,
    )  # fmt: skip


def _registered(stored: Item) -> Client:
    return Client(
        client_id=stored["client_id"].text,
        kind=_KINDS[stored["kind"].text],
        name=stored["name"].text,
        redirect_uris=tuple(each.text for each in stored["redirect_uris"].L or ()),
        auth_method=AUTH_METHODS[stored["auth_method"].text],
        jwks_uri=stored["jwks_uri"].text if "jwks_uri" in stored else None,
        jwks=stored["jwks"].text if "jwks" in stored else None,
        used_at=stored["used_at"].number if "used_at" in stored else None,
    )


def _place(client_id: str) -> bytes:
    return keys.client_partition(sha256(client_id.encode()).digest())

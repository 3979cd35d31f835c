"""Sessions: who is signed in, for 24 hours from the moment they proved who they are, whatever they do meanwhile.

    cookie    32 random bytes, base64url; never stored, and one that a browser brings along is never adopted
    sessions  s+handle  -          the session: SHA-256 of the cookie, person, epoch; handle = half of that digest
    sessions  u+user    s+handle   the same in the person's list, without the digest

A session counts while its window lasts by the reader's clock (not until DynamoDB gets to deleting it) and its epoch is
its person's. So a raised epoch ends every session at once, and a sign-in that was under way meanwhile is stillborn.
"""

import base64
import hmac
import secrets
from hashlib import sha256
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.identity import users
from chalicelib.identity.users import ChangedMeanwhile, User
from chalicelib.ids import UserId
from chalicelib.storage import audit
from chalicelib.storage.changes import Change, Condition, Fields, absent, commit, when
from chalicelib.storage.items import Item, item, items
from chalicelib.storage.tables import keys

SECONDS: Final = 24 * 3600
"""How long a session lasts. Nothing lengthens it."""

FRESH_SECONDS: Final = 30 * 60
"""How long a proof of who one is lasts for what is sensitive."""

COOKIE_BYTES: Final = 32
HANDLE_BYTES: Final = 16
LONGEST_AGENT: Final = 200


class SessionUnknown(Exception):
    """The person has no session of this handle."""

    def __init__(self) -> None:
        super().__init__("There is no such session.")


class Session(Struct, frozen=True, kw_only=True):
    """A session that counts now, and whose it is. Times are in seconds."""

    handle: bytes
    """Names the session to its owner; nobody can sign in with it."""
    user: User
    created_at: int
    fresh_at: int
    epoch: int
    strong: bool
    """Whether a second factor was given too."""
    source: str
    agent: str

    @property
    def expires_at(self) -> int:
        return self.created_at + SECONDS

    def is_fresh(self, now: int) -> bool:
        """Whether the person proved lately who they are (ASVS 7.5.1)."""
        return now - FRESH_SECONDS < self.fresh_at <= now + 60


class Listed(Struct, frozen=True):
    """One of a person's own sessions, for them to look at."""

    handle: str
    created_at: int
    expires_at: int
    source: str
    agent: str
    strong: bool


class Begun(Struct, frozen=True):
    """A session that was just made, with the only copy of its cookie's value."""

    cookie: str
    session: Session

    def __repr__(self) -> str:
        return f"Begun({self.session.handle.hex()})"


class Visitor(Struct, frozen=True, kw_only=True):
    """What a request brings along besides what it asks for."""

    source: str
    """The client's address, as the gateway saw it."""
    agent: str = ""
    """What the browser says of itself."""
    device: str | None = None
    """The value of the cookie that names a known device."""
    session: Session | None = None
    """Who was signed in there before. Whoever signs in leaves that session."""


def begin(change: Change, user: User, visitor: Visitor, *, now: int, strong: bool) -> Begun:
    """Adds a new session to a change, which must also see to it that the person's epoch is the one given here."""
    cookie = _text(secrets.token_bytes(COOKIE_BYTES))
    session = Session(
        handle=_handle(cookie), user=user, created_at=now, fresh_at=now, epoch=user.epoch, strong=strong,
        source=visitor.source, agent=_one_line(visitor.agent),
    )  # fmt: skip
    _put(change, session, _digest(cookie))
    return Begun(cookie, session)


def session(cookie: str, *, now: int, deadline: float | None = None) -> Session | None:
    """The session of the cookie's value, if it counts. Raises `StoreUnavailable`."""
    if len(cookie) != len(_text(bytes(COOKIE_BYTES))):
        return None
    stored = item(keys.SESSIONS, keys.session_partition(_handle(cookie)), keys.ONLY, deadline=deadline)
    if stored is None or not hmac.compare_digest(stored["digest"].binary, _digest(cookie)):
        return None
    if not _lasts(stored, now):
        return None
    user = users.by_id(UserId(stored["user"].binary), deadline=deadline)
    if user is None or user.epoch != stored["epoch"].number:
        return None
    return Session(
        handle=_handle(cookie), user=user, created_at=stored["created_at"].number, fresh_at=stored["fresh_at"].number,
        epoch=user.epoch, strong=stored["strong"].BOOL is True, source=stored["source"].text,
        agent=stored["agent"].text,
    )  # fmt: skip


def end(ended: Session, *, now: int, deadline: float | None = None) -> None:
    """Signs out: no copy of the cookie works from here on. Raises `StoreUnavailable`."""
    change = Change()
    forget(change, ended)
    _record(change, ended.user.user, "session.end", now)
    commit(change, deadline=deadline)


def end_one(user: UserId, handle: str, *, now: int, deadline: float | None = None) -> None:
    """Ends one of a person's own sessions. Raises `SessionUnknown` and `StoreUnavailable`."""
    try:
        wanted = bytes.fromhex(handle)
    except ValueError as error:
        raise SessionUnknown from error
    change = Change()
    there = when("attribute_exists(p)", SessionUnknown())
    change.delete(keys.SESSIONS, keys.person_partition(user), keys.session_sort(wanted), there)
    # The handle is in this person's own list, so the session of that handle is theirs.
    change.delete(keys.SESSIONS, keys.session_partition(wanted), keys.ONLY)
    _record(change, user, "session.end", now)
    commit(change, deadline=deadline)


def end_others(kept: Session, *, now: int, deadline: float | None = None) -> None:
    """Ends all of the person's sessions but this one. Raises `ChangedMeanwhile` and `StoreUnavailable`."""
    change = Change()
    epoch = users.raise_epoch(change, kept.user).epoch
    was = when("#epoch = :was", ChangedMeanwhile(), was=kept.epoch)
    for place in _places(kept.user.user, kept.handle):
        change.update(keys.SESSIONS, *place, {"epoch": epoch}, was)
    _record(change, kept.user.user, "session.end-others", now)
    commit(change, deadline=deadline)


def end_all(user: User, *, now: int, by: audit.Actor | None = None, deadline: float | None = None) -> None:
    """Ends all of the person's sessions, on their own word or on that of somebody else.

    Raises `ChangedMeanwhile` and `StoreUnavailable`.
    """
    change = Change()
    users.raise_epoch(change, user)
    audit.record_personal(change, user.user, actor=by or audit.person(user.user), action="session.end-all", at=now)
    commit(change, deadline=deadline)


def renew(old: Session, *, now: int, deadline: float | None = None) -> Begun:
    """The same session under a new id, as after a gain of power (ASVS 7.2.4). Its window stays where it was.

    Raises `ChangedMeanwhile` and `StoreUnavailable`.
    """
    cookie = _text(secrets.token_bytes(COOKIE_BYTES))
    new = replace(old, handle=_handle(cookie))
    change = Change()
    forget(change, old, when("#epoch = :was", ChangedMeanwhile(), was=old.epoch))
    _put(change, new, _digest(cookie))
    _record(change, old.user.user, "session.renew", now)
    commit(change, deadline=deadline)
    return Begun(cookie, new)


def forget(change: Change, session: Session, condition: Condition | None = None) -> None:
    """Adds the end of a session to a change."""
    by_handle, listed = _places(session.user.user, session.handle)
    change.delete(keys.SESSIONS, *by_handle, condition)
    change.delete(keys.SESSIONS, *listed)


def sessions_of(user: User, *, now: int, deadline: float | None = None) -> list[Listed]:
    """The person's sessions that count, the newest first. Raises `StoreUnavailable`."""
    rows = items(keys.SESSIONS, keys.person_partition(user.user), keys.SESSION, deadline=deadline)
    found = [_listed(row) for row in rows if _lasts(row, now) and row["epoch"].number == user.epoch]
    return sorted(found, key=lambda listed: listed.created_at, reverse=True)


def _put(change: Change, session: Session, digest: bytes) -> None:
    fields: Fields = {
        "user": session.user.user, "created_at": session.created_at, "fresh_at": session.fresh_at,
        "epoch": session.epoch, "strong": session.strong, "source": session.source, "agent": session.agent,
        "t": session.expires_at,
    }  # fmt: skip
    by_handle, listed = _places(session.user.user, session.handle)
    change.put(keys.SESSIONS, *by_handle, {**fields, "digest": digest}, absent(ChangedMeanwhile()))
    change.put(keys.SESSIONS, *listed, fields)


def _places(user: UserId, handle: bytes) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    return (keys.session_partition(handle), keys.ONLY), (keys.person_partition(user), keys.session_sort(handle))


def _lasts(stored: Item, now: int) -> bool:
    return now < stored["created_at"].number + SECONDS


def _listed(row: Item) -> Listed:
    created_at = row["created_at"].number
    return Listed(
        handle=row["s"].binary[1:].hex(),
        created_at=created_at,
        expires_at=created_at + SECONDS,
        source=row["source"].text,
        agent=row["agent"].text,
        strong=row["strong"].BOOL is True,
    )


def _record(change: Change, user: UserId, action: str, now: int) -> None:
    audit.record_personal(change, user, actor=audit.person(user), action=action, at=now)


def _one_line(agent: str) -> str:
    """What a browser says of itself: shown to its owner, so cut and freed of what is not to be seen."""
    return "".join(letter if letter.isprintable() else " " for letter in agent)[:LONGEST_AGENT]


def _handle(cookie: str) -> bytes:
    return _digest(cookie)[:HANDLE_BYTES]


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

"""Sessions: who is signed in, for 24 hours from the moment they proved who they are, whatever they do meanwhile.

    cookie    32 random bytes, base64url; never stored, and one that a browser brings along is never adopted
    sessions  s+handle  -          the session: SHA-256 of the cookie, person, epoch; handle = half of that digest
    sessions  u+user    s+handle   the same in the person's list, without the digest

    renewal   O ──► S, where S = HMAC(our secret, O): each id has one successor, which nobody can work out
                request 1   reads O ── puts S, deletes O ─────────── answers, with S for a cookie
                request 2   reads O ──────────── refused: O is gone ── finds S, answers with it too
                request 3            no O; S was made under 10 s ago ── answers with S too
                request 4                   no O; S is older than 10 s ── nobody is signed in

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

from chalicelib import settings
from chalicelib.identity import users
from chalicelib.identity.users import ChangedMeanwhile, User
from chalicelib.ids import UserId
from chalicelib.storage import audit
from chalicelib.storage.changes import Change, Condition, Fields, absent, commit, when
from chalicelib.storage.items import LISTED_LONGER_SECONDS, Item, item, items
from chalicelib.storage.tables import keys

SECONDS: Final = 24 * 3600
"""How long a session lasts. Nothing lengthens it."""

FRESH_SECONDS: Final = 30 * 60
"""How long a proof of who one is lasts for what is sensitive."""

OVERLAP_SECONDS: Final = 10
"""How long the id of before leads to a renewed session: neither requests under way nor a lost answer sign out."""

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
    made_at: int
    """Since when it goes by this id: a renewal makes another one."""
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
    """A session with the value of its cookie, which only the browser keeps."""

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
        handle=_handle(cookie), user=user, created_at=now, made_at=now, fresh_at=now, epoch=user.epoch,
        strong=strong, source=visitor.source, agent=_one_line(visitor.agent),
    )  # fmt: skip
    _put(change, session, _digest(cookie))
    return Begun(cookie, session)


def presented(cookie: str, *, now: int, deadline: float | None = None) -> Begun | None:
    """The session that a request's cookie stands for, and the cookie that stands for it from now on.

    They differ for ten seconds after a renewal. Raises `StoreUnavailable`.
    """
    found = session(cookie, now=now, deadline=deadline)
    if found is not None:
        return Begun(cookie, found)
    successor = _successor(cookie)
    renewed = session(successor, now=now, deadline=deadline)
    if renewed is None or now >= renewed.made_at + OVERLAP_SECONDS:
        return None
    return Begun(successor, renewed)


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
        handle=_handle(cookie), user=user, created_at=stored["created_at"].number, made_at=_made_at(stored),
        fresh_at=stored["fresh_at"].number, epoch=user.epoch, strong=stored["strong"].BOOL is True,
        source=stored["source"].text, agent=stored["agent"].text,
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


def renew(old: Begun, *, gained_at: int, now: int, deadline: float | None = None) -> Begun:
    """The same session under a new id, which is younger than the gain of power that it is made for (ASVS 7.2.4).

    Its window stays where it was. Whoever does the same at the same time gets the same id. Raises `ChangedMeanwhile`
    if the session ended meanwhile, and `StoreUnavailable`.
    """
    was, cookie = old.session, _successor(old.cookie)
    # Clocks differ: without the `max` an id could be made before its reason, and be renewed again and again.
    new = replace(was, handle=_handle(cookie), made_at=max(now, gained_at + 1))
    change = Change()
    forget(change, was, when("#epoch = :was", ChangedMeanwhile(), was=was.epoch))
    _put(change, new, _digest(cookie))
    _record(change, was.user.user, "session.renew", now)
    try:
        commit(change, deadline=deadline)
    except ChangedMeanwhile:
        there = session(cookie, now=now, deadline=deadline)
        if there is None:
            raise
        return Begun(cookie, there)
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
        "user": session.user.user, "created_at": session.created_at, "made_at": session.made_at,
        "fresh_at": session.fresh_at, "epoch": session.epoch, "strong": session.strong, "source": session.source,
        "agent": session.agent, "t": session.expires_at,
    }  # fmt: skip
    by_handle, listed = _places(session.user.user, session.handle)
    change.put(keys.SESSIONS, *by_handle, {**fields, "digest": digest}, absent(ChangedMeanwhile()))
    change.put(keys.SESSIONS, *listed, {**fields, "t": session.expires_at + LISTED_LONGER_SECONDS})


def _places(user: UserId, handle: bytes) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    return (keys.session_partition(handle), keys.ONLY), (keys.person_partition(user), keys.session_sort(handle))


def _lasts(stored: Item, now: int) -> bool:
    return now < stored["created_at"].number + SECONDS


def _made_at(stored: Item) -> int:
    """Sessions of before 24 November 2026 do not have it, and were never renewed under their id."""
    return stored["made_at"].number if "made_at" in stored else stored["created_at"].number


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


def _successor(cookie: str) -> str:
    """The id after this one. It is as hard to guess as this one and our secret together."""
    return _text(hmac.digest(settings.current().secrets[0], b"session\0" + cookie.encode(), "sha256"))


def _handle(cookie: str) -> bytes:
    return _digest(cookie)[:HANDLE_BYTES]


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

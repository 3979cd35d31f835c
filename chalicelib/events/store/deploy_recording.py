"""Recording a deploy marker: once, however often and by however many at once it is sent.

    record                                                 somebody else records meanwhile
    ------                                                 -------------------------------
    a  read how many there are today: the count
    b  look for the same: by the request's own key,
       else the same release within a minute
    c  put marker, count + 1 and the request's key         the count moved: nothing is put,
       IF the count is what it was in a                    begin again at a

So the recordings of a project happen one after the other, and two of the same release find each other. There are few
of them: more than `MOST_A_DAY` are refused, since nobody could look at them.
"""

import secrets
from collections.abc import Callable
from hashlib import sha256
from hmac import compare_digest
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.events.scope import Scope
from chalicelib.events.store.deploys import (
    AHEAD_MS,
    CHANCE_BYTES,
    Deploy,
    Kept,
    Release,
    between,
    deploy_of,
    from_kept,
    kept_of,
    partition_of,
)
from chalicelib.events.store.put import put_if_absent
from chalicelib.events.store.receipt import IdempotencyConflict
from chalicelib.ids import DAY_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.audit import Actor
from chalicelib.storage.changes import Change, Condition, Fields, absent, commit, when
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import Item, item
from chalicelib.storage.tables import keys

MOST_A_DAY: Final = 1_000
SAME_WITHIN_MS: Final = 60_000
"""The same release again before so much time has passed is the same marker: a pipeline that repeats its step."""

KEPT_LONGER_MS: Final = 3 * DAY_MS
ATTEMPTS: Final = 20


class DeployTimeRefused(ValueError):
    """A marker cannot stand at that time."""


class TooManyDeploys(Exception):
    """The project recorded as many today as it may. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"A project records at most {MOST_A_DAY:,} deploys a day (UTC). Events go on as before.")
        self.retry_after = retry_after


class Recorded(Struct, frozen=True):
    """The marker that stands for a recording, and whether there was none before."""

    deploy: Deploy
    is_new: bool


class Answered(Struct, frozen=True, array_like=True):
    """What a request with a key of its own became: what it asked for, and the marker that it was answered with."""

    asked: bytes
    id: str
    kept: Kept


def marked_at(row: Item) -> int:
    """The time of the marker that a request with a key of its own became, in milliseconds."""
    answered = msgspec.msgpack.decode(row["b"].binary, type=Answered)
    return from_kept(answered.id, answered.kept).at


class Asking(Struct, frozen=True, kw_only=True):
    """Who records, and by which key the request is known if it comes again. `vouch` adds to the change what must still
    be true of them."""

    by: Actor
    request_key: str | None = None
    vouch: Callable[[Change], None] = lambda _: None


class _Overtaken(Exception):
    """Somebody else recorded meanwhile."""


def record(
    scope: Scope, release: Release, *, at: int | None = None, asking: Asking, now_ms: int, deadline: float
) -> Recorded:
    """Keeps that it was deployed at that time, by default now.

    Raises `DeployTimeRefused`, `TooManyDeploys`, `IdempotencyConflict`, `StoreUnavailable`, and what `vouch` demands.
    """
    moment = now_ms if at is None else at
    _check_time(moment, scope, now_ms)
    recording = _Recording(scope, release, at, moment, asking, now_ms, deadline)
    for _ in range(ATTEMPTS):
        count = _counted(scope, now_ms, deadline=deadline)
        found = recording.answered() or recording.same()
        if found is not None:
            return Recorded(found, is_new=False)
        try:
            return Recorded(recording.put(count), is_new=True)
        except _Overtaken:
            continue
    raise StoreUnavailable("others recorded deploys all the while", throttled=True)


class _Count(Struct, frozen=True):
    """How many markers were recorded on a day, and the condition that nobody recorded one since this was read."""

    day: int
    made: int
    unchanged: Condition


class _Recording(Struct, frozen=True):
    scope: Scope
    release: Release
    at: int | None
    moment: int
    asking: Asking
    now_ms: int
    deadline: float

    def answered(self) -> Deploy | None:
        """What the same request became before. Raises `IdempotencyConflict` where the key came with another body."""
        if self.asking.request_key is None:
            return None
        stored = item(keys.EVENTS, partition_of(self.scope), self._request_sort, deadline=self.deadline)
        if stored is None:
            return None
        found = msgspec.msgpack.decode(stored["b"].binary, type=Answered)
        if not compare_digest(found.asked, self._asked):
            raise IdempotencyConflict
        return from_kept(found.id, found.kept)

    def same(self) -> Deploy | None:
        """The same release within a minute; from now on it is what the request's key leads to."""
        first, last = self.moment - SAME_WITHIN_MS + 1, self.moment + SAME_WITHIN_MS
        request = between(self.scope, keys.deploy_sort(max(0, first)), keys.deploy_sort(last))
        rows = dynamodb.query_all(request, deadline=self.deadline)
        found = next((each for each in map(deploy_of, rows) if each.release.identity == self.release.identity), None)
        if found is not None and self.asking.request_key is not None:
            self._remember(found)
        return found

    def put(self, count: _Count) -> Deploy:
        """Raises `TooManyDeploys` and `_Overtaken`."""
        if count.made >= MOST_A_DAY:
            raise TooManyDeploys(retry_after=max(1, ((count.day + 1) * DAY_MS - self.now_ms) // 1000))
        chance = secrets.token_bytes(CHANCE_BYTES)
        named = (self.moment.to_bytes(6, "big") + chance).hex()
        made = Deploy(named, self.moment, self.release, self.asking.by, self.now_ms)
        partition, change = partition_of(self.scope), Change()
        self.asking.vouch(change)
        counted = {"d": count.day, "i": count.made + 1}
        change.put(keys.EVENTS, partition, keys.DEPLOYS_COUNTED, counted, count.unchanged)
        marker = self._item(msgspec.msgpack.encode(kept_of(made)))
        change.put(keys.EVENTS, partition, keys.deploy_sort(self.moment, chance), marker, absent(_Overtaken()))
        if self.asking.request_key is not None:
            answered = self._item(self._answer(made))
            change.put(keys.EVENTS, partition, self._request_sort, answered, absent(_Overtaken()))
        commit(change, deadline=self.deadline)
        return made

    def _remember(self, found: Deploy) -> None:
        put_if_absent(
            partition_of(self.scope), self._request_sort, self._answer(found), self._expires, deadline=self.deadline
        )

    def _answer(self, found: Deploy) -> bytes:
        return msgspec.msgpack.encode(Answered(self._asked, found.id, kept_of(found)))

    def _item(self, content: bytes) -> Fields:
        return {"b": content, "t": self._expires}

    @property
    def _asked(self) -> bytes:
        return sha256(msgspec.msgpack.encode((self.release, self.at))).digest()

    @property
    def _request_sort(self) -> bytes:
        return keys.deploy_request_sort(sha256((self.asking.request_key or "").encode()).digest())

    @property
    def _expires(self) -> int:
        return (self.moment + self.scope.retention_ms + KEPT_LONGER_MS) // 1000


def _check_time(at: int, scope: Scope, now_ms: int) -> None:
    if at > now_ms + AHEAD_MS:
        raise DeployTimeRefused("it lies ahead; a deploy is recorded when it happens, or later")
    if at < scope.horizon(now_ms):
        raise DeployTimeRefused(f"it lies before the {scope.retention_days} days that the project keeps")


def _counted(scope: Scope, now_ms: int, *, deadline: float) -> _Count:
    """Today's count; that of a later day where another clock is ahead, so that the pair only grows."""
    stored = item(keys.EVENTS, partition_of(scope), keys.DEPLOYS_COUNTED, deadline=deadline)
    today = now_ms // DAY_MS
    if stored is None:
        return _Count(today, 0, absent(_Overtaken()))
    day, made = stored["d"].number, stored["i"].number
    unchanged = when("#d = :day AND #i = :made", _Overtaken(), day=day, made=made)
    return _Count(day, made, unchanged) if day >= today else _Count(today, 0, unchanged)

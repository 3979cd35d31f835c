"""What a project uses, day by day: counted where requests are served, and added up in the store.

    requests   5  3 1 4 .......... 2                    5 | container ends
    store      ADD 5               ADD 10 ........ pause | ADD 5 ....

A container adds its first request at once. What comes within ten seconds of that waits for the first request after
them: a busy container adds next to no writes, and one that ends has lost the counts of ten seconds at most. One that
sleeps for longer than `HELD_MS` has lost them too: by then the project may be erased, and a counter would come back.

Counters say *at least* so many. What may have been added, because its answer did not come, is not added again later.
(Within a call the client tries again under the same nonce. It could count twice only where another container added to
the same counter in that moment.)
Nothing of this fails a request, or holds it up by more than `SECONDS`, once in ten seconds.
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from threading import Lock
from typing import Any, Final, Literal

import msgspec

from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS
from chalicelib.storage import dynamodb
from chalicelib.storage.dynamodb import Value
from chalicelib.storage.errors import ConditionFailed, RequestRefused, StoreUnavailable
from chalicelib.storage.tables import keys

EVERY_MS: Final = 10_000
SECONDS: Final = 0.3
HELD_MS: Final = 300_000
AT_ONCE: Final = 16
"""Counters that one request adds up. What is left is the next request's."""
MOST_HELD: Final = 10_000
MOST_READ: Final = 20_000
"""Counters: 400 days of fifty keys, and 2.5 MB."""
KEPT_LONGER_MS: Final = 3 * DAY_MS
NONCE_BYTES: Final = 8

logger: Final = logging.getLogger(__name__)


class Used(msgspec.Struct, frozen=True):
    """Events by what became of them, and the bytes that brought them, as they were before compression."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    bytes: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(*(one + more for one, more in zip(_amounts(self), _amounts(other), strict=True)))

    @property
    def events(self) -> int:
        return self.accepted + self.duplicates + self.rejected


class DayCount(msgspec.Struct, frozen=True):
    """What a counter says. `day` is counted from 1970, in UTC; `name` is the key's id, or the reason's code."""

    day: int
    kind: Literal["key", "reason"]
    name: str
    used: Used


class Waiting(msgspec.Struct, frozen=True):
    """What a counter has still to be given."""

    used: Used
    expires: int
    since_ms: int
    """When the first of it was counted."""


class Here(msgspec.Struct, frozen=True):
    """Events of a project that this container accepted on a day: `all`, and those of them that no counter has yet."""

    all: int
    held: int


Place = tuple[bytes, bytes]


class Tally:
    """What this container counted and has not added up yet. Several threads may use it at once."""

    def __init__(self) -> None:
        self._held: dict[Place, Waiting] = {}
        self._accepted: dict[bytes, tuple[int, int]] = {}
        """By partition of counters: the last day, and how many events of it were accepted here."""
        self._table = ""
        self._flushed_at: int | None = None
        self._lock = Lock()
        self._flushing = Lock()

    def note(
        self, scope: Scope, key_id: str, used: Used, reasons: Iterable[str], *, now_ms: int, deadline: float
    ) -> None:
        """Counts what became of a request, on the day of its receipt, and adds up what is due.

        `reasons` has one code for each event that was rejected. Raises nothing.
        """
        if not used.events:
            return
        expires = ((now_ms // DAY_MS + 1) * DAY_MS + scope.retention_ms + KEPT_LONGER_MS) // 1000
        with self._lock:
            self._begin_anew_elsewhere()
            for place, more in _places(scope, key_id, used, reasons, now_ms // DAY_MS):
                self._hold(place, Waiting(more, expires, now_ms))
            self._remember(scope, now_ms // DAY_MS, used.accepted)
        self.flush(now_ms=now_ms, deadline=deadline)

    def accepted_here(self, scope: Scope, day: int) -> Here:
        """What of a day was accepted here. What is being added to a counter just now is not among what is held."""
        partition, of_day = keys.usage_partition(scope.org, scope.project), keys.usage_key_sort(day, "")
        with self._lock:
            self._begin_anew_elsewhere()
            last, accepted = self._accepted.get(partition, (day, 0))
            held = (each.used.accepted for (begin, sort), each in self._held.items()
                    if begin == partition and sort.startswith(of_day))  # fmt: skip
            return Here(accepted if last == day else 0, sum(held))

    def flush(self, *, now_ms: int, deadline: float) -> None:
        """Adds up what waits, if it is time: some of it, where that is much, and the next call goes on."""
        now = time.monotonic()
        if not self._is_due(now_ms) or now + SECONDS > deadline or not self._flushing.acquire(blocking=False):
            return
        try:
            self._drop_old(now_ms)
            if self._add_some(min(deadline, now + SECONDS)):
                self._flushed_at = now_ms
        finally:
            self._flushing.release()

    def _is_due(self, now_ms: int) -> bool:
        """Also where the clock went back: what waits for a time that was must not wait for long."""
        return self._flushed_at is None or abs(now_ms - self._flushed_at) >= EVERY_MS

    def _drop_old(self, now_ms: int) -> None:
        with self._lock:
            self._held = {place: each for place, each in self._held.items() if now_ms - each.since_ms <= HELD_MS}

    def _add_some(self, deadline: float) -> bool:
        """Whether that is all for ten seconds: everything was added, or the store is slow or away."""
        for _ in range(AT_ONCE):
            if time.monotonic() >= deadline:
                return True
            taken = self._taken()
            if taken is None:
                return True
            if not self._added(*taken, deadline):
                return True
        return False

    def _added(self, place: Place, waiting: Waiting, deadline: float) -> bool:
        try:
            _add(place, waiting, deadline=deadline)
        except (StoreUnavailable, RequestRefused) as failed:
            refused = isinstance(failed, StoreUnavailable) and failed.throttled
            logger.warning("usage was not counted %s: %s", "yet" if refused else "for certain", failed)
            if refused:
                with self._lock:
                    self._hold(place, waiting)
            return False
        return True

    def _taken(self) -> tuple[Place, Waiting] | None:
        with self._lock:
            place = next(iter(self._held), None)
            return None if place is None else (place, self._held.pop(place))

    def _hold(self, place: Place, more: Waiting) -> None:
        held = self._held.get(place)
        if held is None and len(self._held) >= MOST_HELD:
            logger.warning("usage was not counted: %d counters wait already", MOST_HELD)
            return
        self._held[place] = Waiting(held.used + more.used, more.expires, held.since_ms) if held else more

    def _remember(self, scope: Scope, day: int, accepted: int) -> None:
        partition = keys.usage_partition(scope.org, scope.project)
        if partition not in self._accepted and len(self._accepted) >= MOST_HELD:
            self._accepted.clear()
        last, before = self._accepted.get(partition, (day, 0))
        self._accepted[partition] = (day, accepted + (before if last == day else 0))

    def _begin_anew_elsewhere(self) -> None:
        """What was counted for one deployment is never added to another's: tests have one each."""
        table = dynamodb.table(keys.EVENTS)
        if table != self._table:
            self._table, self._flushed_at = table, None
            self._held.clear()
            self._accepted.clear()


tally: Final = Tally()
"""Of this container."""


def counted(scope: Scope, first: int, last: int, *, deadline: float) -> list[DayCount]:
    """The counters of the days from `first` to `last`, both included, the newest day first: at most `MOST_READ`.

    Whoever shows them leaves out days that the project does not keep any more.
    """
    low, high = keys.usage_range(first, last)
    request: dict[str, Any] = {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p AND s BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":p": {"B": keys.usage_partition(scope.org, scope.project)},
            ":low": {"B": low},
            ":high": {"B": high},
        },
        "ConsistentRead": True,
        "ScanIndexForward": False,
    }
    return [_count(entry) for entry in islice(dynamodb.query_all(request, deadline=deadline), MOST_READ)]


def _places(scope: Scope, key_id: str, used: Used, reasons: Iterable[str], day: int) -> Iterator[tuple[Place, Used]]:
    partition = keys.usage_partition(scope.org, scope.project)
    yield (partition, keys.usage_key_sort(day, key_id)), used
    for reason, count in Counter(reasons).items():
        yield (partition, keys.usage_reason_sort(day, reason)), Used(rejected=count)


def _add(place: Place, waiting: Waiting, *, deadline: float) -> None:
    amounts = zip(FIELDS, _amounts(waiting.used), strict=True)
    nonce = secrets.token_bytes(NONCE_BYTES)
    values: dict[str, Any] = {f":{field}": {"N": str(amount)} for field, amount in amounts if amount}
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Key": {"p": {"B": place[0]}, "s": {"B": place[1]}},
        "UpdateExpression": f"ADD {', '.join(f'{name[1:]} {name}' for name in values)} SET t = :t, nonce = :nonce",
        "ConditionExpression": "attribute_not_exists(nonce) OR nonce <> :nonce",
        "ExpressionAttributeValues": values | {":t": {"N": str(waiting.expires)}, ":nonce": {"B": nonce}},
    }
    try:
        dynamodb.call("UpdateItem", request, deadline=deadline)
    except ConditionFailed:
        return  # nobody else has this nonce: it was added by an attempt whose answer was lost


FIELDS: Final = ("a", "e", "r", "z")
"""Where a counter keeps what `Used` has, in its order."""


def _amounts(used: Used) -> tuple[int, int, int, int]:
    return used.accepted, used.duplicates, used.rejected, used.bytes


def _count(entry: Mapping[str, Value]) -> DayCount:
    day, kind, name = keys.usage_identity(entry["s"].binary)
    used = Used(*(entry[field].number if field in entry else 0 for field in FIELDS))
    return DayCount(day, "key" if kind == "k" else "reason", name, used)

"""Daily allowances: how many events a project may be sent in a day in UTC, and when there were too many.

                   80 %      100 %      110 %
    accepted ------|---------|----------|
                   warned    |          refused: 429, until the next day
                             the allowance

Clients lose what is refused, so nothing is refused before a tenth more than the allowance was taken, and a request is
taken as a whole or not at all. What was accepted is known to a container from the day's counters, read every ten
seconds at most, and from what it accepted itself since:

    counters      read: 1,000                              read: 1,900
    held back     + 20                                     + 5
    accepted here       + 50 + 50 ...                            + 30 ...
    known         1,020   1,070  1,120                     1,905   1,935

All of that was accepted, and nothing of it is in two of the rows: counters say at least so many (`usage`), and what is
held back is looked up after they were read. So nothing is refused too early. What other containers accept meanwhile is
not known yet: more than a tenth may be taken, by as much as comes in the time between two readings.

While the counters cannot be read, events are taken: losing them is worse than counting too few.
"""

import logging
import time
from collections import OrderedDict
from threading import Lock
from typing import Final

from msgspec import Struct

from chalicelib import journal
from chalicelib.events.scope import Scope
from chalicelib.events.store import usage
from chalicelib.events.store.usage import Tally, counted
from chalicelib.ids import DAY_MS, OrgId, ProjectId
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables import keys

WARNED_PERCENT: Final = 80
REFUSED_PERCENT: Final = 110

EVERY_MS: Final = 10_000
WITH_ROOM_EVERY_MS: Final = 60_000
"""How often the counters are read while less than half of the allowance is used."""
SECONDS: Final = 0.3
"""What one reading may take of a request's time."""
MOST_PROJECTS: Final = 10_000
LONGEST_WAIT: Final = 3_600
"""Seconds that a client is told to wait, at most: an allowance may be raised before the day ends."""

logger: Final = logging.getLogger(__name__)


class Standing(Struct, frozen=True):
    """How much of its allowance a project has used on a day. At least so much, while the day lasts."""

    allowance: int
    used: int
    day: int
    """Counted from 1970."""

    @property
    def percent(self) -> int:
        return self.used * 100 // self.allowance

    @property
    def warned_from(self) -> int:
        return -(-self.allowance * WARNED_PERCENT // 100)

    @property
    def refused_from(self) -> int:
        return -(-self.allowance * REFUSED_PERCENT // 100)

    @property
    def warns(self) -> bool:
        return self.used >= self.warned_from

    @property
    def refuses(self) -> bool:
        return self.used >= self.refused_from

    @property
    def begins_again_at(self) -> int:
        """The end of the day, in milliseconds."""
        return (self.day + 1) * DAY_MS


class AllowanceUsedUp(Exception):
    """A tenth more than the day's allowance was accepted already."""

    def __init__(self, standing: Standing, retry_after: int) -> None:
        super().__init__(f"{standing.used} events of {standing.allowance} a day")
        self.standing = standing
        self.retry_after = retry_after
        """Seconds."""


class Read(Struct, frozen=True):
    """What the counters said, with what was held back then; and how much this container had accepted until then."""

    day: int
    at_ms: int
    accepted: int
    here: int


class Allowances:
    """What this container knows of the allowances of the projects that it takes events for. Several threads may ask."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._read: OrderedDict[tuple[OrgId, ProjectId], Read] = OrderedDict()
        self._table = ""
        self._lock = Lock()

    def check(self, scope: Scope, allowance: int | None, *, now_ms: int, deadline: float) -> None:
        """Raises `AllowanceUsedUp` where the day's allowance and a tenth more were accepted. None is without limit."""
        if allowance is None:
            return
        day = now_ms // DAY_MS
        read = self._known(scope, day)
        if read is None or self._is_due(scope, read, allowance, now_ms):
            read = self._read_again(scope, read, day, now_ms=now_ms, deadline=deadline)
        standing = Standing(allowance, self._used(scope, read), day)
        if standing.refuses:
            left = (standing.begins_again_at - now_ms + 999) // 1000
            raise AllowanceUsedUp(standing, max(1, min(LONGEST_WAIT, left)))

    def _used(self, scope: Scope, read: Read) -> int:
        return read.accepted + max(0, self._tally.accepted_here(scope, read.day).all - read.here)

    def _is_due(self, scope: Scope, read: Read, allowance: int, now_ms: int) -> bool:
        every = EVERY_MS if self._used(scope, read) * 2 >= allowance else WITH_ROOM_EVERY_MS
        return abs(now_ms - read.at_ms) >= every

    def _known(self, scope: Scope, day: int) -> Read | None:
        with self._lock:
            table = dynamodb.table(keys.EVENTS)
            if table != self._table:  # another deployment: tests have one each
                self._table = table
                self._read.clear()
            read = self._read.get((scope.org, scope.project))
        return read if read is not None and read.day == day else None

    def _read_again(self, scope: Scope, before: Read | None, day: int, *, now_ms: int, deadline: float) -> Read:
        """What is known now. While the store does not answer, what was known goes on being known, for as long."""
        try:
            counters = accepted_on(scope, day, deadline=min(deadline, time.monotonic() + SECONDS))
        except StoreUnavailable as failed:
            logger.warning("an allowance could not be looked at, events are taken: %s", failed)
            journal.count("AllowanceUnread")
            read = Read(day, now_ms, before.accepted if before else 0, before.here if before else 0)
        else:
            here = self._tally.accepted_here(scope, day)  # after the counters: what was added meanwhile is in neither
            read = Read(day, now_ms, counters + here.held, here.all)
        with self._lock:
            self._read[scope.org, scope.project] = read
            self._read.move_to_end((scope.org, scope.project))
            while len(self._read) > MOST_PROJECTS:
                self._read.popitem(last=False)
        return read


allowances: Final = Allowances(usage.tally)
"""Of this container."""


def accepted_on(scope: Scope, day: int, *, deadline: float) -> int:
    """How many events were accepted on a day, counted from 1970: at least so many. Raises `StoreUnavailable`."""
    return sum(each.used.accepted for each in counted(scope, day, day, deadline=deadline) if each.kind == "key")


def standing_of(scope: Scope, allowance: int | None, *, now_ms: int, deadline: float) -> Standing | None:
    """How the project stands today; None without an allowance. Raises `StoreUnavailable`."""
    if allowance is None:
        return None
    day = now_ms // DAY_MS
    return Standing(allowance, accepted_on(scope, day, deadline=deadline), day)

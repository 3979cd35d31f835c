"""Limits: how often somebody may do something, counted in the database, so that all function instances count as one.

The generic cell rate algorithm (GCRA) in two conditional updates and no read. An item holds one number, the theoretical
arrival time `tat`; `step` is the rate's period divided by its burst. Exact under any race: each update is atomic.

    tat <= now                     nothing is used up:    tat = now + step    1st update
    now < tat <= now+period-step   room is left:          tat = tat + step    2nd update, when the first was refused
    now+period-step < tat          none is left:          refused, for at most one step

What happens when the store does not answer is part of the limit: sign-in and its like are refused (`closed`), for who
cannot count must not guess; ingest goes on (`open`), for losing events is worse than counting too few. Both are logged.
"""

import ipaddress
import logging
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from threading import Lock
from typing import Any, Final

from msgspec import Struct

from chalicelib.storage import dynamodb
from chalicelib.storage.errors import ConditionFailed, StoreUnavailable
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

NONCE_BYTES: Final = 8
NONE_ANYWHERE: Final = -1
KEPT_SECONDS: Final = HOUR
"""An item outlives the time when it stops mattering by this much: a slow clock must not find it deleted."""

logger: Final = logging.getLogger(__name__)


class Fails(StrEnum):
    """What a limit says while the store does not answer."""

    OPEN = "open"
    CLOSED = "closed"


class Rate(Struct, frozen=True):
    """`burst` at once, and as many again in each `seconds`, evenly."""

    burst: int
    seconds: int
    fails: Fails = Fails.CLOSED
    lease: int = 1
    """How many a container takes from the store at once (`allow_leased`)."""

    @property
    def step_ms(self) -> int:
        return self.seconds * 1000 // self.burst


LIMITS: Final[Mapping[str, Rate]] = {
    # Guessing a password: by account whatever the source, by source whatever the account.
    "sign-in-account": Rate(10, 15 * MINUTE),
    "sign-in-account-day": Rate(100, DAY),
    "sign-in-source": Rate(50, 10 * MINUTE),
    # A device that the owner signed in from before has its own: strangers cannot lock the owner out.
    "sign-in-device": Rate(10, 15 * MINUTE),
    # The six digits of a second factor, asked for only after the password was right.
    "second-factor": Rate(5, 5 * MINUTE),
    # Proving the password again while signed in.
    "password": Rate(10, 15 * MINUTE),
    # What sends mail to an address that anybody may name, and what tells whether an address is taken.
    "register-source": Rate(10, HOUR),
    "reset-source": Rate(10, HOUR),
    "mail-address": Rate(3, HOUR),
    "email-person": Rate(5, HOUR),
    # Links from mail: nobody guesses 256 bits, but each try costs a hash.
    "link-source": Rate(30, HOUR),
    # An authorization server's token endpoint.
    "token-source": Rate(60, MINUTE),
    # Clients that register themselves: each is an item, and none of them had to prove anything.
    "register-client-source": Rate(20, HOUR),
    # What is fetched for clients: nobody may make us the one who floods a stranger's server.
    "client-document": Rate(30, MINUTE),
    "client-document-again": Rate(3, MINUTE),
    # What browsers report: each is a line in the log, and anybody can send one.
    "report-source": Rate(20, MINUTE),
    # Everything else, leased in bulk.
    "requests-source": Rate(1_200, MINUTE, Fails.OPEN, lease=20),
    "requests-person": Rate(600, MINUTE, Fails.OPEN, lease=20),
    "requests-key": Rate(600, MINUTE, Fails.OPEN, lease=20),
    # Of an app that somebody let in, unless they said otherwise.
    "requests-connection": Rate(120, MINUTE, Fails.OPEN, lease=10),
    "ingest-key": Rate(30_000, MINUTE, Fails.OPEN, lease=500),
}
"""Every limit there is. `docs/accounts.md` gives the reasons."""


class LimitReached(Exception):
    """Too often. After `retry_after` seconds there is room again, if nobody else takes it."""

    def __init__(self, name: str, retry_after: int) -> None:
        super().__init__(f"the limit {name} is reached")
        self.name = name
        self.retry_after = retry_after


def allow(
    name: str, subject: str | bytes, *, now_ms: int, deadline: float | None = None, rate: Rate | None = None
) -> None:
    """Takes one from the subject's allowance.

    Raises `LimitReached`, and `StoreUnavailable` where the limit fails closed. `rate` is that of `LIMITS` if left out.
    """
    rate = rate or LIMITS[name]
    try:
        taken = _take(keys.limit_partition(_digest(name, subject)), rate, 1, now_ms=now_ms, deadline=deadline)
    except StoreUnavailable:
        _count_unavailable(name, rate)
        if rate.fails is Fails.CLOSED:
            raise
        return
    if not taken:
        logger.info("a limit was reached: limit=%s", name)
        raise LimitReached(name, _retry_after(rate))


class Leases:
    """Allowances that this container took in bulk and still has: a request mostly costs no write.

    What is leased counts as used. It is forgotten after the rate's period, or where too many subjects have some. That
    somebody has none left is remembered too, for a step: being refused must not cost more writes than being served.
    """

    MOST_SUBJECTS: Final = 10_000

    def __init__(self) -> None:
        self._held: OrderedDict[tuple[str, str | bytes], tuple[int, int]] = OrderedDict()
        """By limit and subject: how many are left, until when, in milliseconds."""
        self._lock = Lock()

    def allow(
        self, name: str, subject: str | bytes, *, now_ms: int, deadline: float | None = None, rate: Rate | None = None
    ) -> None:
        """As `limits.allow`, from the lease while it lasts. Not for limits that must be exact."""
        rate = rate or LIMITS[name]
        who = (name, subject)
        if self._from_lease(who, rate, now_ms):
            return
        try:
            taken = self._taken(who, rate, now_ms=now_ms, deadline=deadline)
        except StoreUnavailable:
            _count_unavailable(name, rate)
            if rate.fails is Fails.CLOSED:
                raise
            taken = rate.lease  # else each request would wait for a store that does not answer
        if not taken:
            self._keep(who, NONE_ANYWHERE, now_ms + rate.step_ms)
            raise LimitReached(name, _retry_after(rate))
        self._keep(who, taken - 1, now_ms + rate.seconds * 1000)

    def _taken(self, who: tuple[str, str | bytes], rate: Rate, *, now_ms: int, deadline: float | None) -> int:
        """How many the store gives: a lease, one, or none."""
        partition = keys.limit_partition(_digest(*who))
        for count in dict.fromkeys((rate.lease, 1)):
            if _take(partition, rate, count, now_ms=now_ms, deadline=deadline):
                return count
        return 0

    def _from_lease(self, who: tuple[str, str | bytes], rate: Rate, now_ms: int) -> bool:
        """Whether the lease has one for this request. Raises `LimitReached` while there can be none anywhere."""
        with self._lock:
            left, until = self._held.get(who, (0, now_ms))
            if until <= now_ms:
                return False
            if left == NONE_ANYWHERE:
                raise LimitReached(who[0], _retry_after(rate))
            if left:
                self._held[who] = (left - 1, until)
            return left > 0

    def _keep(self, who: tuple[str, str | bytes], left: int, until: int) -> None:
        with self._lock:
            self._held.pop(who, None)
            self._held[who] = (left, until)
            while len(self._held) > self.MOST_SUBJECTS:
                self._held.popitem(last=False)


leases: Final = Leases()
"""Of this container."""


def source_of(address: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 that an IPv6 address is from.

    Who has one address of a /64 has all of them. What is no address at all is one source together.
    """
    try:
        ip = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _take(partition: bytes, rate: Rate, count: int, *, now_ms: int, deadline: float | None) -> bool:
    cost = rate.step_ms * count
    room = now_ms + rate.step_ms * (rate.burst - count)
    nonce = secrets.token_bytes(NONCE_BYTES)
    return _updated(
        partition, "SET tat = :then", "attribute_not_exists(tat) OR tat <= :now",
        {":then": now_ms + cost, ":now": now_ms}, _ttl(now_ms, rate), nonce, deadline,
    ) or _updated(
        partition, "SET tat = tat + :cost", "tat <= :room", {":cost": cost, ":room": room}, _ttl(now_ms, rate), nonce,
        deadline,
    )  # fmt: skip


def _updated(
    partition: bytes, update: str, condition: str, numbers: Mapping[str, int], ttl: int, nonce: bytes,
    deadline: float | None,
) -> bool:  # fmt: skip
    """Whether the update was done, by whichever of its attempts."""
    values: dict[str, Any] = {name: {"N": str(number)} for name, number in numbers.items()}
    request = {
        "TableName": dynamodb.table(keys.LIMITS),
        "Key": {"p": {"B": partition}, "s": {"B": keys.ONLY}},
        "UpdateExpression": f"{update}, t = :t, nonce = :nonce",
        "ConditionExpression": f"({condition}) AND (attribute_not_exists(nonce) OR nonce <> :nonce)",
        "ExpressionAttributeValues": values | {":t": {"N": str(ttl)}, ":nonce": {"B": nonce}},
    }
    try:
        dynamodb.call("UpdateItem", request, deadline=deadline)
    except ConditionFailed as failed:
        return failed.retried and _is_ours(partition, nonce, deadline)
    return True


def _is_ours(partition: bytes, nonce: bytes, deadline: float | None) -> bool:
    """Whether the write that stands is our own, whose answer was lost. Overtaken meanwhile, it counts as another's:
    then one is charged twice, and never two for one."""
    stored = item(keys.LIMITS, partition, keys.ONLY, deadline=deadline)
    return stored is not None and stored["nonce"].binary == nonce


def _ttl(now_ms: int, rate: Rate) -> int:
    return now_ms // 1000 + rate.seconds + KEPT_SECONDS


def _retry_after(rate: Rate) -> int:
    """Whole seconds until there is room for one: at most a step, and saying exactly how much would cost a read."""
    return max(1, -(-rate.step_ms // 1000))


def _digest(name: str, subject: str | bytes) -> bytes:
    """Names no address and no person: the table of limits is no list of who was here."""
    whole = subject.encode() if isinstance(subject, str) else subject
    return sha256(name.encode() + b"\0" + whole).digest()[:16]


def _count_unavailable(name: str, rate: Rate) -> None:
    logger.warning("a limit could not be counted: limit=%s fails=%s", name, rate.fails)

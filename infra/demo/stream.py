"""The shop's log as one ordered stream: a pure function of seed, rate and time."""

import heapq
import math
from collections.abc import Iterator
from random import Random
from typing import Final

from infra.demo import incidents
from infra.demo.incidents import CYCLE, MINUTE
from infra.demo.stories import buy, request
from infra.demo.trace import Event, own_line

EVENTS_PER_REQUEST: Final = 2.64
"""The mean over the table of stories on a good day; a test holds it to that."""

_LONGEST_REQUEST: Final = MINUTE
"""No request logs later than this after it began."""

_CRASH: Final = """\
Unhandled ProviderTimeout: connection pool exhausted
  at ConnectionPool.acquire (/srv/payments/pool.js:88:13)
  at Provider.charge (/srv/payments/provider.js:41:22)
  at Orders.pay (/srv/payments/orders.js:120:9)"""


def events(*, seed: int, rate: float, start: int) -> Iterator[Event]:
    """Every event from `start` (milliseconds since the epoch) on, by time, without end.

    `rate` is the mean of ordinary traffic in events a second over a day. Two streams of one seed and rate agree about
    every moment that both cover, wherever they start.
    """
    number = (start - _LONGEST_REQUEST) // MINUTE
    pending: list[tuple[int, int, int, Event]] = []
    while True:
        for order, event in enumerate(_minute(seed, rate, number)):
            heapq.heappush(pending, (event["timestamp"], number, order, event))
        number += 1
        while pending and pending[0][0] < number * MINUTE:  # what begins later also logs later
            timestamp, _, _, event = heapq.heappop(pending)
            if timestamp >= start:
                yield event


def busyness(at: int) -> float:
    """How busy the shop is at that time of day, 1 on average: most at 20:00 UTC, least at 08:00."""
    hours = at / 3_600_000
    return 1 + 0.6 * math.cos((hours - 20) / 24 * 2 * math.pi)


def _minute(seed: int, rate: float, number: int) -> Iterator[Event]:
    """Everything that begins in that minute since the epoch."""
    dice = Random(f"{seed}/{rate}/{number}")
    began = number * MINUTE
    requests = rate * 60 * busyness(began) / EVENTS_PER_REQUEST
    # Every so often one more: the fraction decides.
    for _ in range(int(requests) + (dice.random() < requests % 1)):
        yield from request(dice, began + dice.randrange(MINUTE))
    yield from _housekeeping(dice, began)
    yield from _incidents(dice, began)


def _housekeeping(dice: Random, began: int) -> Iterator[Event]:
    if began % (10 * MINUTE) == 0:
        count = dice.randint(3, 60)
        text = f"Removed {count} abandoned baskets"
        yield own_line("worker", began + 4_000, "info", text, dice, kind="cron", job="baskets", removed=count)
    if began % (30 * MINUTE) == 0:
        yield own_line(
            "search", began + 9_000, "info", "Index refreshed", dice, kind="cron", job="index", products=1000
        )


def _incidents(dice: Random, began: int) -> Iterator[Event]:
    at = began % CYCLE
    base = began - at
    if at == incidents.PAYMENTS_DEPLOYED:
        yield _deploy(dice, began, "Deployed payments")
    if at == incidents.PAYMENTS_ROLLED_BACK:
        yield _deploy(dice, began, "Rolled back payments to")
    if incidents.PROVIDER_DOWN <= at < incidents.PAYMENTS_ROLLED_BACK:
        for moment in range(began, began + MINUTE, incidents.IMPATIENCE):
            yield from request(dice, moment + dice.randrange(1_000), buy)
    if at <= incidents.PAYMENTS_CRASHED < at + MINUTE:
        crashed = base + incidents.PAYMENTS_CRASHED
        yield own_line("payments", crashed, "fatal", _CRASH, dice, kind="crash", error="ProviderTimeout", exit_code=1)
        text = "Process started after an unexpected exit"
        yield own_line("payments", crashed + 2_100, "info", text, dice, kind="custom", restarts=1)
    if incidents.RETRIES_BEGIN <= at < incidents.RETRIES_END:
        yield from _retries(dice, began, first=(at - incidents.RETRIES_BEGIN) // incidents.RETRY_EVERY)
    if at == incidents.RETRIES_END:
        text = f"Catalogue sync gave up after {incidents.RETRIES} attempts"
        yield own_line("worker", began, "error", text, dice, kind="cron", job="catalogue", attempts=incidents.RETRIES)


def _deploy(dice: Random, at: int, text: str) -> Event:
    version = incidents.release("payments", at)
    return own_line("payments", at, "info", f"{text} {version}", dice, kind="custom", deploy=version)


def _retries(dice: Random, began: int, *, first: int) -> Iterator[Event]:
    for number, at in enumerate(range(began, began + MINUTE, incidents.RETRY_EVERY), start=first + 1):
        text = f"Retrying catalogue sync (attempt {number} of {incidents.RETRIES}): connection reset by supplier feed"
        yield own_line("worker", at, "warn", text, dice, kind="cron", job="catalogue", attempt=number)

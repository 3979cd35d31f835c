"""Sends the shop's log to a server, the past at once and then the present, until it is told to end."""

import argparse
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Final, NoReturn

from infra.demo.deploys import deploys
from infra.demo.incidents import CYCLE, DATABASE_SLOW, PROVIDER_DOWN, RETRIES_BEGIN
from infra.demo.stream import events
from infra.demo.trace import Event
from scry.batches import MOST_EVENTS, Batch, encoded
from scry.delivery import Delivery
from scry.deploy import record
from scry.errors import ScryError
from scry.patience import Patience
from scry.transport import Connection

WINDOW: Final = 5_000
"""Milliseconds of events in a batch, as an SDK gathers them. Windows begin at multiples of this, so that whoever sends
a moment again sends the same bytes."""

LONGEST_PAUSE: Final = 3.0
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main() -> int:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, _end)
    key = os.environ.get("SCRY_KEY", "")
    if not key:
        print("demo: SCRY_KEY must hold an ingest key", file=sys.stderr)
        return 2
    try:
        _run(options, key)
    except KeyboardInterrupt:
        return 0
    except ScryError as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def batches(stream: Iterable[Event]) -> Iterator[tuple[int, Batch]]:
    """(end of the window in milliseconds, batch), for windows that have events; a busy window makes several."""
    for window, found in groupby(stream, key=lambda event: event["timestamp"] // WINDOW):
        while some := tuple(encoded(event) for event in islice(found, MOST_EVENTS)):
            yield (window + 1) * WINDOW, Batch("demo", window, some, tuple(range(len(some))))


def _run(options: argparse.Namespace, key: str) -> None:
    start = (int(time.time() * 1000) - options.history) // WINDOW * WINDOW
    stream = events(seed=options.seed, rate=options.rate, start=start)
    # A server that is being restarted is waited for, however long: the stream is computed, so nothing piles up.
    patience = Patience(seconds=float("inf"), longest_pause=LONGEST_PAUSE, notice=_say)
    _say(f"about {options.rate:g} events a second to {options.url}; {_next_incidents(start)}")
    rejected, told_until = 0, start
    with Connection(options.url) as connection:
        delivery = Delivery(connection, key=key, patience=patience, idempotent=False)
        for end, batch in batches(islice(stream, options.count)):
            time.sleep(max(0.0, end / 1000 - time.time()))
            for told in deploys(told_until, end):
                record(connection, told, key=key, patience=patience, request_key=f"demo-{told['at']}")
            told_until = max(told_until, end)
            outcome = delivery.deliver(batch)
            if outcome.rejected and not rejected:
                _say(f"an event was rejected: {outcome.rejected[0][1]} (further ones are not reported)")
            rejected += len(outcome.rejected)


def _next_incidents(start: int) -> str:
    names = {PROVIDER_DOWN: "payments time out", DATABASE_SLOW: "slow database", RETRIES_BEGIN: "retry loop"}
    found = []
    for offset, name in names.items():
        at = (start - offset + CYCLE - 1) // CYCLE * CYCLE + offset
        found.append(f"{name} at {time.strftime('%H:%M', time.gmtime(at // 1000))}")
    return f"planted (UTC, every two hours): {', '.join(found)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.demo", description="Sends the believable log of a web shop. The key is in SCRY_KEY."
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=_rate, default=20.0, help="events a second, on average over a day (20)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--history", type=_duration, default=2 * 3_600_000, metavar="2h", help="of the past first, or 0"
    )
    parser.add_argument("--count", type=int, default=None, help="end after so many events")
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 10_000:
        raise argparse.ArgumentTypeError("a rate is above 0 and at most 10,000 events a second")
    return rate


def _duration(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smhd]?)", text)
    if not found or (not found[2] and found[1] != "0"):
        raise argparse.ArgumentTypeError("a duration is like 30m, 2h or 1d, or 0")
    return int(found[1]) * UNITS.get(found[2], 0) * 1000


def _say(text: str) -> None:
    print(f"demo: {text}", file=sys.stderr, flush=True)


def _end(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

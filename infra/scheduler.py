"""Runs the app's scheduled functions, as EventBridge does for a deployed app: each by itself, at its own rate."""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from chalice import Chalice
from chalice.app import ScheduledEventConfig, ScheduleExpression

from infra.gateway import Context

PACE: Final = 20.0
"""How much sooner than on AWS a function's turn comes: a few seconds show on a laptop what takes minutes there."""
SHORTEST: Final = 1.0
FUNCTION_SECONDS: Final = 60.0
"""Chalice's default time limit of a function, which jobs must respect by themselves here."""

_UNITS: Final = {"minute": 60, "hour": 3600, "day": 86400}

logger: Final = logging.getLogger("infra.scheduler")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A scheduled function and the seconds between two of its turns on AWS."""

    name: str
    seconds: float


def schedules(app: Chalice) -> list[Schedule]:
    """What the app declares with `@app.schedule`."""
    return [
        Schedule(source.name, interval(source.schedule_expression))
        for source in app.event_sources
        if isinstance(source, ScheduledEventConfig)
    ]


def interval(expression: str | ScheduleExpression) -> float:
    """Seconds between two turns. A `cron` is taken for a daily one: the hour of day means nothing on a laptop."""
    text = expression if isinstance(expression, str) else expression.to_string()
    if text.startswith("cron("):
        return float(_UNITS["day"])
    value, unit = text.removeprefix("rate(").removesuffix(")").split()
    return float(value) * _UNITS[unit.rstrip("s")]


@contextmanager
def scheduling(app: Chalice, *, pace: float = PACE) -> Iterator[None]:
    """Runs every scheduled function until the block ends, then waits for those under way."""
    stop = threading.Event()
    threads = [
        threading.Thread(target=_repeat, args=(app, schedule, pace, stop), name=schedule.name)
        for schedule in schedules(app)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _repeat(app: Chalice, schedule: Schedule, pace: float, stop: threading.Event) -> None:
    while not stop.wait(max(SHORTEST, schedule.seconds / pace)):
        run(app, schedule.name)


def run(app: Chalice, name: str) -> None:
    """One turn of a function. What it raises is logged and the next turn comes all the same, as on AWS."""
    request_id = str(uuid.uuid4())
    context = Context(name, request_id, seconds=FUNCTION_SECONDS)
    try:
        app.handler_map[name](_event(name, request_id, now=time.time()), context)
    except Exception:
        logger.exception("the scheduled function %s failed", name)


def _event(name: str, event_id: str, *, now: float) -> dict[str, Any]:
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "region": "local",
        "resources": [f"arn:aws:events:local:000000000000:rule/{name}"],
        "detail": {},
    }

"""The journal: what a function says of its own work, one line of JSON for each piece of it, metrics included.

    {"at":…,"event":"request","request":…,"source":…,"method":"POST","route":"/api/ingest","key":…,"status":202,"ms":6.4,
     "cold":false,"Stage":"prod","EventsAccepted":10,"StoreCalls":2,"_aws":{…}}

`_aws` is CloudWatch's embedded metric format: it makes metrics of the fields that it names, with no call and no agent.
What is counted meanwhile, in whatever room and thread, is in the line of the request or the job that it was done for.
Nothing that a client wrote is in a line but the method; `docs/logs.md` describes every field and metric.

Source: "Embedded metric format specification", CloudWatch user guide.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from os import environ
from typing import Final

Fact = str | int | float | bool

NAMESPACE: Final = "Scrywatch"
DIMENSION: Final = "Stage"

METRICS: Final[Mapping[str, str]] = {
    "EventsAccepted": "Count",
    "EventsRejected": "Count",
    "IngestMilliseconds": "Milliseconds",
    "StoreCalls": "Count",
    "StoreThrottles": "Count",
    "AllowanceUnread": "Count",
    "UpkeepLag": "Seconds",
    "UpkeepFailed": "Count",
    "PurgeLag": "Seconds",
    "PurgeFailed": "Count",
}
"""Every metric there is, with its unit as CloudWatch spells it. An account's first ten cost nothing."""

logger: Final = logging.getLogger("scrywatch.journal")

_counted: Final[ContextVar[dict[str, float] | None]] = ContextVar("counted", default=None)


def begin() -> None:
    """A request or a run of a job begins: what was counted before belongs to another."""
    _counted.set({})


def count(metric: str, amount: float = 1) -> None:
    """Adds to a metric of what is under way. Raises `KeyError` for one that is not in `METRICS`."""
    METRICS[metric]
    counted = _counted.get()
    if counted is not None:
        counted[metric] = counted.get(metric, 0) + amount


def counted(metric: str) -> float:
    """What was counted so far."""
    return (_counted.get() or {}).get(metric, 0)


def write(event: str, **facts: Fact) -> None:
    """Writes the line of what ends now, with all that was counted meanwhile."""
    if not logger.isEnabledFor(logging.INFO):
        return
    now = time.time()
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    line = {"at": at, "event": event, **facts, **_measured(_counted.get() or {}, now_ms=int(now * 1000))}
    logger.info("%s", json.dumps(line, separators=(",", ":")))


def _measured(measures: Mapping[str, float], *, now_ms: int) -> dict[str, object]:
    if not measures:
        return {}
    told = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": METRICS[name]} for name in measures],
    }
    stage = environ.get("SCRY_STAGE", "dev")
    return {DIMENSION: stage, **measures, "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [told]}}


# --- where lines go ---------------------------------------------------------------------------------------------------


class Lines(logging.Formatter):
    """Every record as one line of JSON. What the journals of this program say is JSON already."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage()
        if record.name.startswith("scrywatch."):
            return said
        line: dict[str, Fact] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "event": "log",
            "level": record.levelname,
            "logger": record.name,
            "text": said,
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"))


def open_on_lambda() -> None:
    """In a function on AWS, gives every logger one way out: standard output, which is the function's log group.

    The runtime's own handler puts words of its own before each line, and CloudWatch finds no metrics in such a line.
    Elsewhere nothing is changed: whoever runs the product decides where its lines go.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in environ:
        return
    way_out = logging.StreamHandler(sys.stdout)
    way_out.setFormatter(Lines())
    logging.getLogger().handlers = [way_out]
    logger.setLevel(logging.INFO)

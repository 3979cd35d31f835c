"""Whether the service is well: for load balancers and monitors, who ask often and are told nothing of any project."""

from threading import Lock
from typing import Final, Literal

from msgspec import Struct

from chalicelib import settings
from chalicelib.events.store import waiting
from chalicelib.ids import HOUR_MS
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys
from chalicelib.web import VERSION, responses
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Routes

State = Literal["ok", "degraded", "down"]

KEPT_MS: Final = 10_000
STORE_SECONDS: Final = 1.5
UPKEEP_SECONDS: Final = 2.0

LATE_WORK_MS: Final = 6 * HOUR_MS
"""Work waits two to four hours after its clock hour in any case: an hour is indexed when it is over for two."""
LATE_WALK_MS: Final = 13 * HOUR_MS
"""Upkeep walks over projects without events every six hours."""

routes = Routes(__name__)


class Health(Struct, frozen=True):
    """That a function answers. Nothing was asked of the store."""

    status: Literal["ok"] = "ok"


class Status(Struct, frozen=True, kw_only=True):
    """Whether the service is well. `checked_at`, in milliseconds, is at most ten seconds ago.

    It is `down` where the store does not answer, and `degraded` where upkeep is late, or cannot be judged: then answers
    are right, and take longer. `oldest_work_seconds` is for how long work waits since the clock hour that it is from;
    `watermark_seconds` since when the hours of some project without events have not been marked as empty. Both are null
    where there is none.
    """

    status: State
    store: Literal["ok", "down"]
    upkeep: Literal["ok", "late", "unknown"]
    oldest_work_seconds: int | None = None
    watermark_seconds: int | None = None
    version: str
    checked_at: int


@routes.public("/healthz", head=True, answers={200: Health})
def healthz(_: Request) -> Answer:
    """Says that a function answers, and asks nothing of the store."""
    return responses.json(Health())


@routes.public("/status.json", answers={200: Status, 503: Status})
def status_json(request: Request) -> Answer:
    """Says whether the store answers and upkeep is on time: 503 where the store does not answer."""
    found = current(request)
    return responses.json(found, status=code_of(found))


def code_of(found: Status) -> int:
    """What monitors go by."""
    return 503 if found.status == "down" else 200


class Check:
    """What was found last, for ten seconds: asking often costs the store no more than asking once."""

    def __init__(self) -> None:
        self._found: tuple[str, Status] | None = None
        self._lock = Lock()

    def status(self, request: Request) -> Status:
        deployment = settings.current().table_prefix
        with self._lock:
            if self._found is None or self._found[0] != deployment or _is_old(self._found[1], request.now_ms):
                self._found = deployment, _looked(request)
            return self._found[1]


_check: Final = Check()


def current(request: Request) -> Status:
    """As found by this container within the last ten seconds."""
    return _check.status(request)


def _is_old(found: Status, now_ms: int) -> bool:
    return abs(now_ms - found.checked_at) >= KEPT_MS


def _looked(request: Request) -> Status:
    version, now_ms = settings.current().version or VERSION, request.now_ms
    try:
        item(keys.TENANTS, keys.org_slug_partition("-"), keys.ONLY, deadline=request.deadline_within(STORE_SECONDS))
    except StoreUnavailable:
        return Status(status="down", store="down", upkeep="unknown", version=version, checked_at=now_ms)
    try:
        deadline = request.deadline_within(UPKEEP_SECONDS)
        work, walk = waiting.oldest_work(deadline=deadline), waiting.oldest_walk(deadline=deadline)
    except StoreUnavailable:
        return Status(status="degraded", store="ok", upkeep="unknown", version=version, checked_at=now_ms)
    late = _is_late(work, now_ms, LATE_WORK_MS) or _is_late(walk, now_ms, LATE_WALK_MS)
    return Status(
        status="degraded" if late else "ok", store="ok", upkeep="late" if late else "ok",
        oldest_work_seconds=_age(work, now_ms), watermark_seconds=_age(walk, now_ms), version=version,
        checked_at=now_ms,
    )  # fmt: skip


def _is_late(since: int | None, now_ms: int, most: int) -> bool:
    return since is not None and now_ms - since > most


def _age(since: int | None, now_ms: int) -> int | None:
    return None if since is None else max(0, now_ms - since) // 1000

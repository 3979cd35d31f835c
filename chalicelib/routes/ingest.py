"""Events in: `POST /api/ingest`."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chalicelib import journal
from chalicelib.events.decode.batch import decode
from chalicelib.events.decode.coding import inflated
from chalicelib.events.event import Event
from chalicelib.events.store import rejections
from chalicelib.events.store.allowances import AllowanceUsedUp, allowances
from chalicelib.events.store.append import Outcome, append
from chalicelib.events.store.usage import Used, tally
from chalicelib.identity.permissions import Permission
from chalicelib.routes.idempotency import idempotency_key
from chalicelib.routes.problems import INGEST_PROBLEMS, NothingStored
from chalicelib.routes.scope import scope_of
from chalicelib.web import cors, responses
from chalicelib.web.guard import KeyPrincipal
from chalicelib.web.request import Request
from chalicelib.web.responses import Answer
from chalicelib.web.routing import Body, Routes

SECONDS: Final = 4.5
"""Existing clients wait five seconds, then send the batch again."""


class SentEvent(Event, frozen=True, kw_only=True):
    """An event as a client sends it. All fields may be left out, and any other key becomes metadata."""

    timestamp: Annotated[int | str, Meta(description="Milliseconds since 1970, or RFC 3339.")] = "time of receipt"  # type: ignore[assignment]


class Batch(Struct, frozen=True):
    """What the SDKs send. What stands beside `events` holds for all events that do not say it themselves."""

    events: list[SentEvent]
    device_id: str = ""
    device_type: str = ""
    service: str = ""
    environment: str = ""
    user_id: str = ""
    session_id: str = ""


BODY: Final = Body(
    description="A batch of events. Compressed with gzip, deflate or zstd it is known by its first bytes.",
    media_types=("application/json", "application/x-ndjson", "application/zstd"),
    shape=Batch,
    headers={
        "Idempotency-Key": "1 to 255 visible characters. A batch sent again with the same key is stored once, and "
        "another body with it is refused. Without a key a batch is known by its bytes."
    },
)

routes = Routes(__name__, INGEST_PROBLEMS)


@routes.post(
    "/api/ingest",
    permission=Permission.EVENTS_WRITE,
    limit="ingest",
    cors=cors.INGEST,
    body=BODY,
    answers={202: Outcome},
    refusals=(400, 401, 403, 413, 415, 422, 503),
)
def ingest(request: Request, principal: KeyPrincipal) -> Answer:
    """Stores a batch of events.

    Every event of the batch is accepted, a duplicate, or rejected by its index with a reason. What is acknowledged is
    stored. Any answer but 202 means that the batch may be sent again as it was. Where a tenth more than the plan's
    daily allowance was taken, batches are refused as a whole (429, `urn:scrywatch:problem:allowance`) until the day
    ends.
    """
    key = idempotency_key(request)
    body = inflated(request.body)
    decoded = decode(body, media_type=request.media_type, coding=request.headers.get("content-encoding", ""))
    scope, deadline = scope_of(principal), request.deadline_within(SECONDS)
    try:
        allowed = principal.project.events_a_day if decoded.events else None
        allowances.check(scope, allowed, now_ms=request.now_ms, deadline=deadline)
    except AllowanceUsedUp:
        refused = len(decoded.events) + len(decoded.rejected)
        _count(request, principal, Used(rejected=refused, bytes=len(body)), ["over_allowance"] * refused, deadline)
        raise
    outcome = append(scope, decoded, body=body, idempotency_key=key, now_ms=request.now_ms, deadline=deadline)
    rejections.note(scope, outcome.rejected, now_ms=request.now_ms, deadline=deadline)
    used = Used(outcome.accepted, outcome.duplicates, len(outcome.rejected), len(body))
    _count(request, principal, used, [each.reason for each in outcome.rejected], deadline)
    return _answer(outcome)


def _count(request: Request, principal: KeyPrincipal, used: Used, reasons: list[str], deadline: float) -> None:
    journal.count("EventsAccepted", used.accepted)
    journal.count("EventsRejected", used.rejected)
    tally.note(scope_of(principal), principal.key.key_id, used, reasons, now_ms=request.now_ms, deadline=deadline)


def _answer(outcome: Outcome) -> Answer:
    """202, also for a batch of nothing: clients send anything else again."""
    if outcome.rejected and not outcome.accepted + outcome.duplicates:
        raise NothingStored(outcome.rejected)
    return responses.json(outcome, status=202)

"""What connections do: every call for thirty days, without the token, for the people whose project it is (O28)."""

import logging
import secrets
from typing import Any, Final, Literal

from msgspec import Struct

from chalicelib.identity.grants import Grant, check_grant
from chalicelib.ids import GrantId
from chalicelib.storage.changes import Change, Fields, commit, when
from chalicelib.storage.errors import RequestRefused, StoreUnavailable
from chalicelib.storage.items import Item, newest
from chalicelib.storage.tables import keys

KEPT_SECONDS: Final = 30 * 86_400
NOTED_SECONDS: Final = 3_600
"""How exactly it is known when a connection was used last."""
LONGEST: Final = 80
CHANCE_BYTES: Final = 4

Outcome = Literal["ok", "error", "refused"]
OUTCOMES: Final[dict[str, Outcome]] = {"ok": "ok", "error": "error", "refused": "refused"}

logger: Final = logging.getLogger(__name__)


class Call(Struct, frozen=True):
    """One thing that a connection asked for. Times are in milliseconds."""

    at_ms: int
    what: str
    """The tool, or the method and the path."""
    outcome: Outcome
    rows: int
    """How many it was answered."""
    took_ms: int


def note_call(grant: Grant, call: Call, *, deadline: float | None = None) -> None:
    """Keeps the call, and once an hour that the connection is used. It costs no request its answer: what fails is
    logged. Of a connection that ended meanwhile nothing is kept: what is erased must not grow again."""
    try:
        _keep(grant, call, deadline=deadline)
        _note_use(grant, call.at_ms // 1000, deadline=deadline)
    except _NotNoted:
        return
    except (StoreUnavailable, RequestRefused) as failed:
        logger.warning("a call of the connection %s could not be noted: %s", grant.id.hex(), failed)


def calls_of(grant: GrantId, *, limit: int = 50, now: int | None = None, deadline: float | None = None) -> list[Call]:
    """Its calls of the last thirty days, the newest first. Raises `StoreUnavailable`."""
    found = newest(keys.GRANTS, keys.activity_partition(grant), limit=limit, deadline=deadline)
    return [_call(row) for row in found if now is None or row["t"].number > now]


def _keep(grant: Grant, call: Call, *, deadline: float | None) -> None:
    fields: Fields = {
        "what": call.what[:LONGEST], "outcome": call.outcome, "rows": call.rows, "took_ms": call.took_ms,
        "t": call.at_ms // 1000 + KEPT_SECONDS,
    }  # fmt: skip
    change = Change()
    sort = keys.activity_sort(call.at_ms, secrets.token_bytes(CHANCE_BYTES))
    change.put(keys.GRANTS, keys.activity_partition(grant.id), sort, fields)
    check_grant(change, grant.id, _NotNoted())
    commit(change, deadline=deadline)


def _note_use(grant: Grant, at: int, *, deadline: float | None) -> None:
    if grant.last_used_at is not None and at - grant.last_used_at < NOTED_SECONDS:
        return
    rarely = when(
        "attribute_exists(p) AND (attribute_not_exists(#last_used_at) OR #last_used_at <= :past)",
        _NotNoted(), past=at - NOTED_SECONDS,
    )  # fmt: skip
    change = Change()
    change.update(keys.GRANTS, keys.grant_partition(grant.id), keys.ONLY, {"last_used_at": at}, rarely)
    commit(change, deadline=deadline)


class _NotNoted(Exception):
    """Another call was faster, or the connection ended meanwhile: an update would bring it back."""


def _call(row: Item) -> Call:
    fields: dict[str, Any] = {"at_ms": int.from_bytes(row["s"].binary[:6], "big"), "what": row["what"].text}
    outcome = OUTCOMES[row["outcome"].text]
    return Call(**fields, outcome=outcome, rows=row["rows"].number, took_ms=row["took_ms"].number)

"""The last events that a project had rejected, for somebody who waits for the first one and sees nothing arrive.

At most one write a minute, container and project: it is a hint, not a record. The answer of the request names each.
"""

import logging
from collections import OrderedDict
from typing import Final

import msgspec

from chalicelib.events.decode import Rejection
from chalicelib.events.scope import Scope
from chalicelib.ids import DAY_MS, ProjectId
from chalicelib.storage import dynamodb
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.items import item
from chalicelib.storage.tables import keys

EVERY_MS: Final = 60_000
KEPT_MS: Final = DAY_MS
LISTED: Final = 5
REMEMBERED: Final = 10_000

logger: Final = logging.getLogger(__name__)


class Rejected(msgspec.Struct, frozen=True, array_like=True):
    """`at` is in milliseconds; `details` say what was wrong with the first few."""

    at: int
    count: int
    details: list[str]


_noted: OrderedDict[tuple[str, ProjectId], int] = OrderedDict()


def note(scope: Scope, rejected: list[Rejection], *, now_ms: int, deadline: float) -> None:
    """Keeps what was rejected, if anything was. Where the store says no, it is left out: nothing depends on it."""
    known = (dynamodb.table(keys.EVENTS), scope.project)
    if not rejected or now_ms - _noted.get(known, 0) < EVERY_MS:
        return
    kept = Rejected(now_ms, len(rejected), [f"{each.reason}: {each.detail}" for each in rejected[:LISTED]])
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "Item": {
            "p": {"B": keys.index_partition(scope.org, scope.project)},
            "s": {"B": keys.REJECTIONS},
            "b": {"B": msgspec.msgpack.encode(kept)},
            "t": {"N": str((now_ms + KEPT_MS) // 1000)},
        },
    }
    try:
        dynamodb.call("PutItem", request, deadline=deadline)
    except StoreUnavailable as unavailable:
        logger.warning("rejections were not kept: %s", unavailable)
        return
    _noted[known] = now_ms
    while len(_noted) > REMEMBERED:
        _noted.popitem(last=False)


def last(scope: Scope, *, now_ms: int, deadline: float) -> Rejected | None:
    """What was rejected last, within a day."""
    found = item(keys.EVENTS, keys.index_partition(scope.org, scope.project), keys.REJECTIONS, deadline=deadline)
    rejected = msgspec.msgpack.decode(found["b"].binary, type=Rejected) if found else None
    return rejected if rejected and rejected.at > now_ms - KEPT_MS else None

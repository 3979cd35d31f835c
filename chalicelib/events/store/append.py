"""A batch in: events that DynamoDB has, or an exception. There is nothing between.

    identify batch -> settle its clock (receipt) -> split -> pack -> note work -> put details -> put blocks -> mark hours

Every step may be repeated: a resend writes only what is missing. An answer leaves only after the last step.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from chalicelib.compression import zstd
from chalicelib.events.block import Dictionary, Packed, TooLarge, pack
from chalicelib.events.decode import UNTIMED, Decoded, Rejection, with_sent
from chalicelib.events.event import Event
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, index, receipt, register
from chalicelib.events.store.put import FORWARD, Forwarded, expires_at, put_if_absent
from chalicelib.events.store.receipt import Receipt
from chalicelib.events.store.split import ROWS_LIMIT, Part, Timed, split
from chalicelib.ids import HOUR_MS, BatchId, Slot
from chalicelib.storage.tables import keys

AHEAD_MS: Final = 300_000
"""How far in the future a timestamp may lie; clocks differ. Beyond, it becomes the time of receipt."""

EDGE_MARGIN_MS: Final = HOUR_MS
AHEAD_MARGIN_MS: Final = 60_000
"""So near to an edge that another clock, or a later resend, might decide otherwise: the receipt decides."""

SURELY_FITS_BYTES: Final = 300_000
"""A body up to this size packs into items whatever is in it. A larger one has a receipt, which fixes its row limit."""

PARALLEL_PUTS: Final = 8

T = TypeVar("T")
R = TypeVar("R")


class Outcome(msgspec.Struct, frozen=True):
    """What became of each event of a batch: `accepted + duplicates + len(rejected)` is all of them."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]


class Placed(msgspec.Struct, frozen=True):
    """A part, packed, and the partition where it belongs."""

    part: Part
    packed: Packed
    partition: bytes


def append(
    scope: Scope, decoded: Decoded, *, body: bytes, idempotency_key: str | None, now_ms: int, deadline: float
) -> Outcome:
    """Stores a batch. When it returns, every event is stored, was stored before, or is named as rejected.

    `deadline` is in `time.monotonic()` seconds. Raises `StoreUnavailable` where anything could not be stored (what could
    be stays, a resend completes it) and `IdempotencyConflict`.
    """
    if not decoded.events:
        return Outcome(0, 0, decoded.rejected)
    batch, settled, proposed = _settle(scope, decoded, body, idempotency_key, now_ms=now_ms, deadline=deadline)
    try:
        return _store(scope, decoded, batch, settled or proposed, now_ms=now_ms, deadline=deadline)
    except Forwarded:
        # Now all of its timestamps are usable. When the batch came first, they were not.
        settled = receipt.settle(scope, batch, proposed, deadline=deadline)
        return _store(scope, decoded, batch, settled, now_ms=now_ms, deadline=deadline)


def _store(
    scope: Scope, decoded: Decoded, batch: BatchId, settled: Receipt, *, now_ms: int, deadline: float
) -> Outcome:
    timed = [Timed(at, _at_final_time(event, settled)) for at, event in zip(decoded.indices, decoded.events, strict=True)]
    dictionary = dictionaries.for_writing(scope, now_ms=now_ms, deadline=deadline)
    placed, rejected = _pack_all(scope, batch, timed, settled, dictionary)
    slots = {each.part.slot for each in placed}
    _each(slots, lambda slot: register.note(scope, slot, now_ms=now_ms, deadline=deadline))
    _forward(scope, batch, decoded, placed, settled, deadline=deadline)
    stored = _each(placed, lambda each: _put(scope, batch, each, deadline=deadline))
    late = [slot for slot in slots if index.needs_mark(slot, now_ms=now_ms)]
    _each(late, lambda slot: index.mark_dirty(scope, slot, deadline=deadline))
    accepted = sum(each.packed.count for each, new in zip(placed, stored, strict=True) if new)
    total = sum(each.packed.count for each in placed)
    return Outcome(accepted, total - accepted, sorted(decoded.rejected + rejected, key=lambda one: one.index))


# --- the clock --------------------------------------------------------------------------------------------------------


def _settle(
    scope: Scope, decoded: Decoded, body: bytes, idempotency_key: str | None, *, now_ms: int, deadline: float
) -> tuple[BatchId, Receipt | None, Receipt]:
    """The batch's id, its receipt if it needs one, and what decides if it does not."""
    proposed = Receipt(
        body_digest=sha256(body).digest()[:16],
        received_at=now_ms,
        edge=now_ms - scope.retention_ms,
        rows_limit=ROWS_LIMIT,
    )
    timestamps = [event.timestamp for event in decoded.events]
    if idempotency_key is None and not _any_usable(timestamps, now_ms):
        return receipt.unrepeatable_batch_id(), None, proposed
    batch = receipt.batch_id(scope, body, idempotency_key)
    if len(body) > SURELY_FITS_BYTES:
        proposed = _with_rows_that_fit(scope, decoded, body, proposed, deadline=deadline)
    elif idempotency_key is None and not _needs_clock(timestamps, proposed):
        return batch, None, proposed
    return batch, receipt.settle(scope, batch, proposed, deadline=deadline), proposed


def _any_usable(timestamps: Sequence[int], now_ms: int) -> bool:
    return any(UNTIMED < timestamp <= now_ms + AHEAD_MS for timestamp in timestamps)


def _needs_clock(timestamps: Sequence[int], proposed: Receipt) -> bool:
    """Whether any event's place depends on when it came. The usual batch, of the last hours, does not."""
    ahead = max(timestamps) > proposed.received_at + AHEAD_MS - AHEAD_MARGIN_MS
    return ahead or min(timestamps) < proposed.edge + EDGE_MARGIN_MS


def _at_final_time(event: Event, settled: Receipt) -> Event:
    if UNTIMED < event.timestamp <= settled.received_at + AHEAD_MS:
        return event
    metadata = event.metadata
    if event.timestamp != UNTIMED:
        metadata = with_sent(metadata, "timestamp", event.timestamp)
    return msgspec.structs.replace(event, timestamp=settled.received_at, metadata=metadata)


# --- packing ----------------------------------------------------------------------------------------------------------


def _with_rows_that_fit(
    scope: Scope, decoded: Decoded, body: bytes, proposed: Receipt, *, deadline: float
) -> Receipt:
    """The receipt of a large body, with a row limit at which its parts surely fit into items."""
    if len(zstd.compress(body, level=1)) <= SURELY_FITS_BYTES:
        return proposed
    dictionary = dictionaries.for_writing(scope, now_ms=proposed.received_at, deadline=deadline)
    timed = [
        Timed(at, _at_final_time(event, proposed)) for at, event in zip(decoded.indices, decoded.events, strict=True)
    ]
    limit = ROWS_LIMIT
    while limit > 1 and not all(_fits(part, proposed, dictionary) for part in split(timed, rows_limit=limit)):
        limit //= 2
    return msgspec.structs.replace(proposed, rows_limit=limit)


def _fits(part: Part, settled: Receipt, dictionary: Dictionary | None) -> bool:
    """With room to spare: a resend may have to pack the same rows without a dictionary."""
    try:
        packed = pack([timed.event for timed in part.rows], received_at=settled.received_at, dictionary=dictionary)
    except TooLarge:
        return False
    return max(len(packed.scan), len(packed.detail or b"")) <= SURELY_FITS_BYTES


def _pack_all(
    scope: Scope, batch: BatchId, timed: Sequence[Timed], settled: Receipt, dictionary: Dictionary | None
) -> tuple[list[Placed], list[Rejection]]:
    placed: list[Placed] = []
    rejected: list[Rejection] = []
    for part in split(timed, rows_limit=settled.rows_limit):
        kept = [row for row in part.rows if row.event.timestamp >= settled.edge]
        rejected += [_too_old(row, scope) for row in part.rows if row.event.timestamp < settled.edge]
        if not kept:
            continue
        try:
            packed = pack([row.event for row in kept], received_at=settled.received_at, dictionary=dictionary)
        except TooLarge:
            rejected += [_too_large(row) for row in kept]
            continue
        placed.append(Placed(part, packed, _partition(scope, batch, part.slot)))
    return placed, rejected


def _partition(scope: Scope, batch: BatchId, slot: Slot) -> bytes:
    shard = int.from_bytes(batch[-2:], "big") % scope.shard_count(slot)
    return keys.slot_partition(scope.org, scope.project, slot, shard)


def _too_old(row: Timed, scope: Scope) -> Rejection:
    return Rejection(
        row.index,
        "too_old",
        f"the timestamp {row.event.timestamp} lies before the {scope.retention_days} days that this project keeps",
    )


def _too_large(row: Timed) -> Rejection:
    return Rejection(row.index, "too_large", "the event does not fit into an item of the store: send less metadata")


def _forward(
    scope: Scope, batch: BatchId, decoded: Decoded, placed: Sequence[Placed], settled: Receipt, *, deadline: float
) -> None:
    """Where a batch has timestamps that are too far ahead now and will be usable later, leaves notes where a resend
    would then put its blocks, so that it finds the receipt."""
    timestamps = [event.timestamp for event in decoded.events]
    ahead = max(timestamps) - settled.received_at
    if ahead <= AHEAD_MS or ahead > scope.retention_ms + AHEAD_MS or UNTIMED in timestamps:
        return  # every resend in the life of the data needs the clock as this one does, or never did
    as_sent = [Timed(at, event) for at, event in zip(decoded.indices, decoded.events, strict=True)]
    taken = {(each.partition, keys.block_sort(each.packed.last, batch, each.part.number)) for each in placed}
    places = {
        (_partition(scope, batch, part.slot), keys.block_sort(part.last, batch, part.number))
        for part in split(as_sent, rows_limit=settled.rows_limit)
    }
    expires = expires_at(max(timestamps), scope)
    _each(places - taken, lambda place: put_if_absent(*place, FORWARD, expires, deadline=deadline))


# --- putting ----------------------------------------------------------------------------------------------------------


def _put(scope: Scope, batch: BatchId, placed: Placed, *, deadline: float) -> bool:
    """Puts one block, its detail first: the block, which names the detail, is the commit. False if it was there."""
    packed, number = placed.packed, placed.part.number
    expires = expires_at(packed.last, scope)
    if packed.detail is not None:
        sort = keys.detail_sort(packed.last, batch, number, packed.detail_hash)
        put_if_absent(placed.partition, sort, packed.detail, expires, deadline=deadline)
    return put_if_absent(
        placed.partition, keys.block_sort(packed.last, batch, number), packed.scan, expires, deadline=deadline
    )


def _each(things: Iterable[T], act: Callable[[T], R]) -> list[R]:
    """Does it for each, several at a time where there are several. Raises the first exception after all have ended."""
    listed = list(things)
    if len(listed) < 2:
        return [act(thing) for thing in listed]
    with ThreadPoolExecutor(min(PARALLEL_PUTS, len(listed))) as pool:
        return list(pool.map(act, listed))

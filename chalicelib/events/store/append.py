"""A batch in: events that DynamoDB has, or an exception. There is nothing between.

    identify batch -> settle its clock (receipt) -> split -> pack -> note work -> put details and blocks -> mark hours

Every step may be repeated: a resend writes only what is missing. An answer leaves only after the last step.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from chalicelib.events.block import Dictionary, Packed, TooLarge, pack
from chalicelib.events.decode import UNTIMED, Decoded, Rejection, with_sent
from chalicelib.events.event import Event
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries, index, receipt, register
from chalicelib.events.store.put import FORWARD, Forwarded, expires_at, put_if_absent
from chalicelib.events.store.receipt import Receipt
from chalicelib.events.store.split import ROWS_LIMIT, Part, Timed, split
from chalicelib.ids import HOUR_MS, BatchId, Slot
from chalicelib.storage.errors import StoreUnavailable
from chalicelib.storage.tables import keys
from chalicelib.storage.threads import Threads

AHEAD_MS: Final = 300_000
"""How far in the future a timestamp may lie; clocks differ. Beyond, it becomes the time of receipt."""

EDGE_MARGIN_MS: Final = HOUR_MS
AHEAD_MARGIN_MS: Final = 60_000
"""So near to an edge that another clock, or a later resend, might decide otherwise: the receipt decides."""

SURELY_FITS_BYTES: Final = 300_000
"""A body up to this size packs into items whatever is in it. A larger one has a receipt, which fixes how it is cut."""

PARTS_LIMIT: Final = 1_000
"""Blocks that one request has the time to put, and its resend to find there."""

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

    `deadline` is in `time.monotonic()` seconds. Raises `IdempotencyConflict`, and `StoreUnavailable` where anything
    could not be stored: what could be stays, and a resend completes it.
    """
    if not decoded.events:
        return Outcome(0, 0, decoded.rejected)
    batch, settled, proposed = _settle(scope, decoded, body, idempotency_key, now_ms=now_ms, deadline=deadline)
    try:
        return _store(scope, decoded, batch, settled or proposed, now_ms=now_ms, deadline=deadline)
    except Forwarded:
        # Now all of its timestamps are usable. When the batch came first, they were not.
        settled = _receipt(scope, decoded, batch, proposed, deadline=deadline)
        return _store(scope, decoded, batch, settled, now_ms=now_ms, deadline=deadline)


def _store(
    scope: Scope, decoded: Decoded, batch: BatchId, settled: Receipt, *, now_ms: int, deadline: float
) -> Outcome:
    dictionary = dictionaries.for_writing(scope, now_ms=now_ms, deadline=deadline)
    placed, rejected = _pack_all(scope, batch, _timed(decoded, settled), settled, dictionary)
    slots = {each.part.slot for each in placed}
    _each(slots, lambda slot: register.note(scope, slot, now_ms=now_ms, deadline=deadline))
    stored = _put_all(scope, batch, placed, now_ms=now_ms, deadline=deadline)
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
    large = len(body) > SURELY_FITS_BYTES or len(decoded.events) > ROWS_LIMIT
    proposed = Receipt(sha256(body).digest()[:16], now_ms, scope.horizon(now_ms), cuts=())
    if large:
        dictionary = dictionaries.for_writing(scope, now_ms=now_ms, deadline=deadline)
        proposed = msgspec.structs.replace(proposed, cuts=_cuts_that_fit(decoded, proposed, dictionary))
    timestamps = [event.timestamp for event in decoded.events]
    if idempotency_key is None and not _any_usable(timestamps, now_ms):
        return receipt.unrepeatable_batch_id(), None, proposed
    batch = receipt.batch_id(scope, body, idempotency_key)
    if large or idempotency_key is not None:
        return batch, _receipt(scope, decoded, batch, proposed, deadline=deadline), proposed
    if not _needs_clock(timestamps, proposed):
        return batch, None, proposed
    settled = _receipt(scope, decoded, batch, proposed, deadline=deadline)
    _forward(scope, batch, decoded, settled, deadline=deadline)
    return batch, settled, proposed


def _receipt(scope: Scope, decoded: Decoded, batch: BatchId, proposed: Receipt, *, deadline: float) -> Receipt:
    newest = max(event.timestamp for event in decoded.events)
    usable_until = proposed.received_at + scope.retention_ms + AHEAD_MS
    return receipt.settle(scope, batch, proposed, newest=min(newest, usable_until), deadline=deadline)


def _forward(scope: Scope, batch: BatchId, decoded: Decoded, settled: Receipt, *, deadline: float) -> None:
    """Where a batch has timestamps that are too far ahead now and will be usable later, leaves a note where a resend
    would then put its newest block, so that it finds the receipt."""
    timestamps = [event.timestamp for event in decoded.events]
    newest = max(timestamps)
    ahead = newest - settled.received_at
    if ahead <= AHEAD_MS or ahead > scope.retention_ms + AHEAD_MS or UNTIMED in timestamps:
        return  # no resend in the life of the data will do without the receipt
    last = split([Timed(at, event) for at, event in zip(decoded.indices, decoded.events, strict=True)])[-1]
    sort = keys.block_sort(newest, batch, last.number)
    put_if_absent(_partition(scope, batch, last.slot), sort, FORWARD, expires_at(newest, scope), deadline=deadline)


def _any_usable(timestamps: Sequence[int], now_ms: int) -> bool:
    return any(UNTIMED < timestamp <= now_ms + AHEAD_MS for timestamp in timestamps)


def _needs_clock(timestamps: Sequence[int], proposed: Receipt) -> bool:
    """Whether any event's place depends on when it came. The usual batch, of the last hours, does not."""
    ahead = max(timestamps) > proposed.received_at + AHEAD_MS - AHEAD_MARGIN_MS
    return ahead or min(timestamps) < proposed.edge + EDGE_MARGIN_MS


def _timed(decoded: Decoded, settled: Receipt) -> list[Timed]:
    events = zip(decoded.indices, decoded.events, strict=True)
    return [Timed(index, _at_final_time(event, settled)) for index, event in events]


def _at_final_time(event: Event, settled: Receipt) -> Event:
    if UNTIMED < event.timestamp <= settled.received_at + AHEAD_MS:
        return event
    metadata = event.metadata
    if event.timestamp != UNTIMED:
        metadata = with_sent(metadata, "timestamp", event.timestamp)
    return msgspec.structs.replace(event, timestamp=settled.received_at, metadata=metadata)


# --- packing ----------------------------------------------------------------------------------------------------------


def _cuts_that_fit(decoded: Decoded, proposed: Receipt, dictionary: Dictionary | None) -> tuple[int, ...]:
    """How many rows each part of a large batch gets so that it surely fits into items."""
    parts = split(_timed(decoded, proposed))
    return tuple(rows for part in parts for rows in _halved_to_fit(part.rows, proposed, dictionary))


def _halved_to_fit(rows: Sequence[Timed], proposed: Receipt, dictionary: Dictionary | None) -> list[int]:
    if len(rows) == 1 or _fit(rows, proposed, dictionary):
        return [len(rows)]
    middle = len(rows) // 2
    halves = (rows[:middle], rows[middle:])
    return [count for half in halves for count in _halved_to_fit(half, proposed, dictionary)]


def _fit(rows: Sequence[Timed], proposed: Receipt, dictionary: Dictionary | None) -> bool:
    """With room to spare: a resend may have to pack the same rows without a dictionary."""
    try:
        packed = pack([row.event for row in rows], received_at=proposed.received_at, dictionary=dictionary)
    except TooLarge:
        return False
    return max(len(packed.scan), len(packed.detail or b"")) <= SURELY_FITS_BYTES


def _pack_all(
    scope: Scope, batch: BatchId, timed: Sequence[Timed], settled: Receipt, dictionary: Dictionary | None
) -> tuple[list[Placed], list[Rejection]]:
    """The blocks, oldest first, and the events that get into none."""
    placed: list[Placed] = []
    rejected: list[Rejection] = []
    parts = split(timed, settled.cuts)
    for part in parts:
        kept = [row for row in part.rows if row.event.timestamp >= settled.edge]
        rejected += [_too_old(row, scope) for row in part.rows if row.event.timestamp < settled.edge]
        if not kept:
            continue
        if part.number < len(parts) - PARTS_LIMIT:
            rejected += map(_too_scattered, kept)
            continue
        try:
            packed = pack([row.event for row in kept], received_at=settled.received_at, dictionary=dictionary)
        except TooLarge:
            rejected += map(_too_large, kept)
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


def _too_scattered(row: Timed) -> Rejection:
    return Rejection(
        row.index,
        "too_scattered",
        f"the events lie in more than {PARTS_LIMIT} blocks of five minutes, and this one is not of the newest: "
        "send them in several batches, each of a shorter time",
    )


# --- putting ----------------------------------------------------------------------------------------------------------


def _put_all(scope: Scope, batch: BatchId, placed: Sequence[Placed], *, now_ms: int, deadline: float) -> list[bool]:
    """For each block whether it is new. The newest is put before all others: the note may stand in its place."""
    if not placed:
        return []
    *older, newest = placed
    try:
        first = _put(scope, batch, newest, deadline=deadline)
        return [*_each(older, lambda each: _put(scope, batch, each, deadline=deadline)), first]
    except StoreUnavailable as unavailable:
        if unavailable.throttled:
            register.note_throttled(scope, newest.part.slot, now_ms=now_ms, deadline=deadline)
        raise


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
    with Threads(min(PARALLEL_PUTS, len(listed))) as pool:
        return list(pool.map(act, listed))

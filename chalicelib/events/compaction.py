"""Merging: many small blocks of an hour become few large ones, while queries run.

Packing one event costs what packing ten does, and reading a thousand items costs more than reading one. Blocks of more
than 50 rows, or of many bytes, are left alone: merging them would cost more than it saves.

    run                                     store                        a query that began at any point
    ---                                     -----                        -------------------------------
    1 reads merged blocks, then blocks      b1 b2 b3
    2 puts the detail                       b1 b2 b3 d                   sees b1 b2 b3
    3 puts generation 1 IF absent: commit   b1 b2 b3 d m1(b1 b2 b3)      sees m1, and leaves b1 b2 b3 out; or began
      (of two runs one wins, the other                                   before the commit, and reads b1 b2 b3
      goes back to 1)
    4 waits for the grace: longer than      b1 b2 b3 d m1                every query that did not see m1 has ended
      any query runs
    5 deletes what m1 stands for            d m1                         sees m1
    6 a resend of b2 lands late             b2 d m1                      leaves b2 out: m1 names it, for ever
    7 the next run deletes it again         d m1

    m1 may itself be merged into m2, which then replaces generation 1 and names b1 b2 b3. Generations only grow, and a
    merged block that a higher one replaces is not read, nor what it says to replace:

    run A (stalls)                          run B, C                     store
    --------------                          --------                     -----
    reads m1 b4 b5, packs m2'(m1 b4 b5)                                  m1 b4 b5
                                            B puts m2(b4 b5)             m1 m2
                                            C puts m3(m2 b6): replaces 2 m1 m2 m3; later m2 is deleted: m1 m3
    puts m2' IF absent: it is                                            m1 m2' m3: m3 replaces 2, so m2' counts for
                                                                         nothing, and m1 is read

A reader loads merged blocks and blocks side by side (`store.read`): the grace makes either order safe.
"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from chalicelib.events.block import Dictionary, Packed, Part, TooLarge, pack_merged
from chalicelib.events.event import Event
from chalicelib.events.scope import Scope
from chalicelib.events.store import dictionaries
from chalicelib.events.store.put import expires_at, put_if_absent
from chalicelib.events.store.stored import Stored, all_merged_blocks, blocks_of, current_of, fetch_details, superseded
from chalicelib.ids import HOUR_MS, Slot
from chalicelib.storage.tables import keys
from chalicelib.storage.writes import delete_all

SETTLED_MS: Final = 15 * 60_000
"""Blocks rest for so long after they came: a resend is most likely then."""

GRACE_MS: Final = 30 * 60_000
"""How long the merged-away stay. A query runs for less than half a minute; but a merged block bears the time when its
run began, and a run may take a quarter of an hour."""

SMALL_ROWS: Final = 50
SMALL_BYTES: Final = 16 * 1024
"""So that any that are worth merging fit into one item."""
SMALL_MERGED_ROWS: Final = 1_000
ROWS_LIMIT: Final = 5_000
WORTH_IT_LATER: Final = 200
"""So many small blocks are merged while their hour still runs."""
WORTH_IT: Final = 8
"""So many, when it is over. Fewer save less reading than their deletion costs."""


class Compacted(msgspec.Struct):
    """What a run did to an hour."""

    merged: int = 0
    """Blocks that became part of a merged one."""
    deleted: int = 0
    """Items."""


def compact(scope: Scope, slot: Slot, *, now_ms: int, deadline: float) -> Compacted:
    """Merges the small blocks of an hour, and deletes those merged away long enough ago. Safe to run twice at once."""
    done = Compacted()
    for shard in range(scope.shard_count(slot)):
        partition = keys.slot_partition(scope.org, scope.project, slot, shard)
        while time.monotonic() < deadline:
            merged = _merge_some(scope, partition, slot, now_ms=now_ms, deadline=deadline)
            if merged == 0:
                break
            done.merged += max(merged, 0)
        done.deleted += _delete_superseded(scope, partition, now_ms=now_ms, deadline=deadline)
    return done


def finished(scope: Scope, slot: Slot, *, deadline: float) -> bool:
    """Whether nothing of the hour waits for merging or deletion any more."""
    for shard in range(scope.shard_count(slot)):
        partition = keys.slot_partition(scope.org, scope.project, slot, shard)
        everything = all_merged_blocks(scope, partition, deadline=deadline)
        current = current_of(everything)
        gone = superseded(current)
        waiting = 0
        for stored in blocks_of(scope, partition, deadline=deadline):
            waiting += WORTH_IT if stored.identity[1:] in gone else _is_small(stored)
            if waiting >= WORTH_IT:
                return False
        if len(everything) != len(current):
            return False
    return True


# --- merging ----------------------------------------------------------------------------------------------------------


def _merge_some(scope: Scope, partition: bytes, slot: Slot, *, now_ms: int, deadline: float) -> int:
    """Merges one block's worth. 0 where there is nothing worth it, -1 where another run was faster."""
    everything = all_merged_blocks(scope, partition, deadline=deadline)
    merged = current_of(everything)
    gone = superseded(merged)
    blocks = (each for each in blocks_of(scope, partition, deadline=deadline) if each.identity[1:] not in gone)
    small = list(islice(filter(partial(_rests, now_ms=now_ms), filter(_is_small, blocks)), ROWS_LIMIT))
    over = (slot + 1) * HOUR_MS <= now_ms - SETTLED_MS
    if len(small) < (WORTH_IT if over else WORTH_IT_LATER):
        return 0
    chosen = _chosen(small, [each for each in merged if over and each.block.header.count < SMALL_MERGED_ROWS])
    fetch_details(chosen, deadline=deadline)
    chosen = [each for each in chosen if not each.gone]
    dictionary = dictionaries.for_writing(scope, now_ms=now_ms, deadline=deadline)
    generation = max((stored.generation for stored in everything), default=0) + 1
    chosen, packed = _pack(chosen, now_ms, dictionary)
    if not packed or len(chosen) < 2:
        return 0
    won = _commit(scope, partition, generation, packed, deadline=deadline)
    return len(chosen) if won else -1


def _is_small(stored: Stored) -> bool:
    """A block with a detail of its own is not: an item more is nothing beside its bytes. (And an event that is looked
    up in its first block while that is deleted would be found without its detail.)"""
    header = stored.block.header
    return header.count <= SMALL_ROWS and stored.size <= SMALL_BYTES and not header.detail_hash


def _rests(stored: Stored, *, now_ms: int) -> bool:
    header = stored.block.header
    return max(header.received_at, header.last) <= now_ms - SETTLED_MS


def _chosen(small: Sequence[Stored], merged: Sequence[Stored]) -> list[Stored]:
    """Oldest first, as many as make one large block."""
    chosen: list[Stored] = []
    rows = 0
    for stored in sorted((*merged, *small), key=lambda each: each.block.header.first):
        rows += stored.block.header.count
        if rows > ROWS_LIMIT:
            break
        chosen.append(stored)
    return chosen


def _pack(chosen: list[Stored], now_ms: int, dictionary: Dictionary | None) -> tuple[list[Stored], Packed | None]:
    """The merged block, of as many of the chosen as fit into one."""
    while len(chosen) > 1:
        try:
            return chosen, _packed(chosen, now_ms, dictionary)
        except TooLarge:
            chosen = chosen[: len(chosen) // 2]
    return chosen, None


def _packed(chosen: Sequence[Stored], now_ms: int, dictionary: Dictionary | None) -> Packed:
    # Parts in the order of batch and part: rows at one timestamp then stand as cursors order them (`Place.tie`).
    parts: list[tuple[Part, list[Event]]] = []
    for stored in chosen:
        parts += _parts_of(stored)
    parts.sort(key=lambda each: (each[0].batch, each[0].part))
    return pack_merged(
        [(number, event) for number, (_, events) in enumerate(parts) for event in events],
        parts=[part for part, _ in parts],
        replaces=sorted(_replaced(chosen)),
        received_at=now_ms,
        dictionary=dictionary,
    )


def _parts_of(stored: Stored) -> list[tuple[Part, list[Event]]]:
    block = stored.block
    events = block.events(range(block.header.count))
    if not stored.merged:
        last, batch, part = stored.identity
        return [(Part(last, batch, part, block.header.received_at, block.header.count), events)]
    rows: list[list[Event]] = [[] for _ in block.parts]
    for row, event in enumerate(events):
        rows[block.origin(row)[0]].append(event)
    return list(zip(block.parts, rows, strict=True))


def _replaced(chosen: Sequence[Stored]) -> set[int]:
    """The generations that the new block stands for, and all that those stood for."""
    replaced: set[int] = set()
    for stored in chosen:
        if stored.merged:
            replaced |= {stored.generation, *stored.block.header.replaces}
    return replaced


def _commit(scope: Scope, partition: bytes, generation: int, packed: Packed, *, deadline: float) -> bool:
    expires = expires_at(packed.last, scope)
    if packed.detail is not None:
        sort = keys.merged_detail_sort(generation, packed.detail_hash)
        put_if_absent(partition, sort, packed.detail, expires, deadline=deadline)
    return put_if_absent(partition, keys.merged_sort(generation), packed.scan, expires, deadline=deadline)


# --- deleting ---------------------------------------------------------------------------------------------------------


def _delete_superseded(scope: Scope, partition: bytes, *, now_ms: int, deadline: float) -> int:
    """Deletes what merged blocks stand for, once their grace is over. What they stand for is read from them anew."""
    everything = all_merged_blocks(scope, partition, deadline=deadline)
    current = current_of(everything)
    ripe = [stored for stored in current if stored.block.header.received_at <= now_ms - GRACE_MS]
    gone = superseded(ripe)
    replaced = {generation for stored in ripe for generation in stored.block.header.replaces}
    leftovers = [stored for stored in everything if stored.generation in replaced]
    if gone:
        blocks = blocks_of(scope, partition, deadline=deadline)
        leftovers += [stored for stored in blocks if stored.identity[1:] in gone]
    return delete_all(keys.EVENTS, _items_of(leftovers), deadline=deadline)


def _items_of(leftovers: Sequence[Stored]) -> Iterator[tuple[bytes, bytes]]:
    """Details first: where that is interrupted, the block still tells the next run which detail was its own."""
    for stored in leftovers:
        if stored.block.header.detail_hash:
            yield stored.partition, stored.detail_sort
        yield stored.partition, stored.sort

"""Blocks are merged and deleted while others write, read and merge: no event is missed, doubled or renamed (I13)."""

from collections.abc import Callable, Iterable
from random import Random

import pytest

from chalicelib.events import compaction
from chalicelib.events.block import Part, pack_merged
from chalicelib.events.compaction import GRACE_MS, SETTLED_MS, compact, finished
from chalicelib.events.event import Event
from chalicelib.events.indexing import count_hour
from chalicelib.events.query import lookup
from chalicelib.events.query.answers import Record
from chalicelib.events.scope import Scope
from chalicelib.events.store.put import put_if_absent
from chalicelib.events.store.stored import Stored, all_merged_blocks, blocks_of, current_of
from chalicelib.ids import slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from tests import faults
from tests.conftest import NOW_MS, new_scope
from tests.faults import Crash, each_step, injected, meanwhile
from tests.store.driver import HOUR, event, everything, page, send, soon, totals

HOUR_START = slot_of(NOW_MS - 5 * HOUR) * HOUR
SLOT = slot_of(HOUR_START)
WITHIN = {"start": HOUR_START, "end": HOUR_START + HOUR}
AFTER_GRACE = NOW_MS + GRACE_MS
SENT_MS = NOW_MS - HOUR
SMALL = 10


@pytest.fixture(autouse=True)
def _tables(tables):
    """All of these run on the shared tables."""


def _batch(number: int) -> list[Event]:
    """Two events; batches overlap in time, and two at a time share a moment."""
    at = HOUR_START + number // 2 * 60_000
    return [
        event(f"{number}a", at, user_id="ann", metadata={"number": number}),
        event(f"{number}b", at + 90_000, level="error"),
    ]


def _send(scope: Scope, numbers: Iterable[int]) -> None:
    for number in numbers:
        send(scope, _batch(number), now_ms=SENT_MS)


def _written(batches: int = SMALL, shards: int = 1) -> Scope:
    scope = new_scope(shards=((SLOT, shards),))
    _send(scope, range(batches))
    return scope


def _merge(scope: Scope, now_ms: int = NOW_MS) -> None:
    compact(scope, SLOT, now_ms=now_ms, deadline=soon())


def _ids(scope: Scope) -> dict[str, str]:
    rows = everything(scope, **WITHIN)
    found = {row.id: row.message for row in rows}
    assert len(found) == len(rows)
    return found


def _check(scope: Scope, ids: dict[str, str]) -> None:
    """The same events under the same ids, by every way of reading."""
    assert _ids(scope) == ids
    assert totals(scope, **WITHIN) == {len(ids)}
    for event_id, message in ids.items():
        assert _get(scope, event_id).message == message


def _get(scope: Scope, event_id: str) -> Record:
    found = lookup.get(scope, event_id, now_ms=NOW_MS, deadline=soon())
    assert found is not None
    return found


def _partition(scope: Scope, shard: int = 0) -> bytes:
    return keys.slot_partition(scope.org, scope.project, SLOT, shard)


def _sorts(scope: Scope) -> list[bytes]:
    """The first byte of every item's sort key."""
    request = {
        "TableName": dynamodb.table(keys.EVENTS),
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"B": _partition(scope)}},
    }
    return [entry["s"].binary for entry in dynamodb.query_all(request, deadline=soon())]


def _merged(scope: Scope) -> list[Stored]:
    return all_merged_blocks(scope, _partition(scope), deadline=soon())


def _bulky(scope: Scope) -> None:
    """Small blocks that merged have a detail item."""
    chance = Random(7)
    for number in range(SMALL):
        at = HOUR_START + number * 60_000
        rows = [event(f"{number}-{row}", at, metadata={"key": chance.randbytes(100).hex()}) for row in range(5)]
        send(scope, rows, now_ms=SENT_MS)


# --- what merging does ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("shards", [1, 3])
def test_small_blocks_become_one_and_are_deleted_after_the_grace(monkeypatch, shards):
    monkeypatch.setattr(compaction, "WORTH_IT", 2)
    scope = _written(40, shards=shards)
    ids = _ids(scope)
    compact(scope, SLOT, now_ms=NOW_MS, deadline=soon())
    _check(scope, ids)
    assert not finished(scope, SLOT, deadline=soon())
    deleted = compact(scope, SLOT, now_ms=AFTER_GRACE, deadline=soon()).deleted
    assert deleted == 40
    assert finished(scope, SLOT, deadline=soon())
    _check(scope, ids)
    for shard in range(shards):
        assert list(blocks_of(scope, _partition(scope, shard), deadline=soon())) == []


@pytest.mark.requirement("I13")
def test_nothing_is_deleted_while_a_query_may_still_read_it():
    scope = _written()
    _merge(scope)
    assert compact(scope, SLOT, now_ms=AFTER_GRACE - 1, deadline=soon()).deleted == 0


def test_fewer_than_are_worth_it_are_left_alone():
    scope = _written(7)
    assert compact(scope, SLOT, now_ms=NOW_MS, deadline=soon()).merged == 0
    assert finished(scope, SLOT, deadline=soon())


def test_blocks_rest_for_a_while_before_they_are_merged():
    scope = _written()
    ripe = SENT_MS + SETTLED_MS
    assert compact(scope, SLOT, now_ms=ripe - 1, deadline=soon()).merged == 0
    assert compact(scope, SLOT, now_ms=ripe, deadline=soon()).merged == SMALL


def test_large_blocks_are_left_alone_and_nothing_waits_for_them():
    scope = new_scope()
    for number in range(SMALL):
        text = Random(number).randbytes(20_000).hex()
        send(scope, [event(text, HOUR_START + number)], now_ms=SENT_MS)
    assert compact(scope, SLOT, now_ms=NOW_MS, deadline=soon()).merged == 0
    assert finished(scope, SLOT, deadline=soon())


@pytest.mark.requirement("I13")
def test_a_merged_block_is_merged_again_into_a_higher_generation():
    scope = _written()
    _merge(scope)
    _send(scope, range(SMALL, 2 * SMALL))
    ids = _ids(scope)
    _merge(scope, NOW_MS + HOUR)
    _check(scope, ids)
    assert [(stored.generation, stored.block.header.replaces) for stored in _merged(scope)] == [(1, ()), (2, (1,))]
    _merge(scope, NOW_MS + HOUR + GRACE_MS)
    _check(scope, ids)
    assert [stored.generation for stored in _merged(scope)] == [2]
    assert {sort[:1] for sort in _sorts(scope)} == {keys.MERGED}


@pytest.mark.requirement("I13")
def test_a_generation_stands_for_all_that_those_before_it_stood_for():
    scope = new_scope()
    for generation in range(4):
        _send(scope, range(generation * SMALL, (generation + 1) * SMALL))
        ids = _ids(scope)
        _merge(scope, NOW_MS + generation)
        _check(scope, ids)
    assert [stored.generation for stored in _merged(scope)] == [1, 2, 3, 4]
    _delete(scope)
    _check(scope, ids)
    assert [sort[:1] for sort in _sorts(scope)] == [keys.MERGED]


@pytest.mark.requirement("I13")
def test_the_detail_of_a_generation_goes_with_it():
    scope = _bulky_merged()
    _send(scope, range(SMALL))
    ids = _ids(scope)
    _merge(scope, NOW_MS + HOUR)
    _delete(scope)
    assert [sort[:1] for sort in _sorts(scope)] == [keys.DETAIL, keys.MERGED]
    _check(scope, ids)


@pytest.mark.requirement("I13")
def test_receipt_times_outlive_merging():
    scope = new_scope()
    for number in range(SMALL):
        send(scope, _batch(number), now_ms=SENT_MS + number)
    before = {row.id: row.received_at for row in everything(scope, **WITHIN)}
    _merge(scope)
    assert {row.id: row.received_at for row in everything(scope, **WITHIN)} == before
    assert len(set(before.values())) == SMALL


# --- others at the same time ------------------------------------------------------------------------------------------


def _again(scope: Scope) -> None:
    _merge(scope, NOW_MS + HOUR)


def _resend(scope: Scope) -> None:
    _send(scope, range(SMALL))


def _write_more_and_merge_all(scope: Scope) -> None:
    """A run that overtakes: merges twice, into generations 1 and 2 or above, and deletes what these stand for."""
    _merge(scope)
    _send(scope, range(SMALL, 2 * SMALL))
    _merge(scope, NOW_MS + HOUR)
    _merge(scope, NOW_MS + 2 * HOUR)


OTHERS: list[Callable[[Scope], None]] = [_merge, _resend, _write_more_and_merge_all]


@pytest.mark.requirement("I2", "I13")
@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("bulky", [False, True])
def test_at_any_step_of_a_merge_others_may_write_and_merge(others, bulky):
    def attempt(step: int) -> faults.Injected:
        scope = _written()
        if bulky:
            _bulky(scope)
        with meanwhile(lambda: others(scope), at=step) as transport:
            _merge(scope)
        found = sorted(message for message in _ids(scope).values() if "-" not in message)
        more = others is _write_more_and_merge_all and transport.met
        batches = range(2 * SMALL if more else SMALL)
        assert found == sorted(each.message for number in batches for each in _batch(number))
        ids = _ids(scope)
        for hours in (1, 2, 3):
            _merge(scope, NOW_MS + hours * HOUR)
        _check(scope, ids)
        assert {sort[:1] for sort in _sorts(scope)} <= {keys.MERGED, keys.DETAIL}
        assert finished(scope, SLOT, deadline=soon())
        return transport

    assert each_step(attempt) >= 6


@pytest.mark.requirement("I13")
def test_a_block_that_is_replaced_replaces_nothing():
    """The timeline of `compaction`: run A's m2' takes the number of m2, which m3 replaces, and says to replace m1."""
    scope = _written(6)
    blocks = list(blocks_of(scope, _partition(scope), deadline=soon()))
    _put_merged(scope, 1, blocks[:2])
    _put_merged(scope, 3, blocks[2:], replaces=(2,))
    ids = _ids(scope)
    _put_merged(scope, 2, blocks[:4], replaces=(1,))
    _check(scope, ids)
    assert [stored.generation for stored in current_of(_merged(scope))] == [1, 3]


def _put_merged(scope: Scope, generation: int, blocks: list[Stored], *, replaces: tuple[int, ...] = ()) -> None:
    parts = [Part(*stored.identity, stored.block.header.received_at, stored.block.header.count) for stored in blocks]
    rows = [(at, row) for at, stored in enumerate(blocks) for row in stored.block.events(range(parts[at].count))]
    packed = pack_merged(rows, parts=parts, replaces=replaces, received_at=NOW_MS, dictionary=None)
    put_if_absent(_partition(scope), keys.merged_sort(generation), packed.scan, 9_999_999_999, deadline=soon())


# --- readers at the same time -----------------------------------------------------------------------------------------


def _merged_once() -> Scope:
    scope = _written()
    _merge(scope)
    return scope


def _merged_twice() -> Scope:
    scope = _merged_once()
    _send(scope, range(SMALL, 2 * SMALL))
    _merge(scope, NOW_MS + HOUR)
    return scope


def _merged_and_added_to() -> Scope:
    scope = _merged_once()
    _send(scope, range(SMALL, 2 * SMALL))
    return scope


def _delete(scope: Scope) -> None:
    _merge(scope, NOW_MS + 2 * HOUR)


def _bulky_merged() -> Scope:
    scope = new_scope()
    _bulky(scope)
    _merge(scope)
    return scope


CHANGES: dict[str, tuple[Callable[[], Scope], Callable[[Scope], None]]] = {
    "merge": (_written, _merge),
    "delete": (_merged_once, _delete),
    "merge again": (_merged_and_added_to, _again),
    "delete a generation": (_merged_twice, _delete),
    "delete what has details": (_bulky_merged, _delete),
    "a resend of what is merged": (_merged_once, _resend),
}


def _search(scope: Scope, order: str) -> int:
    ids = [row.id for row in everything(scope, order=order, **WITHIN)]
    assert len(set(ids)) == len(ids)
    return len(ids)


READERS: dict[str, Callable[[Scope], set[int]]] = {
    "search": lambda scope: {_search(scope, "desc")},
    "search, oldest first": lambda scope: {_search(scope, "asc")},
    "pages": lambda scope: {len({row.id for row in everything(scope, limit=13, **WITHIN)})},
    "counts": lambda scope: totals(scope, **WITHIN),
}


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_query_sees_every_event_once_at_whatever_step_blocks_move(change, reader):
    prepare, act = CHANGES[change]

    def attempt(step: int) -> faults.Injected:
        scope = prepare()
        expected = {_search(scope, "desc")}
        with meanwhile(lambda: act(scope), at=step) as transport:
            seen = READERS[reader](scope)
        assert seen == expected
        return transport

    assert each_step(attempt) >= 2


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("change", CHANGES)
def test_an_id_is_found_at_whatever_step_blocks_move(change):
    prepare, act = CHANGES[change]

    def attempt(step: int) -> faults.Injected:
        scope = prepare()
        [first, *_, last] = everything(scope, **WITHIN)
        with meanwhile(lambda: act(scope), at=step) as transport:
            found = [_get(scope, row.id).message for row in (first, last)]
        assert found == [first.message, last.message]
        return transport

    assert each_step(attempt) >= 2


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_go_on_where_they_were_across_merges_and_deletions(order, limit):
    scope = _written()
    ids = [row.id for row in everything(scope, order=order, **WITHIN)]
    moves = iter([_merge, _delete, lambda scope: _send(scope, range(SMALL)), _delete])
    seen: list[str] = []
    cursor = None
    while True:
        found = page(scope, limit=limit, order=order, cursor=cursor, **WITHIN)
        seen += [row.id for row in found.data]
        cursor = found.next_cursor
        if cursor is None:
            break
        next(moves, lambda scope: None)(scope)
    assert seen == ids


# --- failing ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("I12", "I13")
@pytest.mark.parametrize("fault", [faults.CRASH_AFTER, faults.LOST_ANSWER, faults.UNPROCESSED])
@pytest.mark.parametrize("change", ["merge", "delete", "merge again", "delete a generation", "delete what has details"])
def test_where_a_run_ends_too_soon_the_next_one_finishes(change, fault):
    prepare, act = CHANGES[change]

    def attempt(step: int) -> faults.Injected:
        scope = prepare()
        ids = _ids(scope)
        try:
            with injected(fault, at=step) as transport:
                act(scope)
        except Crash:
            faults.new_process()
        assert _ids(scope) == ids
        for hours in (3, 4, 5):
            _merge(scope, NOW_MS + hours * HOUR)
        _check(scope, ids)
        assert finished(scope, SLOT, deadline=soon())
        left = {sort[:1] for sort in _sorts(scope)}
        assert left <= {keys.MERGED, keys.DETAIL}
        return transport

    assert each_step(attempt) >= 3


@pytest.mark.requirement("I2", "W4")
def test_a_resend_after_merge_and_deletion_is_neither_read_nor_kept():
    scope = _merged_once()
    _delete(scope)
    ids = _ids(scope)
    _resend(scope)
    _check(scope, ids)
    assert not finished(scope, SLOT, deadline=soon())
    _merge(scope, NOW_MS + 3 * HOUR)
    assert {sort[:1] for sort in _sorts(scope)} == {keys.MERGED}
    _check(scope, ids)


@pytest.mark.requirement("I13")
def test_counting_an_hour_leaves_out_what_is_merged_away():
    scope = _merged_once()
    assert count_hour(scope, SLOT, deadline=soon()).levels == {"info": SMALL, "error": SMALL}

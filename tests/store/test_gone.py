"""A block whose detail was deleted before it (TTL takes items in any order, a purge comes between) counts as gone."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.events import training
from chalicelib.events.compaction import GRACE_MS, compact
from chalicelib.events.event import Event
from chalicelib.events.query import counts, lookup
from chalicelib.events.query.aggregate import COUNT
from chalicelib.events.query.export import export
from chalicelib.events.query.language import parse
from chalicelib.events.query.tail import tail
from chalicelib.events.query.times import TimeRange
from chalicelib.events.scope import Scope
from chalicelib.events.store.stored import Stored, all_merged_blocks, blocks_of
from chalicelib.ids import HOUR_MS, slot_of
from chalicelib.storage import dynamodb
from chalicelib.storage.tables import keys
from tests.conftest import NOW_MS
from tests.faults import operation
from tests.store.driver import everything, page, send, soon

AT = NOW_MS - 60_000
EACH = 150
"""Events of a batch: enough for a detail of its own."""


@pytest.fixture(autouse=True)
def _tables(tables):
    """All of these run on the shared tables."""


def batch(name: str, *, first: int) -> list[Event]:
    """Every other millisecond, so that two batches lie between each other."""
    return [
        Event(
            timestamp=AT + first + 2 * number,
            message=f"{name} {number}",
            user_id=name,
            metadata={"number": number, "digest": sha256(f"{name} {number}".encode()).hexdigest()},
        )
        for number in range(EACH)
    ]


def blocks(scope: Scope) -> list[Stored]:
    partition = keys.slot_partition(scope.org, scope.project, slot_of(AT), 0)
    return [*all_merged_blocks(scope, partition, deadline=soon()), *blocks_of(scope, partition, deadline=soon())]


def lose_detail(stored: Stored) -> None:
    assert stored.block.header.detail_hash
    key = {"p": {"B": stored.partition}, "s": {"B": stored.detail_sort}}
    dynamodb.call("DeleteItem", {"TableName": dynamodb.table(keys.EVENTS), "Key": key}, deadline=soon())


@pytest.fixture
def scope(scope: Scope) -> Scope:
    """Two batches that lie between each other, of which one has lost its detail."""
    send(scope, batch("kept", first=0))
    send(scope, batch("gone", first=1))
    [lost] = [each for each in blocks(scope) if each.block.messages.startswith(b"gone")]
    lose_detail(lost)
    return scope


@pytest.mark.requirement("S37", "I12")
@pytest.mark.parametrize("q", ["", "kept OR gone", "metadata.number>=0"])
@pytest.mark.parametrize("order", ["desc", "asc"])
@pytest.mark.parametrize("limit", [1000, 41])
def test_pages_go_on_past_what_is_gone_and_give_all_that_is_there_once(scope, q, order, limit):
    found = [row.message for row in everything(scope, q, order=order, limit=limit)]
    wanted = [f"kept {number}" for number in range(EACH)]
    assert found == (wanted if order == "asc" else wanted[::-1])


def _exported(scope: Scope) -> int:
    within = TimeRange(AT - HOUR_MS, NOW_MS)
    piece = export(scope, parse(""), within, format="ndjson", cursor=None, now_ms=NOW_MS, deadline=soon())
    return len(piece.body.splitlines())


def _by_user(scope: Scope) -> int:
    options: dict[str, Any] = {"by": ("user_id",), "metric": COUNT, "now_ms": NOW_MS, "deadline": soon()}
    answer = counts.aggregate(scope, parse(""), TimeRange(AT - HOUR_MS, NOW_MS), **options)
    return sum(int(each.value or 0) for each in answer.groups)


@pytest.mark.requirement("S37", "I12")
@pytest.mark.parametrize("count", [_exported, _by_user])
def test_every_way_of_reading_leaves_it_out(scope: Scope, count: Callable[[Scope], int]) -> None:
    assert count(scope) == EACH


@pytest.mark.requirement("S37", "I12")
@pytest.mark.parametrize("q", ["", "metadata.number>=0"])
def test_a_follower_is_not_told_of_it(scope: Scope, q: str) -> None:
    begun = tail(scope, parse(q), cursor=None, limit=10, now_ms=AT - 700_000, deadline=soon())
    told = tail(scope, parse(q), cursor=begun.cursor, limit=1000, now_ms=AT + 1_000, deadline=soon())
    assert {each.message.split()[0] for each in told.data} == {"kept"}
    assert len(told.data) == EACH


@pytest.mark.requirement("S37", "I12")
def test_an_event_of_it_is_not_found_and_has_no_neighbours_there(scope: Scope) -> None:
    [first, *_] = page(scope, limit=1, order="asc").data
    around = lookup.context(scope, first.id, before=5, after=5, same="all", now_ms=NOW_MS, deadline=soon())
    assert around is not None
    assert [each.message for each in around.after] == ["kept 2", "kept 1"]
    [kept] = [each for each in blocks(scope) if each.block.messages.startswith(b"kept")]
    lose_detail(kept)
    assert lookup.get(scope, first.id, now_ms=NOW_MS, deadline=soon()) is None


@pytest.mark.requirement("I12")
def test_a_detail_that_goes_while_a_query_runs_takes_its_rows_along(scope: Scope, monkeypatch) -> None:
    """The rows were found, and then the purge came."""
    [kept] = [each for each in blocks(scope) if each.block.messages.startswith(b"kept")]
    carried, waiting = dynamodb.transport, [kept]

    def carry(endpoint: str, headers: dict[str, str], body: bytes) -> Any:
        if operation(headers) == "GetItem" and waiting:
            lose_detail(waiting.pop())
        return carried(endpoint, headers, body)

    monkeypatch.setattr(dynamodb, "transport", carry)
    assert everything(scope) == []
    assert not waiting


@pytest.mark.requirement("I12")
def test_jobs_pass_over_it(scope: Scope) -> None:
    compact(scope, slot_of(AT), now_ms=NOW_MS + GRACE_MS, deadline=soon())
    for number in range(10):
        send(scope, [Event(timestamp=AT + number, message=f"small {number}")], body=str(number).encode())
    later = (slot_of(AT) + 2) * HOUR_MS
    assert compact(scope, slot_of(AT), now_ms=later, deadline=soon()).merged == 10
    assert training.renew_dictionary(scope, now_ms=NOW_MS, deadline=soon()) is False

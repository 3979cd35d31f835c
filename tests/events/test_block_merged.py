"""A merged block remembers what it was made of: whose row each row is, and when it was received."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.block import Part, open_block, pack, pack_merged
from chalicelib.events.event import Event
from tests.events.test_block import RECEIVED_AT, from_corpus, opened


@st.composite
def merges(draw: st.DrawFn) -> list[list[Event]]:
    """Rows of several blocks, each ascending by time, with many equal times."""
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    chance = draw(st.randoms(use_true_random=False))
    return [
        [
            Event(timestamp=RECEIVED_AT + at, message=f"{index}:{row}")
            for row, at in enumerate(sorted(chance.randrange(40) for _ in range(size)))
        ]
        for index, size in enumerate(sizes)
    ]


def parts_of(blocks: list[list[Event]]) -> list[Part]:
    return [
        Part(
            last=rows[-1].timestamp,
            batch=index.to_bytes(10, "big"),
            part=index % 3,
            received_at=RECEIVED_AT - 1000 + index * 37,
            count=len(rows),
        )
        for index, rows in enumerate(blocks)
    ]


@given(merges())
def test_every_row_knows_its_part_and_its_row_there(blocks: list[list[Event]]) -> None:
    parts = parts_of(blocks)
    rows = [(index, event) for index, block in enumerate(blocks) for event in block]
    block = opened(pack_merged(rows, parts=parts, replaces=(3, 9), dictionary=None))
    assert block.header.merged
    assert block.header.replaces == (3, 9)
    assert list(block.parts) == parts
    seen = set()
    for row, event in enumerate(block.events(range(len(rows)))):
        index, within = block.origin(row)
        assert blocks[index][within] == event
        seen.add((index, within))
    assert len(seen) == len(rows)


@given(merges())
def test_rows_of_one_time_stand_in_the_order_of_parts(blocks: list[list[Event]]) -> None:
    rows = [(index, event) for index, block in enumerate(blocks) for event in block]
    block = opened(pack_merged(rows, parts=parts_of(blocks), replaces=(), dictionary=None))
    order = [(block.times[row], *block.origin(row)) for row in range(len(rows))]
    assert order == sorted(order)


def test_a_merge_is_received_when_its_last_part_was() -> None:
    blocks = [from_corpus(5, seed=seed) for seed in range(300)]
    rows = [(index, event) for index, block in enumerate(blocks) for event in block]
    packed = pack_merged(rows, parts=parts_of(blocks), replaces=(), dictionary=None)
    block = opened(packed)
    assert block.header.received_at == max(part.received_at for part in block.parts)
    assert len(block.parts) == 300
    assert [block.event(row) for row in range(0, 1500, 100)] == block.events(range(0, 1500, 100))


def test_a_block_that_was_not_merged_has_no_parts_and_its_own_rows() -> None:
    block = open_block(pack(from_corpus(3), received_at=RECEIVED_AT, dictionary=None).scan, {}.__getitem__)
    assert list(block.parts) == []
    assert [block.origin(row) for row in range(3)] == [(0, 0), (0, 1), (0, 2)]

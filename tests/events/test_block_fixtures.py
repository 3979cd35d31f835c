"""Blocks that were written once stay readable for ever.

Each version of the layout has a folder of blocks and the events that they hold. The folder of the present version was
written by `python -m tests.events.test_block_fixtures`, which refuses to touch one that is there, because what it holds
is what was stored.
"""

import random
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.corpus import events as corpus
from chalicelib.events.block import VERSION, Dictionary, Packed, Part, open_block, pack, pack_merged
from chalicelib.events.block.training import train
from chalicelib.events.event import Event

FIXTURES = Path(__file__).parents[1] / "fixtures" / "blocks"
RECEIVED_AT = 1_767_225_700_000


class Fixture(msgspec.Struct, frozen=True):
    """What a stored block must give back."""

    dictionary: int
    received_at: int
    replaces: tuple[int, ...]
    parts: tuple[Part, ...]
    origins: list[tuple[int, int]]
    events: list[Event]


def fixtures() -> list[Path]:
    return sorted(FIXTURES.glob("v*/*.json"))


def dictionary_of(folder: Path) -> Dictionary:
    return Dictionary(version=7, data=(folder / "dictionary").read_bytes())


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_stored_block_gives_back_its_events(path: Path) -> None:
    expected = msgspec.json.decode(path.read_bytes(), type=Fixture)
    block = open_block(path.with_suffix(".scan").read_bytes(), {7: dictionary_of(path.parent)}.__getitem__)
    if block.needs_detail:
        block.attach(path.with_suffix(".detail").read_bytes())
    rows = range(block.header.count)
    assert block.events(rows) == expected.events
    assert [block.origin(row) for row in rows] == expected.origins
    assert tuple(block.parts) == expected.parts
    assert block.header.dictionary == expected.dictionary
    assert block.header.received_at == expected.received_at
    assert block.header.replaces == expected.replaces


def test_the_present_version_has_fixtures_of_every_kind() -> None:
    present = {path.stem for path in fixtures() if path.parent.name == f"v{VERSION}"}
    assert present == set(_blocks(_samples(10), dictionary=None))


def _samples(count: int) -> list[Event]:
    found = [msgspec.convert(event, Event) for event in corpus(count, seed=11, per_second=3.0)]
    odd = {"": {}, "a.b": [1, 1.0, None, {"c": True}], "n": -(2**70), "ü\0": "\u202eنص", "f": [1e308, -0.0]}
    found[3] = msgspec.structs.replace(found[3], metadata=odd, message="\0 💥", trace_id="no hex", user_id="")
    return found


def _blocks(events: list[Event], dictionary: Dictionary | None) -> dict[str, Packed]:
    parts = [
        Part(last=events[-1].timestamp, batch=bytes(range(at, at + 10)), part=at, received_at=RECEIVED_AT + at, count=1)
        for at in range(2)
    ]
    merged = [(at % 2, event) for at, event in enumerate(events)]
    return {
        "rows": pack(events[:10], received_at=RECEIVED_AT, dictionary=dictionary),
        "rows-plain": pack(events[:10], received_at=RECEIVED_AT, dictionary=None),
        "columns": pack(events[:60], received_at=RECEIVED_AT, dictionary=dictionary),
        "detached": pack(events[:150], received_at=RECEIVED_AT, dictionary=dictionary),
        "detached-plain": pack(events[:150], received_at=RECEIVED_AT, dictionary=None),
        "merged": pack_merged(merged, parts=parts, replaces=(2, 5), dictionary=dictionary),
        "merged-rows": pack_merged(merged[:9], parts=parts, replaces=(), dictionary=dictionary),
    }


def _write(folder: Path) -> None:
    folder.mkdir(parents=True)
    learnt = [msgspec.convert(event, Event) for event in corpus(1000, seed=12)]
    dictionary = train(learnt, 7, chance=random.Random(1))
    (folder / "dictionary").write_bytes(dictionary.data)
    for name, packed in _blocks(_samples(150), dictionary).items():
        (folder / f"{name}.scan").write_bytes(packed.scan)
        if packed.detail is not None:
            (folder / f"{name}.detail").write_bytes(packed.detail)
        block = open_block(packed.scan, {7: dictionary}.__getitem__)
        if packed.detail is not None:
            block.attach(packed.detail)
        rows = range(packed.count)
        fixture = Fixture(
            dictionary=block.header.dictionary,
            received_at=block.header.received_at,
            replaces=block.header.replaces,
            parts=tuple(block.parts),
            origins=[block.origin(row) for row in rows],
            events=block.events(rows),
        )
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(fixture))


if __name__ == "__main__":
    target = FIXTURES / f"v{VERSION}"
    if target.exists():
        sys.exit(f"{target} is there; stored blocks are not rewritten. Raise VERSION for a new layout.")
    _write(target)

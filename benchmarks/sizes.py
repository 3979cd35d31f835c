"""Stored bytes per event, as DynamoDB counts the items, beside what general compression of NDJSON would take."""

import gzip
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from benchmarks.corpus import events, ndjson
from chalicelib.events.block import Dictionary, Packed, pack
from chalicelib.events.block.training import train
from chalicelib.events.event import Event

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZES: Final = (1, 10, 20, 50, 100, 500, 1000, 5000)
"""Events a block."""

TARGETS: Final = {10: 112, 100: 63, 500: 48, 5000: 41}
"""Bytes an event, with the masked dictionary."""

ITEM_OVERHEAD: Final = 100
WRITE_UNIT: Final = 1024


class Row(msgspec.Struct, frozen=True):
    """Bytes an event for blocks of `count`, and write units a block."""

    count: int
    json: float
    gzip: float
    zstd: float
    plain: float
    trained: float
    target: float | None
    units: float


def item_bytes(packed: Packed) -> int:
    """What the block's item or items count as: names, keys and the flat 100 B an item included."""
    scan = _KEYS + _SORT_KEY + len(packed.scan) + ITEM_OVERHEAD
    return scan if packed.detail is None else scan + _KEYS + _SORT_KEY + 8 + len(packed.detail) + ITEM_OVERHEAD


def write_units(packed: Packed) -> int:
    """Units that putting the block takes: each item's bytes, without the flat 100, in whole kilobytes."""
    units = -(-(_KEYS + _SORT_KEY + len(packed.scan)) // WRITE_UNIT)
    return units if packed.detail is None else units - (-(_KEYS + _SORT_KEY + 8 + len(packed.detail)) // WRITE_UNIT)


def measure(sizes: Sequence[int] = SIZES, *, total: int = 20_000) -> list[Row]:
    """A row for each block size. The dictionary learns from other events of the same services."""
    dictionary = masked_dictionary()
    raw = list(events(total, seed=1))
    return [_row(raw, count, dictionary) for count in sizes]


def masked_dictionary() -> Dictionary:
    """Trained as the job does, on 2,000 events that are not among those measured."""
    samples = [msgspec.convert(event, Event) for event in events(2000, seed=99)]
    return train(samples, 1, chance=random.Random(5))


def main() -> None:
    print("bytes an event  |        NDJSON         |         block")
    print("     N          |  JSON  gzip-6  zstd-9 |  plain  dictionary  target  write units a block")
    for row in measure():
        target = f"{row.target:6.0f}" if row.target else "     -"
        print(
            f"{row.count:6d}          | {row.json:5.0f} {row.gzip:7.1f} {row.zstd:7.1f} |"
            f" {row.plain:6.1f} {row.trained:11.1f} {target} {row.units:12.1f}"
        )


_KEYS: Final = 4 + 22 + 6
"""Four attribute names of one letter, the partition key at its longest, the expiry."""
_SORT_KEY: Final = 19
_MOST_BLOCKS: Final = 100


def _row(raw: list[dict[str, Any]], count: int, dictionary: Dictionary) -> Row:
    blocks = list(islice(_blocks(raw, count), _MOST_BLOCKS))
    lines = [ndjson(block) for block in blocks]
    typed = [msgspec.convert(block, list[Event]) for block in blocks]
    plain = [pack(block, received_at=block[-1].timestamp, dictionary=None) for block in typed]
    trained = [pack(block, received_at=block[-1].timestamp, dictionary=dictionary) for block in typed]

    def each(items: list[Any], size: Callable[[Any], int]) -> float:
        return sum(map(size, items)) / count / len(items)

    return Row(
        count=count,
        json=each(lines, len),
        gzip=each(lines, lambda data: len(gzip.compress(data, 6, mtime=0))),
        zstd=each(lines, lambda data: len(zstd.compress(data, 9))),
        plain=each(plain, item_bytes),
        trained=each(trained, item_bytes),
        target=TARGETS.get(count),
        units=sum(map(write_units, trained)) / len(trained),
    )


def _blocks(items: list[dict[str, Any]], count: int) -> Iterator[list[dict[str, Any]]]:
    return (items[at : at + count] for at in range(0, len(items) - count + 1, count))


if __name__ == "__main__":
    main()

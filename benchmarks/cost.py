"""Units and dollars of a million events, from what the store really wrote and what a query really read."""

from collections.abc import Iterator
from typing import Final

from benchmarks import prices
from benchmarks.figures import Beside, Figure, Goal
from benchmarks.run import Run
from benchmarks.sending import Kept, Sent

SIZES: Final = (1, 10, 100, 500)
MILLION: Final = 1_000_000
DEAREST_BLOCKS: Final = 0.15
"""Dollars a million: the upper end of what the design expects of blocks."""
MOST_READ_UNITS: Final = 7_000


def measure(run: Run) -> Iterator[Figure]:
    for size in SIZES:
        sent = run.sent(size)
        yield from _figures(f"N={size}", sent, sent.at_once, judged=size >= 100)
        if sent.merged is not None:
            yield from _figures(f"N={size}, merged", sent, sent.merged, judged=False)


def _figures(name: str, sent: Sent, kept: Kept, *, judged: bool) -> Iterator[Figure]:
    """What stands beside is one item an event, its JSON in one attribute, under keys like ours."""
    million = MILLION / sent.weighed.events
    size = sent.weighed.json + _KEYS
    yield Figure(
        name=f"write units a million, {name}",
        value=kept.charges.write_units * million,
        unit="units",
        beside=(Beside("one item an event", prices.write_units(int(size)) * MILLION),),
    )
    yield Figure(
        name=f"read units to count matches of a text, {name}",
        value=kept.question.read_units * million,
        unit="units",
        beside=(Beside("one item an event", size * MILLION / prices.READ_UNIT),),
        goal=Goal("at most", MOST_READ_UNITS) if judged else None,
    )
    each = prices.write_units(int(size)) * prices.WRITE_UNIT_DOLLARS + prices.stored_dollars(
        size + prices.ITEM_OVERHEAD
    )
    yield Figure(
        name=f"dollars a million, stored for a month, {name}",
        value=(kept.charges.dollars + prices.stored_dollars(kept.stored.bytes)) * million,
        unit="$",
        beside=(Beside("one item an event", each * MILLION),),
        goal=Goal("at most", DEAREST_BLOCKS) if judged else None,
    )


_KEYS: Final = 22 + 19 + 6 + 4
"""Partition and sort key, expiry, and the names of four attributes."""

"""What a million events cost: AWS's list prices for us-east-1, on demand, times what `docs/benchmarks.md` measured.

    a request   the gateway, a run of the function of 1 GB, and two reads: the key and the project
    writes      what the database charged for batches of this size, and for merging them where they are small
    30 days     the bytes that stand in the table afterwards

Queries are left out, because they are charged by what they read, and so are free tiers and taxes.
"""

from typing import Final

from msgspec import Struct

from chalicelib.routes.pages.views.start import Price

EVENTS: Final = 1_000_000

# US dollars.
GATEWAY_REQUEST: Final = 3.50e-6
FUNCTION_RUN: Final = 0.20e-6
FUNCTION_GB_SECOND: Final = 1.66667e-5
READ_UNIT: Final = 0.125e-6
GIGABYTE_MONTH: Final = 0.25

REQUEST_SECONDS: Final = 0.025
"""Of a warm function, mostly waiting for the store."""
EVENT_SECONDS: Final = 15e-6


class Measured(Struct, frozen=True):
    """What a million events took that came so many at once."""

    batch: int
    dollars: float
    """Of the database, kept for a month."""
    bytes_an_event: float


MEASURED: Final = (
    Measured(1, 1.32, 41),
    Measured(10, 0.18, 41),
    Measured(100, 0.057, 60.13),
    Measured(500, 0.035, 40.88),
)
"""Batches of 1 and 10 are merged into large blocks, and are then as small as those."""


def table() -> tuple[Price, ...]:
    return tuple(price(measured) for measured in MEASURED)


def price(measured: Measured) -> Price:
    """For events that are kept 30 days."""
    requests = EVENTS / measured.batch
    seconds = REQUEST_SECONDS + measured.batch * EVENT_SECONDS
    each = GATEWAY_REQUEST + FUNCTION_RUN + seconds * FUNCTION_GB_SECOND + 2 * READ_UNIT
    storage = EVENTS * measured.bytes_an_event / 2**30 * GIGABYTE_MONTH
    return Price(
        batch=f"{measured.batch:,}", requests=requests * each, writes=measured.dollars - storage, storage=storage
    )

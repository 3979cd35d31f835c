"""What the format was chosen for: bytes stored per event, as DynamoDB counts them."""

import pytest

from benchmarks.sizes import TARGETS, WRITE_UNIT, Row, measure


@pytest.fixture(scope="module")
def measured() -> dict[int, Row]:
    return {row.count: row for row in measure(tuple(TARGETS), total=5000)}


@pytest.mark.parametrize("count", TARGETS)
def test_blocks_are_as_small_as_promised(measured: dict[int, Row], count: int) -> None:
    assert measured[count].trained <= TARGETS[count]


@pytest.mark.parametrize("count", TARGETS)
def test_the_corpus_is_as_hard_as_real_events(measured: dict[int, Row], count: int) -> None:
    """zstd-9 on NDJSON of production-like events; an easier corpus would prove nothing."""
    real = {10: 159, 100: 76, 500: 58, 5000: 50}
    assert measured[count].zstd >= 0.9 * real[count]


def test_ten_events_take_one_write_unit(measured: dict[int, Row]) -> None:
    assert measured[10].units == 1
    assert (measured[10].trained * 10 - 100) <= WRITE_UNIT

"""Every benchmark runs, and its figures are such as can be. How fast anything is, is nobody's business here."""

from functools import cache
from math import isfinite
from typing import Final

import pytest

from benchmarks import run
from benchmarks.__main__ import BENCHMARKS, main, measured
from benchmarks.figures import Figure

LOW_AND_HIGH: Final = {
    "stored bytes an event, N=10": (60, 200),
    "stored bytes an event, N=500": (25, 80),
    "write units of ten events, median": (1, 2),
    "write units of a request of 1": (1, 3),
    "write units of a request of 500": (10, 60),
    "read units of a request of 1": (0, 10),
    "write units a million, N=1": (1_000_000, 1_100_000),
    "write units a million, N=10, merged": (100_000, 500_000),
    "dollars a million, stored for a month, N=500": (0.01, 0.1),
}
"""Figures that are the same on every machine, or nearly."""


@cache
def figures_of(name: str) -> list[Figure]:
    """Measured once for all tests of this process: they only look."""
    return measured([name], run.QUICK)


@pytest.mark.engine
@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_gives_figures_that_can_be(name: str) -> None:
    figures = figures_of(name)

    assert figures
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        low, high = LOW_AND_HIGH.get(figure.name, (0, float("inf")))
        assert isfinite(figure.value), figure
        assert low <= figure.value <= high, figure
        assert all(beside.value is None or beside.value > 0 for beside in figure.beside), figure


@pytest.mark.engine
def test_merging_small_blocks_makes_a_query_read_less() -> None:
    figures = {figure.name: figure.value for figure in figures_of("cost")}

    for size in (1, 10):
        name = f"read units to count matches of a text, N={size}"
        assert figures[f"{name}, merged"] < figures[name]


@pytest.mark.engine
def test_blocks_are_smaller_than_batches_that_were_compressed_as_json() -> None:
    figures = figures_of("stored")

    stored = [figure for figure in figures if figure.name.startswith("stored bytes")]

    assert len(stored) == 4
    assert all(_smaller_than_beside(figure) for figure in stored)


@pytest.mark.engine
def test_the_shares_of_a_request_are_all_of_it() -> None:
    figures = figures_of("ingest")

    shares = [figure.value for figure in figures if figure.name.startswith("  of it ")]

    assert sum(shares) == pytest.approx(200)  # of the large request and of the small one


def test_the_command_prints_the_table_and_what_was_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "imports"]) == 0

    printed = capsys.readouterr().out
    assert printed.startswith("figure")
    assert "boto3 alone" in printed
    assert printed.endswith("0 goals met, 0 missed; 1 figures without a goal\n")


def _smaller_than_beside(figure: Figure) -> bool:
    return all(beside.value is not None and figure.value < beside.value for beside in figure.beside)

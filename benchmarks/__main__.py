"""Measures Scrywatch against peers and floors in the same run, and prints one table: `make bench`."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from benchmarks import cost, imports, ingest, pages, patterns, scan, search, stored
from benchmarks.figures import Figure, summary, table
from benchmarks.run import FULL, QUICK, Run, Scale

BENCHMARKS: Final[dict[str, Callable[[Run], Iterator[Figure]]]] = {
    "stored": stored.measure,
    "ingest": ingest.measure,
    "imports": imports.measure,
    "scan": scan.measure,
    "search": search.measure,
    "patterns": patterns.measure,
    "pages": pages.measure,
    "cost": cost.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Always 0 where everything ran: a goal that was missed is a line of the table, not an error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only show that everything runs; the figures mean little")
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="one benchmark; may be repeated")
    given = parser.parse_args(arguments)
    figures = measured(given.only or tuple(BENCHMARKS), QUICK if given.quick else FULL)
    print(*table(figures), "", summary(figures), sep="\n")
    return 0


def measured(names: Sequence[str], scale: Scale) -> list[Figure]:
    """The figures of these benchmarks, and what is being done on standard error."""
    figures: list[Figure] = []
    with Run(scale) as run:
        for name in names:
            began = time.monotonic()
            print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
            figures += BENCHMARKS[name](run)
            print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return figures


if __name__ == "__main__":
    sys.exit(main())

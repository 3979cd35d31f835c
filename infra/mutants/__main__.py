"""`make mutants`: every mutant of the table, or those of the ids that are given. Not zero where one survived."""

import sys

from infra.mutants.runner import run
from infra.mutants.table import MUTANTS


def main() -> int:
    wanted = set(sys.argv[1:])
    chosen = [each for each in MUTANTS if not wanted or each.id in wanted]
    survived = 0
    for verdict in run(chosen):
        survived += not verdict.killed
        word = "killed" if verdict.killed else "SURVIVED"
        print(f"{verdict.mutant.id:<5}{word:<10}{verdict.mutant.file:<48}{verdict.said}", flush=True)
    print(f"{len(chosen) - survived} killed, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())

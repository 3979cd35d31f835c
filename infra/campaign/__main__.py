"""`make faults`: the whole campaign, and its table. Not zero where a promise was broken."""

import argparse
import random
import sys
from collections.abc import Iterable
from typing import Final

from infra.campaign.campaign import FAULTS, Findings, campaign

ROUNDS: Final = 36
OPERATIONS: Final = 600
"""Of a round. With the rounds: 21,600 operations, and 576 faults, 36 of each kind."""

SHOWN: Final = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--operations", type=int, default=OPERATIONS, help="of a round")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument(
        "--build", default="infra.local", help="the product, or a broken one: 'infra.campaign.broken loses'"
    )
    given = parser.parse_args()
    findings = campaign(
        seed=given.seed, rounds=given.rounds, operations=given.operations, faults=FAULTS, module=given.build.split()
    )
    print("\n".join(table(findings)))
    return 0 if findings.clean else 1


def table(found: Findings) -> Iterable[str]:
    """What was done, what was broken, and what came of it."""
    yield f"{found.rounds} rounds in {found.seconds:,.0f} s, seed {found.seed}"
    yield from _section("operations", found.operations.items())
    yield from _section("faults", sorted(found.faults.items()))
    yield from _section("answers", ((_called(status), times) for status, times in sorted(found.statuses.items())))
    results = {
        "acknowledged": found.acknowledged, "lost": len(found.lost), "doubled": len(found.doubled),
        "invented": len(found.invented), "leaked": len(found.leaked), "miscounted": len(found.miscounted),
        "unnamed": len(found.unnamed), "broken answers": found.broken.total(),
    }  # fmt: skip
    yield from _section("events", results.items())
    for name in ("lost", "doubled", "invented", "leaked", "miscounted", "unnamed", "broken"):
        for each in sorted(getattr(found, name))[:SHOWN]:
            yield f"    {name}: {each}"


def _section(title: str, rows: Iterable[tuple[str, int]]) -> Iterable[str]:
    listed = list(rows)
    yield f"{title:<32}{sum(count for _, count in listed):>10,}" if title != "events" else title
    for name, count in listed:
        yield f"    {name:<28}{count:>10,}"


def _called(status: int) -> str:
    return str(status) if status else "none came"


if __name__ == "__main__":
    sys.exit(main())

"""What the shop deployed, for whoever keeps such markers: a pure function of time, like its log."""

from collections.abc import Iterator
from typing import Final

from infra.demo.incidents import CYCLE, PAYMENTS_DEPLOYED, PAYMENTS_ROLLED_BACK, release

NOTES: Final = {PAYMENTS_DEPLOYED: "Provider asked with a longer timeout", PAYMENTS_ROLLED_BACK: "Rolled back"}


def deploys(start: int, end: int) -> Iterator[dict[str, str]]:
    """What is told of each from `start` to before `end`, in milliseconds since the epoch, in their order."""
    for base in range(start // CYCLE * CYCLE, end, CYCLE):
        for offset, note in NOTES.items():
            at = base + offset
            if start <= at < end:
                yield {
                    "version": release("payments", at), "service": "payments", "environment": "production",
                    "at": str(at), "note": note,
                }  # fmt: skip

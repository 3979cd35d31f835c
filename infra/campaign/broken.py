"""Builds of the product that break a promise now and then: what the campaign must find, or it proves nothing.

python -m infra.campaign.broken loses|doubles|leaks …
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Any, Final
from unittest.mock import patch

from chalicelib.events.store import append, receipt
from chalicelib.routes import query
from infra import local

EVERY: Final = 40
"""Which call goes wrong."""
EVERY_QUESTION: Final = 5
"""Questions are fewer than batches, and half of them are the same tenant's as the first."""


def _now_and_then(every: int) -> Callable[[], bool]:
    calls = count(1)
    return lambda: next(calls) % every == 0


def _loses(put: Callable[..., bool]) -> Callable[..., bool]:
    """A block that is acknowledged and was never put."""
    wrong = _now_and_then(EVERY)
    return lambda *given, **named: wrong() or put(*given, **named)


def _doubles(batch_id: Callable[..., bytes]) -> Callable[..., bytes]:
    """A batch that is not known again when it is sent again."""
    wrong = _now_and_then(EVERY)
    return lambda *given: receipt.unrepeatable_batch_id() if wrong() else batch_id(*given)


def _leaks(scope_of: Callable[..., Any]) -> Callable[..., Any]:
    """A query that is answered about whoever asked before."""
    asked: list[Any] = []
    wrong = _now_and_then(EVERY_QUESTION)

    def scope(principal: Any) -> Any:
        asked.append(scope_of(principal))
        return asked[0] if wrong() else asked[-1]

    return scope


BREAKS: Final[dict[str, tuple[Any, str, Callable[[Any], Any]]]] = {
    "loses": (append, "put_if_absent", _loses),
    "doubles": (receipt, "batch_id", _doubles),
    "leaks": (query, "scope_of", _leaks),
}


def main() -> int:
    with ExitStack() as broken:
        for promise in sys.argv[1:]:
            where, name, breaking = BREAKS[promise]
            broken.enter_context(patch.object(where, name, breaking(getattr(where, name))))
        return local.main()


if __name__ == "__main__":
    sys.exit(main())

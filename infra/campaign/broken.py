"""Builds of the product that break a promise now and then: what the campaign must find, or it proves nothing.

python -m infra.campaign.broken loses|doubles|leaks
"""

import sys
from collections.abc import Callable
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

_calls: Final = count(1)


def _now_and_then(every: int = EVERY) -> bool:
    return next(_calls) % every == 0


def _loses(put: Callable[..., bool]) -> Callable[..., bool]:
    """A block that is acknowledged and was never put."""
    return lambda *given, **named: _now_and_then() or put(*given, **named)


def _doubles(batch_id: Callable[..., bytes]) -> Callable[..., bytes]:
    """A batch that is not known again when it is sent again."""
    return lambda *given: receipt.unrepeatable_batch_id() if _now_and_then() else batch_id(*given)


def _leaks(scope_of: Callable[..., Any]) -> Callable[..., Any]:
    """A query that is answered about whoever asked before."""
    asked: list[Any] = []

    def scope(principal: Any) -> Any:
        asked.append(scope_of(principal))
        return asked[0] if _now_and_then(EVERY_QUESTION) else asked[-1]

    return scope


BREAKS: Final[dict[str, tuple[Any, str, Callable[[Any], Any]]]] = {
    "loses": (append, "put_if_absent", _loses),
    "doubles": (receipt, "batch_id", _doubles),
    "leaks": (query, "scope_of", _leaks),
}


def main() -> int:
    where, name, breaking = BREAKS[sys.argv[1]]
    with patch.object(where, name, breaking(getattr(where, name))):
        return local.main()


if __name__ == "__main__":
    sys.exit(main())

"""How late the upkeep is: how much longer than it should the oldest work has waited."""

from typing import Final

from chalicelib.events.store.waiting import oldest_work
from chalicelib.ids import HOUR_MS

USUAL_MS: Final = 3 * HOUR_MS
"""A note may wait so long after its clock hour: an hour is indexed two hours after its end, and runs come by turns."""


def overdue_ms(*, now_ms: int, deadline: float) -> int:
    """0 where nothing waits for longer than usual. Raises `StoreUnavailable`."""
    ended = oldest_work(deadline=deadline)
    return 0 if ended is None else max(0, now_ms - ended - USUAL_MS)

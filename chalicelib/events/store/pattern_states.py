"""Which patterns somebody resolved: read here, written by `identity.pattern_states` together with the audit entry.

A state lasts as long as an event does: what was resolved longer ago than the project's window is open again.
"""

from msgspec import Struct

from chalicelib.events.scope import Scope
from chalicelib.storage.items import items
from chalicelib.storage.tables import keys


class Resolved(Struct, frozen=True):
    """That a pattern was resolved at `at`, in milliseconds, by a person, in hex, or by the operator: empty."""

    at: int
    by: str
    note: str


def resolved_patterns(scope: Scope, *, now_ms: int, deadline: float) -> dict[bytes, Resolved]:
    """The patterns that are resolved, by their ids. Whether one came back since is for who knows when it was seen."""
    partition = keys.index_partition(scope.org, scope.project)
    stored = {
        keys.pattern_of(row["s"].binary): Resolved(
            row["d"].number, row["u"].binary.hex() if "u" in row else "", row["n"].text if "n" in row else ""
        )
        for row in items(keys.EVENTS, partition, keys.PATTERN_STATE, deadline=deadline)
    }
    return {pattern: state for pattern, state in stored.items() if state.at >= scope.horizon(now_ms)}

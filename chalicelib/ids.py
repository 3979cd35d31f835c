"""The ids everything is keyed by: raw bytes with a type of their own, so that no two can be swapped."""

from typing import NewType

OrgId = NewType("OrgId", bytes)
"""8 random bytes."""

ProjectId = NewType("ProjectId", bytes)
"""8 random bytes, unique across organisations."""

UserId = NewType("UserId", bytes)
"""8 random bytes."""

GrantId = NewType("GrantId", bytes)
"""12 random bytes: of a connection, which is what people call it."""

ViewId = NewType("ViewId", bytes)
"""8 random bytes: of a saved view."""

BatchId = NewType("BatchId", bytes)
"""10 bytes: a hash of the project and the body (or its `Idempotency-Key`)."""

Slot = NewType("Slot", int)
"""An hour: milliseconds since the epoch divided by 3,600,000."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def slot_of(timestamp_ms: int) -> Slot:
    return Slot(timestamp_ms // HOUR_MS)

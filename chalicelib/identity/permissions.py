"""What somebody may do. Every route declares exactly one of these; every kind of principal has a set of them."""

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """`PUBLIC` is what everybody may do, also who does not say who they are."""

    PUBLIC = "public"
    EVENTS_WRITE = "events:write"
    EVENTS_READ = "events:read"


READS: Final = frozenset({Permission.PUBLIC, Permission.EVENTS_READ})
"""Permissions that change nothing, the only ones a GET may declare."""

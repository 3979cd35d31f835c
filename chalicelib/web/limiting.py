"""How often somebody may ask: every request counts, for who is known by who they are, for others by their address.

A container takes allowances in bulk (`storage.limits.leases`), so that counting mostly costs no write. While the store
does not answer, requests go on uncounted. What is guarded harder (sign-in and its like) is limited where it is done.
Whoever a request is counted for is who the security log says it was.
"""

from typing import Final

from msgspec.structs import replace

from chalicelib.identity import security_log
from chalicelib.identity.grants import Grant
from chalicelib.ids import UserId
from chalicelib.storage import limits
from chalicelib.storage.limits import Rate, leases, source_of
from chalicelib.web.declaration import Limit
from chalicelib.web.request import Request

SECONDS: Final = 0.5
"""Counting must not use up the time of what is counted."""


def count_key(request: Request, limit: Limit, key_id: str) -> None:
    """Raises `LimitReached`."""
    security_log.known(key=key_id)
    _count(request, f"{limit}-key", key_id)


def count_connection(request: Request, grant: Grant) -> None:
    """Counts against the connection's own limit. Raises `LimitReached`."""
    name = "requests-connection"
    security_log.known(connection=grant.id.hex())
    usual = limits.LIMITS[name]
    _count(request, name, grant.id, replace(usual, burst=grant.limit, lease=min(usual.lease, -(-grant.limit // 10))))


def count_person(request: Request, user: UserId) -> None:
    """Raises `LimitReached`."""
    security_log.known(user=user.hex())
    _count(request, "requests-person", user)


def count_visitor(request: Request) -> None:
    """Raises `LimitReached`."""
    _count(request, "requests-source", source_of(request.source))


def _count(request: Request, name: str, subject: str | bytes, rate: Rate | None = None) -> None:
    leases.allow(name, subject, now_ms=request.now_ms, deadline=request.deadline_within(SECONDS), rate=rate)

"""What people are told of a project's daily allowance, before it runs out and after."""

from chalicelib.events.store.allowances import Standing, standing_of
from chalicelib.routes.pages.explore.wording import length, many
from chalicelib.routes.scope import scope_of
from chalicelib.web.guard import PersonPrincipal
from chalicelib.web.request import Request


def warnings(request: Request, principal: PersonPrincipal) -> tuple[str, ...]:
    """A sentence from four fifths of the allowance on; nothing before, or without one. Raises `StoreUnavailable`."""
    allowance = principal.project.events_a_day
    standing = standing_of(scope_of(principal), allowance, now_ms=request.now_ms, deadline=request.deadline)
    return (warning(standing, now_ms=request.now_ms),) if standing is not None and standing.warns else ()


def warning(standing: Standing, *, now_ms: int) -> str:
    """What is used, and what comes of it."""
    left = time_left(standing, now_ms=now_ms)
    if standing.refuses:
        return (
            f"Today's allowance of {many(standing.allowance, 'event')} is used up, and a tenth more: what is sent is "
            f"refused and lost until 00:00 UTC, in {left}."
        )
    return (
        f"{standing.percent} % of today's allowance of {many(standing.allowance, 'event')} is used. From "
        f"{standing.refused_from:,} on events are refused and lost until 00:00 UTC, in {left}."
    )


def time_left(standing: Standing, *, now_ms: int) -> str:
    """Until the allowance begins again: `6 h 12 min`."""
    return length(max(60_000, (standing.begins_again_at - now_ms) // 60_000 * 60_000))

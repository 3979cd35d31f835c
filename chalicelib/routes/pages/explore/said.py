"""The result in one honest line: which of how many, where, in what order, how fast, as of when, and what is missing."""

from typing import Final

from chalicelib.routes.pages.explore.asked import USUAL, Asked
from chalicelib.routes.pages.explore.found import Found
from chalicelib.routes.pages.explore.wording import clock, length, stamp, stretch

LATE_MS: Final = 2_000
"""Events that arrive so soon after they happened are not late."""
LOOKED_AT: Final = 20
RECENT_MS: Final = 15 * 60_000
"""How late older ones came says nothing of those that are still to come."""


def said(asked: Asked, found: Found, now_ms: int) -> str:
    """`1–100 of 12,400 in 1 h, newest first, 84 ms, as of 14:03:20 UTC`, and what was not looked at."""
    line = [
        f"{_rows(asked, found)} in {_where(asked, found)}",
        "newest first" if asked.order == "desc" else "oldest first",
        f"{found.seconds * 1_000:.0f} ms",
        f"as of {clock(now_ms)} UTC",
    ]
    return "; ".join([", ".join(line), *_missing(asked, found), *_late(asked, found, now_ms)])


def _rows(asked: Asked, found: Found) -> str:
    shown = len(found.page.data)
    total = f"{found.total:,}" if found.total_is_exact else f"at least {found.total:,}"
    if not shown:
        return "0 events" if found.total_is_exact and not found.total else f"0 of {total} events"
    if asked.cursor:
        return f"{shown:,} more of {total}"
    return f"1–{shown:,} of {total}" if shown > 1 else f"1 of {total}"


def _where(asked: Asked, found: Found) -> str:
    if not (asked.start or asked.end):
        return length(found.page.end - found.page.start) if asked.cursor else in_words(asked.since or USUAL)
    return f"{stretch(found.page.start, found.page.end)} UTC"


def in_words(since: str) -> str:
    """`24 h` for `24h`."""
    since = since.strip().lower()
    return f"{since[:-1]} {'min' if since[-1] == 'm' else since[-1]}"


def _missing(asked: Asked, found: Found) -> list[str]:
    missing = []
    if found.page.partial:
        beyond = "older" if asked.order == "desc" else "newer"
        missing.append(f"partial: reading stopped before the page was full, {beyond} events were not looked at")
    if found.histogram.partial and found.histogram.reached is not None:
        missing.append(f"counted back to {stamp(found.histogram.reached)[5:19]} only, to stay quick")
    return missing


def _late(asked: Asked, found: Found, now_ms: int) -> list[str]:
    """How late the newest events came: so late others may come that are not here yet."""
    if asked.order == "asc" or asked.cursor or found.page.end < now_ms:
        return []
    recent = (each for each in found.page.data[:LOOKED_AT] if each.timestamp > now_ms - RECENT_MS)
    late = max((each.received_at - each.timestamp for each in recent), default=0)
    return [f"the newest came up to {length(late // 1_000 * 1_000)} late"] if late >= LATE_MS else []

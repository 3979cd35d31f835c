"""Links that a person can open to see what an assistant saw."""

from typing import Final
from urllib.parse import quote, urlencode

from chalicelib.events.query.times import TimeRange
from chalicelib.ids import DAY_MS, HOUR_MS
from chalicelib.mcp.context import Context

LONGEST_QUERY: Final = 600
"""Characters. The link of a longer query opens the project, without it."""


def explorer(context: Context, q: str, within: TimeRange) -> str:
    """The project's page with the query, and the shortest of its ranges that reaches back to where this one begins."""
    back = context.now_ms - within.start
    since = next((name for length, name in _RANGES if back <= length), _RANGES[-1][1])
    asked = {"q": q} if q not in ("", "*") and len(q) <= LONGEST_QUERY else {}
    place = f"/orgs/{quote(context.org, safe='')}/projects/{quote(context.project, safe='')}"
    return f"{context.url}{place}?{urlencode({**asked, 'since': since})}"


_RANGES: Final = (
    (HOUR_MS // 4, "15m"), (HOUR_MS, "1h"), (6 * HOUR_MS, "6h"), (DAY_MS, "24h"), (7 * DAY_MS, "7d"),
    (30 * DAY_MS, "30d"),
)  # fmt: skip
"""What the project's page offers."""

"""Links that a person can open to see what an assistant saw."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from chalicelib.events.query.times import LATEST_MS, TimeRange
from chalicelib.mcp.asked import written_time
from chalicelib.mcp.context import Context

LONGEST_QUERY: Final = 600
"""Characters. The link of a longer query shows the same range without it."""


def explorer(context: Context, q: str, within: TimeRange) -> str:
    """The explorer with the query and just this range."""
    return _page(context, "explore", q, within, {})


def patterns(context: Context, q: str, within: TimeRange, *, only: str) -> str:
    """The page of patterns with the query and just this range; `only` as that page knows it."""
    return _page(context, "patterns", q, within, {"only": only} if only != "all" else {})


def event(context: Context, event_id: str, *, around: int, same: str) -> str:
    """The page of one event, with so many others on each side of it."""
    return f"{_project(context)}/events/{quote(event_id, safe='')}?{urlencode({'around': around, 'same': same})}"


def _page(context: Context, page: str, q: str, within: TimeRange, more: Mapping[str, str]) -> str:
    asked = {"q": q} if q not in ("", "*") and len(q) <= LONGEST_QUERY else {}
    asked |= {"from": written_time(within.start), "to": written_time(min(within.end, LATEST_MS)), **more}
    return f"{_project(context)}/{page}?{urlencode(asked)}"


def _project(context: Context) -> str:
    return f"{context.url}/orgs/{quote(context.org, safe='')}/projects/{quote(context.project, safe='')}"

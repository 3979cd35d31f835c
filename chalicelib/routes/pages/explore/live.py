"""What comes while somebody looks: the rows of the explorer that are new, as the page shows them.

    page    cursor, then rows               what came between the two is told twice, and known by its id
    poll    cursor -> rows, next cursor     each event once, or counted as passed over

The page asks for facts and draws them by itself: Trusted Types let nothing else in.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.events.query import search
from chalicelib.events.query.answers import Record
from chalicelib.events.query.tail import tail
from chalicelib.events.query.times import TimeRange
from chalicelib.events.store.append import AHEAD_MS
from chalicelib.routes.pages.explore.answered import Question
from chalicelib.routes.pages.explore.found import SEARCH_SECONDS, Found, Read, looked
from chalicelib.routes.pages.explore.rows import Drawn, row
from chalicelib.routes.pages.explore.wording import Part
from chalicelib.web import templates

MOST: Final = 500
"""Events that one poll gives. A page keeps as many rows."""


class LiveRow(Struct, frozen=True, kw_only=True):
    """A row with its texts as they are shown: cut, and with nothing unseen in them."""

    id: str
    at: int
    """When it happened, in milliseconds."""
    time: str
    ago: str
    level: str
    service: str
    cells: tuple[str, ...]
    message: tuple[Part, ...]
    more: int
    """Characters of the message that are not shown."""
    next: str
    """The query part of the address that shows the page with this row open."""


class LiveTwin(Struct, frozen=True, kw_only=True):
    """What came since the cursor, oldest first.

    `passed_over` events matched and are not among the rows: more came than a poll gives. After a `gap` some may be
    missing that nobody counted. `lag_ms` is how long after they happened the latest of the rows were received.
    """

    rows: list[LiveRow]
    cursor: str
    passed_over: int
    gap: bool
    lag_ms: int


def news(read: Read, question: Question, cursor: str) -> LiveTwin:
    """The rows since the cursor; without one, a cursor to begin with. Raises `CursorRefused` and `StoreUnavailable`."""
    found = tail(
        read.scope, read.expression, cursor=cursor or None, limit=MOST, now_ms=read.now_ms, deadline=read.deadline
    )
    asked = replace(question.asked, cursor="", order="desc", end="", live=1)
    drawn = Drawn(asked, read.expression, question.columns, read.now_ms)
    return LiveTwin(
        rows=[_row(record, drawn) for record in found.data], cursor=found.cursor, passed_over=found.skipped,
        gap=found.gap, lag_ms=max((max(0, each.received_at - each.timestamp) for each in found.data), default=0),
    )  # fmt: skip


def followed(read: Read, question: Question) -> Found:
    """The page that news go on from. Raises `StoreUnavailable`.

    The cursor is older than the rows, so that nothing falls between them. Events of clocks that run ahead are among
    the rows: a poll gives them when they come, and not again when their time has come.
    """
    cursor = news(read, question, "").cursor
    found = looked(read, limit=question.asked.limit, order="desc", cursor=None)
    ahead = search.search(
        read.scope, read.expression, TimeRange(read.within.end, read.within.end + AHEAD_MS), limit=MOST,
        now_ms=read.now_ms, deadline=read.by(SEARCH_SECONDS),
    )  # fmt: skip
    page = replace(found.page, data=[*ahead.data, *found.page.data])
    return replace(found, page=page, follow=cursor, more_ahead=ahead.next_cursor is not None)


def _row(record: Record, drawn: Drawn) -> LiveRow:
    shown = row(record, drawn)
    return LiveRow(
        id=shown.id, at=shown.at, time=templates.clock(shown.at), ago=shown.ago, level=shown.level,
        service=shown.service, cells=shown.cells, message=shown.message, more=shown.more, next=shown.next,
    )  # fmt: skip

"""The explorer's answer as a page: the same facts as its twin's, in words, drawings and links."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.events.event import LEVELS
from chalicelib.events.query.answers import Record
from chalicelib.events.query.editing import text_of_query
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.times import TimeRange
from chalicelib.routes.pages.examples import curl
from chalicelib.routes.pages.explore import copies, narrowing
from chalicelib.routes.pages.explore.asked import Asked, Ranged, fields_of, link
from chalicelib.routes.pages.explore.columns import without_column
from chalicelib.routes.pages.explore.controls import caret, notices, range_control
from chalicelib.routes.pages.explore.copies import Taken
from chalicelib.routes.pages.explore.found import Found
from chalicelib.routes.pages.explore.histogram import histogram
from chalicelib.routes.pages.explore.markers import flags
from chalicelib.routes.pages.explore.rows import Drawn, opened, row
from chalicelib.routes.pages.explore.said import said
from chalicelib.routes.pages.explore.wording import length, moment, stamp, visible
from chalicelib.routes.pages.views.explore import (
    Column,
    CopyChoice,
    Empty,
    Explore,
    Live,
    Row,
    Snippet,
)
from chalicelib.routes.pages.views.start import Link

AROUND_NEWEST_MS: Final = 15 * 60_000


class Place(Struct, frozen=True, kw_only=True):
    """Where the page is, and for whom."""

    crumbs: tuple[Link, ...]
    org: str
    project: str
    """Slugs, as the address has them."""
    name: str
    url: str
    now_ms: int

    @property
    def path(self) -> str:
        return f"/orgs/{self.org}/projects/{self.project}"

    @property
    def logs(self) -> str:
        return f"{self.url.rstrip('/')}/api{self.path}/logs"


class Question(Struct, frozen=True, kw_only=True):
    """What was asked and what of it was understood; `wrong` holds sentences by the names of parameters."""

    asked: Asked
    within: TimeRange
    expression: Expression = Everything()
    columns: tuple[str, ...] = ()
    fault: QueryError | None = None
    wrong: Mapping[str, str] = {}


def page(place: Place, question: Question, found: Found | None) -> Explore:
    """The page; without an answer where the query was not understood."""
    bare = _bare(place, question)
    if found is None:
        return replace(bare, examples=narrowing.examples(question.asked, None))
    asked, query = question.asked, question.expression
    drawn = Drawn(asked, query, question.columns, place.now_ms)
    taken = _taken(place, question, found)
    return replace(
        bare,
        chips=narrowing.chips(asked, query),
        examples=narrowing.examples(asked, found),
        suggestions=narrowing.suggestions(found),
        histogram=histogram(asked, found.histogram, place.now_ms) if found.total else None,
        flags=flags(found.deploys, found.histogram, place.path),
        facets=narrowing.facets(asked, query, found),
        rows=tuple(_row(place, record, drawn, taken) for record in found.page.data),
        said=said(asked, found, place.now_ms),
        older="Older" if asked.order == "desc" else "Newer",
        older_link=link(asked, cursor=found.page.next_cursor, open="") if found.page.next_cursor else "",
        newer="Newest" if asked.order == "desc" else "Oldest",
        newer_link=link(asked, cursor="", open="") if asked.cursor else "",
        notices=(*bare.notices, *_not_here(asked, found), *_ahead(found)),
        copies=_copies(asked) if found.page.data else (),
        snippet=_snippet(asked, taken),
        export_link=_export(question, found),
        empty=None if found.page.data else _empty(place, asked, found),
        live=_live(asked, question.columns, found.follow) if found.follow else None,
        live_link="" if found.follow else _going_live(asked),
    )


def _bare(place: Place, question: Question) -> Explore:
    asked = question.asked
    return Explore(
        title=f"Explore {visible(place.name)}", crumbs=place.crumbs, project=place.path, here=f"{place.path}/explore",
        q=asked.q, hidden=fields_of(asked, "since", "from", "to", "columns", "order", "live"),
        caret=caret(asked, question.fault), notices=notices(question.wrong),
        range=range_control(asked, question.within, question.wrong, "columns", "order"),
        columns=_columns(question), order_words="newest first" if asked.order == "desc" else "oldest first",
        order_link=link(asked, order="asc" if asked.order == "desc" else "desc"),
        twin_link=link(asked, open="", copy="none"), patterns_link=_patterns(asked),
    )  # fmt: skip


def _patterns(asked: Asked) -> str:
    """The same question to the page of patterns, which has a usual stretch of time of its own."""
    since = "" if asked.start or asked.end else asked.since or asked.USUAL
    return link(Ranged(q=asked.q, since=since, start=asked.start, end=asked.end))


def _not_here(asked: Asked, found: Found) -> tuple[str, ...]:
    if not asked.open or any(record.id == asked.open for record in found.page.data):
        return ()
    return ("The event to open is not among these rows.",)


def _ahead(found: Found) -> tuple[str, ...]:
    return ("Many events have times that are yet to come: the newest of them are shown.",) if found.more_ahead else ()


def _columns(question: Question) -> tuple[Column, ...]:
    return tuple(
        Column(visible(name), link(question.asked, columns=without_column(question.columns, name)))
        for name in question.columns
    )


def _row(place: Place, record: Record, drawn: Drawn, taken: Taken) -> Row:
    if drawn.asked is None or record.id != drawn.asked.open:
        return row(record, drawn)
    return row(record, drawn, opened=opened(record, drawn, copies.snippets(of_one(place, record, taken.q), "row")))


def of_one(place: Place, record: Record, q: str) -> Taken:
    """A single event, to be copied."""
    return Taken(
        rows=(record,), logs=place.logs, q=q, within=TimeRange(record.timestamp, record.timestamp + 1),
        project=f"{place.name} ({place.org}/{place.project})", said="this event", limit=10, one=True,
    )  # fmt: skip


def _taken(place: Place, question: Question, found: Found) -> Taken:
    return Taken(
        rows=found.page.data, logs=place.logs, q=text_of_query(question.expression),
        within=TimeRange(found.page.start, found.page.end), project=f"{place.name} ({place.org}/{place.project})",
        said=said(question.asked, found, place.now_ms), limit=question.asked.limit, order=question.asked.order,
    )  # fmt: skip


def _copies(asked: Asked) -> tuple[CopyChoice, ...]:
    return tuple(
        CopyChoice(name, link(asked, copy="none" if kind == asked.copy else kind), kind == asked.copy)
        for kind, name in copies.NAMES.items()
    )


def _snippet(asked: Asked, taken: Taken) -> Snippet | None:
    return copies.snippet(taken, asked.copy, "all") if asked.copy != "none" and taken.rows else None


def _export(question: Question, found: Found) -> str:
    plain = Asked(q=question.asked.q, start=moment(found.page.start), end=moment(found.page.end))
    return link(plain)


def _live(asked: Asked, columns: tuple[str, ...], cursor: str) -> Live:
    blank = Row(id="", at=0, level=LEVELS[0], service="", message=(), cells=("",) * len(columns))
    return Live(cursor=cursor, here_link=link(asked, open="", copy="none"), end_link=link(asked, live=0), blank=blank)


def _going_live(asked: Asked) -> str:
    """The address whose range is open, and begins where this one does if this one is open."""
    return link(asked, live=1, end="", order="desc", **({"start": ""} if asked.end else {}))


def _empty(place: Place, asked: Asked, found: Found) -> Empty:
    newest = found.newest
    if newest is not None:
        begin, end = newest.timestamp - AROUND_NEWEST_MS, newest.timestamp + 1
        return Empty(
            heading="Nothing in this range", newest=f"{stamp(newest.timestamp)} UTC, {_ago(newest, place.now_ms)}",
            next=link(asked, since="", start=moment(begin), end=moment(end)),
        )  # fmt: skip
    if found.page.next_cursor:
        return Empty(heading="Nothing so far")
    if asked.q:
        return Empty(heading="No event matches, in this range or before it")
    return Empty(heading="Events will be here", curl=curl(place.url, ""))


def _ago(record: Record, now_ms: int) -> str:
    return f"{length(max(0, now_ms - record.timestamp))} ago"

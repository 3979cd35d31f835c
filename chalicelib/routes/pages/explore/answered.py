"""The explorer's answer as a page: the same facts as its twin's, in words, drawings and links."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.events.query.answers import Record
from chalicelib.events.query.editing import text_of_query
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.times import TimeRange
from chalicelib.routes.pages.examples import curl
from chalicelib.routes.pages.explore import copies, narrowing
from chalicelib.routes.pages.explore.asked import PRESETS, USUAL, Asked, fields_of, link
from chalicelib.routes.pages.explore.columns import without_column
from chalicelib.routes.pages.explore.copies import Taken
from chalicelib.routes.pages.explore.found import Found
from chalicelib.routes.pages.explore.histogram import histogram
from chalicelib.routes.pages.explore.rows import Drawn, opened, row
from chalicelib.routes.pages.explore.said import said
from chalicelib.routes.pages.explore.wording import length, moment, stamp, stretch, visible
from chalicelib.routes.pages.views.explore import (
    Caret,
    Column,
    CopyChoice,
    Empty,
    Explore,
    Preset,
    Range,
    Row,
    Snippet,
)
from chalicelib.routes.pages.views.start import Link

AROUND_NEWEST_MS: Final = 15 * 60_000
LONGEST_SHOWN_QUERY: Final = 400
EDGE: Final = 60
"""Characters of a query that are shown on each side of a fault."""


class Place(Struct, frozen=True, kw_only=True):
    """Where the page is, and for whom."""

    crumbs: tuple[Link, ...]
    org: str
    project: str
    """Slugs, as the address has them."""
    name: str
    person: str
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


_BESIDE: Final = frozenset({"q", "since", "from", "to"})
"""Parameters whose faults stand beside their own fields."""


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
        facets=narrowing.facets(asked, query, found),
        facets_of=narrowing.facets_of(found),
        rows=tuple(_row(place, record, drawn, taken) for record in found.page.data),
        said=said(asked, found, place.now_ms),
        older="Older" if asked.order == "desc" else "Newer",
        older_link=link(asked, cursor=found.page.next_cursor, open="") if found.page.next_cursor else "",
        newer="Newest" if asked.order == "desc" else "Oldest",
        newer_link=link(asked, cursor="", open="") if asked.cursor else "",
        notices=(*bare.notices, *_not_here(asked, found)),
        copies=_copies(asked) if found.page.data else (),
        snippet=_snippet(asked, taken),
        export_link=_export(question, found),
        empty=None if found.page.data else _empty(place, asked, found),
    )


def _bare(place: Place, question: Question) -> Explore:
    asked = question.asked
    return Explore(
        title=f"Explore {visible(place.name)}", crumbs=place.crumbs, project=place.path, here=f"{place.path}/explore",
        person=place.person, q=asked.q, hidden=fields_of(asked, "since", "from", "to", "columns", "order"),
        caret=_caret(asked, question.fault), notices=_notices(question.wrong), range=_range(question),
        columns=_columns(question), order_words="newest first" if asked.order == "desc" else "oldest first",
        order_link=link(asked, order="asc" if asked.order == "desc" else "desc"),
        twin_link=link(asked, open="", copy="none"),
    )  # fmt: skip


def _notices(wrong: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sentence for name, sentence in wrong.items() if name not in _BESIDE)


def _not_here(asked: Asked, found: Found) -> tuple[str, ...]:
    if not asked.open or any(record.id == asked.open for record in found.page.data):
        return ()
    return ("The event to open is not among these rows.",)


def _caret(asked: Asked, fault: QueryError | None) -> Caret | None:
    if fault is None:
        return None
    begin, end = fault.position, fault.position + fault.length
    before, after = asked.q[max(0, begin - EDGE) : begin], asked.q[end : end + EDGE]
    mended = "" if fault.suggestion is None else asked.q[:begin] + fault.suggestion + asked.q[end:]
    sentence = f"{fault.message[:1].upper()}{fault.message[1:]}. At character {begin + 1}."
    return Caret(
        visible(("…" if begin > EDGE else "") + before), visible(asked.q[begin:end][:LONGEST_SHOWN_QUERY]) or " ",
        visible(after), visible(sentence), visible(fault.suggestion or ""), link(asked, q=mended) if mended else "",
    )  # fmt: skip


def _range(question: Question) -> Range:
    asked = question.asked
    wrong = next((question.wrong[name] for name in ("since", "from", "to") if name in question.wrong), "")
    since = "" if asked.start or asked.end else asked.since or USUAL
    last = f"Last {dict(PRESETS).get(since, since)}" if since and not wrong else ""
    return Range(
        words=last or stretch(question.within.start, question.within.end),
        presets=tuple(
            Preset(words, link(asked, since=value, start="", end=""), value == since) for value, words in PRESETS
        ),
        hidden=fields_of(asked, "q", "columns", "order"), start=asked.start, end=asked.end, wrong=wrong,
    )  # fmt: skip


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

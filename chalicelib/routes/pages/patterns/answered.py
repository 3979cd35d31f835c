"""The list of patterns as a page, and the page of one: the facts of their twins, in words, drawings and links."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.events.query.answers import Record
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Everything, Expression
from chalicelib.events.query.pattern_list import ONLY, ListedPattern, Only, PatternList
from chalicelib.events.query.times import TimeRange
from chalicelib.ids import DAY_MS
from chalicelib.routes.pages.examples import curl
from chalicelib.routes.pages.explore import narrowing
from chalicelib.routes.pages.explore.answered import Place
from chalicelib.routes.pages.explore.asked import Asked as Explored
from chalicelib.routes.pages.explore.asked import fields_of, link
from chalicelib.routes.pages.explore.controls import caret, notices, range_control
from chalicelib.routes.pages.explore.wording import many, moment, visible
from chalicelib.routes.pages.patterns.asked import MORE, MOST, Asked, Sort, chosen
from chalicelib.routes.pages.patterns.rows import Drawn, opened, row, when
from chalicelib.routes.pages.patterns.said import SORTED, said
from chalicelib.routes.pages.views.forms import BLANK, Form
from chalicelib.routes.pages.views.patterns import Empty, Pattern, Patterns, Row, Settled, Sorting, Tab

KEPT: Final = ("since", "from", "to", "only", "sort")
"""Parameters that another query leaves as they are."""

TABS: Final[Mapping[Only, str]] = {
    "all": "All", "new": "New", "rising": "Rising", "regressed": "Came back", "resolved": "Resolved",
}  # fmt: skip


class Question(Struct, frozen=True, kw_only=True):
    """What was asked and what of it can be used; `wrong` holds sentences by the names of parameters.

    `typed` is what was asked where its stretch of time is at fault, and `asked` is without it.
    """

    asked: Asked
    typed: Asked
    within: TimeRange
    expression: Expression = Everything()
    fault: QueryError | None = None
    wrong: Mapping[str, str] = {}


class Found(Struct, frozen=True, kw_only=True):
    """What was found. `who` resolved the pattern that is open, and how it came back, are asked for it alone."""

    list: PatternList
    seconds: float
    newest: Record | None = None
    """The last event that matches, looked for only where the range has none."""
    open: "Known | None" = None


class Known(Struct, frozen=True, kw_only=True):
    """What is known of one pattern beside the list."""

    who: str = ""
    back: str = ""
    may_write: bool = False


def page(place: Place, question: Question, found: Found | None) -> Patterns:
    """The list; without an answer where the query was not understood."""
    bare = _bare(place, question)
    if found is None:
        return bare
    asked, wanted = question.asked, chosen(found.list.patterns, question.asked)
    shown = wanted[: asked.limit]
    drawn = _drawn(question, place.now_ms)
    more = min(MOST, asked.limit + MORE)
    return replace(
        bare,
        chips=narrowing.chips(asked, question.expression),
        tabs=_tabs(asked, found.list.patterns),
        said=said(
            asked, found.list, shown, within=question.within, of=len(wanted), seconds=found.seconds, now_ms=place.now_ms
        ),
        notices=(*bare.notices, *_elsewhere(asked, found.list.patterns, shown)),
        **_came_back(asked, found.list.patterns),
        rows=tuple(_row(place, each, drawn, found) for each in _with_open(asked, found.list.patterns, shown)),
        more=f"Show {min(MORE, len(wanted) - len(shown)):,} more" if len(wanted) > len(shown) < MOST else "",
        more_link=link(asked, limit=more, open=asked.open),
        empty=None if wanted else _empty(place, asked, found),
    )  # fmt: skip


def pattern_page(
    place: Place, pattern: ListedPattern, known: Known, *, window: TimeRange, form: Form = BLANK
) -> Pattern:
    """One pattern, over all that the project keeps."""
    days = -(-(window.end - window.start) // 86_400_000)
    drawn = Drawn(range={"since": f"{days}d"}, now_ms=place.now_ms)
    here = f"{place.path}/patterns/{pattern.id}"
    settled = replace(_settled(place, pattern, known), form=form)
    return Pattern(
        crumbs=place.crumbs, project=place.path, here=here,
        row=row(pattern, drawn, opened=replace(opened(pattern, settled), change="")),
        said=f"{many(pattern.count, 'event')} in the {many(days, 'day')} that are kept",
    )  # fmt: skip


def _bare(place: Place, question: Question) -> Patterns:
    asked = question.asked
    return Patterns(
        crumbs=place.crumbs, project=place.path, here=f"{place.path}/patterns", q=asked.q,
        hidden=fields_of(asked, *KEPT), caret=caret(asked, question.fault), notices=notices(question.wrong),
        range=range_control(question.typed, question.within, question.wrong, "only", "sort"),
        sorted_words=SORTED[asked.sort].capitalize(),
        sortings=tuple(_sorting(asked, sort, words) for sort, words in SORTED.items()),
        events_link=link(Explored(q=asked.q, **_range(asked))), twin_link=link(asked, open=""),
    )  # fmt: skip


def _sorting(asked: Asked, sort: Sort, words: str) -> Sorting:
    return Sorting(words.capitalize(), link(asked, sort=sort), sort == asked.sort)


def _tabs(asked: Asked, patterns: Sequence[ListedPattern]) -> tuple[Tab, ...]:
    return tuple(
        Tab(words, sum(map(ONLY[only], patterns)), link(asked, only=only), only == asked.only)
        for only, words in TABS.items()
    )


def _drawn(question: Question, now_ms: int) -> Drawn:
    return Drawn(
        asked=question.asked, query=question.expression, range=_range(question.asked),
        now_ms=now_ms,
    )  # fmt: skip


def _range(asked: Asked) -> dict[str, Any]:
    """The same stretch of time, said to the explorer, which has a usual one of its own."""
    if asked.start or asked.end:
        return {"start": asked.start, "end": asked.end}
    return {"since": asked.since or asked.USUAL}


def _with_open(asked: Asked, patterns: Sequence[ListedPattern], shown: Sequence[ListedPattern]) -> list[ListedPattern]:
    """The rows, and before them the open one if it is not among them."""
    if not asked.open or any(each.id == asked.open for each in shown):
        return list(shown)
    return [*(each for each in patterns if each.id == asked.open), *shown]


def _elsewhere(asked: Asked, patterns: Sequence[ListedPattern], shown: Sequence[ListedPattern]) -> tuple[str, ...]:
    if not asked.open or any(each.id == asked.open for each in shown):
        return ()
    if any(each.id == asked.open for each in patterns):
        return ("The open pattern is not one of these: it stands before them.",)
    return ("The pattern to open did not occur here.",)


def _came_back(asked: Asked, patterns: Sequence[ListedPattern]) -> dict[str, str]:
    count = sum(map(ONLY["regressed"], patterns))
    if not count or asked.only == "regressed":
        return {}
    return {"back": f"{many(count, 'resolved pattern')} came back.", "back_link": link(asked, only="regressed")}


def _row(place: Place, pattern: ListedPattern, drawn: Drawn, found: Found) -> Row:
    assert drawn.asked is not None
    if pattern.id != drawn.asked.open or found.open is None:
        return row(pattern, drawn)
    settled = replace(_settled(place, pattern, found.open), place=link(drawn.asked, open=pattern.id))
    return row(pattern, drawn, opened=opened(pattern, settled))


def _settled(place: Place, pattern: ListedPattern, known: Known) -> Settled:
    at = pattern.resolved_at
    return Settled(
        who=known.who, when=None if at is None else when(at, place.now_ms),
        note=visible(pattern.note), back=known.back,
        may_resolve=known.may_write and pattern.state != "resolved",
        may_reopen=known.may_write and pattern.state != "open", here=f"{place.path}/patterns/{pattern.id}",
    )  # fmt: skip


def _empty(place: Place, asked: Asked, found: Found) -> Empty:
    if found.list.events:
        heading, sentence = _NONE[asked.only]
        return Empty(heading=heading, sentence=sentence, words="All patterns", next=link(asked, only="all"))
    if found.newest is not None:
        at = found.newest.timestamp
        return Empty(
            heading="Nothing in this range", words="Go there",
            sentence=f"The newest event that matches came {when(at, place.now_ms).words}.",
            next=link(asked, since="", start=moment(at - DAY_MS), end=moment(at + 1), only="all"),
        )  # fmt: skip
    if asked.q:
        return Empty(
            heading="No event matches, in this range or before it",
            sentence="Without its events there are no patterns.", words="Without the query", next=link(asked, q=""),
        )  # fmt: skip
    return Empty(
        heading="Patterns will be here", curl=curl(place.url, ""),
        sentence="Messages that differ only in ids, numbers, times and names are counted as one.",
    )  # fmt: skip


_NONE: Final[Mapping[Only, tuple[str, str]]] = {
    "all": ("Nothing here", ""),
    "new": ("Nothing new", "Every pattern of this range was seen before the last 24 hours."),
    "rising": ("Nothing is rising", "No pattern occurred twice as often as in the time before."),
    "regressed": ("Nothing came back", "A pattern that somebody resolved comes back when it is seen again."),
    "resolved": (
        "Nothing is resolved",
        "Open a pattern and resolve it once its cause is mended. Seen again, it is listed under Came back.",
    ),
}

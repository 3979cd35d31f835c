"""The explorer's pages for programs: the same facts, whole and unwrapped."""

from msgspec import Struct, field

from chalicelib.events.query.answers import Record, Understood
from chalicelib.events.query.budget import Scanned
from chalicelib.events.query.counts import Bucket, Facet
from chalicelib.events.query.editing import terms_of, text_of_query, without
from chalicelib.events.query.expression import describe
from chalicelib.routes.deploys import DeployView, view_of
from chalicelib.routes.pages.explore.answered import Question
from chalicelib.routes.pages.explore.columns import values_of
from chalicelib.routes.pages.explore.found import Found
from chalicelib.routes.pages.explore.said import said


class Total(Struct, frozen=True):
    """How many events match. Unless `exact`, there are at least so many."""

    count: int
    exact: bool


class HistogramTwin(Struct, frozen=True, kw_only=True):
    """Counts by level. A `partial` one has counted all from `reached` on, in milliseconds, and older only in part."""

    bucket_ms: int
    series: list[Bucket]
    partial: bool
    reached: int | None


class FacetTwin(Struct, frozen=True):
    """The most frequent values of a field, among `of` events."""

    field: str
    of: int
    values: list[Facet]


class Term(Struct, frozen=True):
    """A term of the query, and the query without it."""

    text: str
    without: str


class ExploreTwin(Struct, frozen=True, kw_only=True):
    """What the explorer shows: rows, and what surrounds them. `cells` are the values of `columns`, row by row."""

    result: str
    data: list[Record]
    columns: list[str]
    cells: list[list[list[str]]]
    next_cursor: str | None
    partial: bool
    total: Total
    histogram: HistogramTwin
    facets: list[FacetTwin]
    facets_of_all: bool
    deploys: list[DeployView]
    terms: list[Term]
    newest: Record | None
    query: Understood
    start: int = field(name="from")
    end: int = field(name="to")
    scanned: Scanned


class StepTwin(Struct, frozen=True):
    """An event of a trace: milliseconds after the first and after the one before it, and how deep its span lies."""

    offset_ms: int
    gap_ms: int
    depth: int
    event: Record


class TraceTwin(Struct, frozen=True, kw_only=True):
    """A trace in its order, oldest first. `partial` says that there may be more of it in the range."""

    trace_id: str
    steps: list[StepTwin]
    partial: bool
    start: int = field(name="from")
    end: int = field(name="to")


def twin(question: Question, found: Found, now_ms: int) -> ExploreTwin:
    page, line, query = found.page, found.histogram, question.expression
    return ExploreTwin(
        result=said(question.asked, found, now_ms), data=page.data, columns=list(question.columns),
        cells=[[list(values_of(record, name)) for name in question.columns] for record in page.data],
        next_cursor=page.next_cursor, partial=page.partial, total=Total(found.total, found.total_is_exact),
        histogram=HistogramTwin(
            bucket_ms=line.bucket_ms, series=line.series, partial=line.partial, reached=line.reached
        ),
        facets=[FacetTwin(each.field, each.of, list(each.values)) for each in found.values],
        facets_of_all=found.values_of_all, deploys=[view_of(each) for each in found.deploys],
        terms=[
            Term(describe(term), text_of_query(without(query, place))) for place, term in enumerate(terms_of(query))
        ],
        newest=found.newest, query=page.query, start=page.start, end=page.end, scanned=page.scanned,
    )  # fmt: skip

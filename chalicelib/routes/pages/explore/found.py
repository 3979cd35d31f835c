"""What an answer of the explorer is made of: a page of rows, its histogram, and the values that fields have in it.

    rows        the search, which stops when it has them
    histogram   counts by level: from the index and from headers of blocks, wherever the query is about levels alone;
                a query about anything else is counted in at most HISTOGRAM_BLOCKS blocks, newest first
    values      of the newest FACET_BLOCKS blocks, or of the rows where those are more; of metadata in the rows

All three look at the newest blocks, and no block is read twice for it. So a page costs the same whether a project has a
thousand events or a million. What was not looked at is said.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from chalicelib.events.query import counts, search
from chalicelib.events.query.answers import Page, Record
from chalicelib.events.query.counts import Facet, FacetsAnswer, TimelineAnswer
from chalicelib.events.query.expression import Expression
from chalicelib.events.query.times import TimeRange
from chalicelib.events.query.values import is_present, text_of
from chalicelib.events.scope import Scope
from chalicelib.events.store import deploys
from chalicelib.events.store.deploys import Deploy
from chalicelib.events.store.read import Order
from chalicelib.events.store.remembered import remembered

SEARCH_SECONDS: Final = 8.0
COUNT_SECONDS: Final = 4.0
"""That each part may take; seven tenths of it for reading."""

HISTOGRAM_BLOCKS: Final = 4_000
FACET_BLOCKS: Final = 64
BUCKETS: Final = 60
MOST_DEPLOYS: Final = 200
"""Markers on a histogram, the newest; one read has them all."""

FIELDS: Final = ("level", "service", "environment", "type")
METADATA_FIELDS: Final = 5
METADATA_ROWS: Final = 100
FEW_ROWS: Final = 20
"""Among so few, values that are all different say as much as others."""
LONGEST_VALUE: Final = 100
LONGEST_KEY: Final = 60
MOST_KEYS: Final = 400


class Read(Struct, frozen=True):
    """Who reads what, and how long it may take."""

    scope: Scope
    expression: Expression
    within: TimeRange
    now_ms: int
    deadline: float

    def by(self, seconds: float) -> float:
        return min(self.deadline, time.monotonic() + seconds)


class Values(Struct, frozen=True):
    """How often a field has its most frequent values, among `of` events."""

    field: str
    values: tuple[Facet, ...]
    of: int


class Found(Struct, frozen=True):
    """All of it. `newest` is the last match of all, looked for only where the range has none."""

    page: Page
    histogram: TimelineAnswer
    values: tuple[Values, ...]
    values_of_all: bool
    """Whether the values are those of all matches, not of the newest alone."""
    seconds: float
    newest: Record | None = None
    deploys: tuple[Deploy, ...] = ()
    """In the range, the newest first."""
    follow: str = ""
    """The cursor of what comes after these rows, where they are followed."""
    more_ahead: bool = False
    """Whether there are events with times yet to come that are not among the rows."""

    @property
    def total(self) -> int:
        counted = sum(sum(bucket.counts.values()) for bucket in self.histogram.series)
        return max(counted, len(self.page.data))

    @property
    def total_is_exact(self) -> bool:
        return not self.histogram.partial


def looked(read: Read, *, limit: int, order: Order, cursor: str | None) -> Found:
    """The whole answer. Raises `CursorRefused` and `StoreUnavailable`."""
    with remembered():
        return _looked(read, limit, order, cursor)


def _looked(read: Read, limit: int, order: Order, cursor: str | None) -> Found:
    began = time.monotonic()
    page = search.search(
        read.scope, read.expression, read.within, limit=limit, order=order, cursor=cursor, now_ms=read.now_ms,
        deadline=read.by(SEARCH_SECONDS),
    )  # fmt: skip
    within = TimeRange(page.start, page.end)
    histogram = counts.timeline(
        read.scope, read.expression, within, buckets=BUCKETS, now_ms=read.now_ms, deadline=read.by(COUNT_SECONDS),
        blocks=HISTOGRAM_BLOCKS,
    )  # fmt: skip
    values = _values(read, within) if page.data else None
    return Found(
        page=page, histogram=histogram, values=_all_values(page.data, values),
        values_of_all=values is not None and not values.partial, seconds=time.monotonic() - began,
        deploys=_deploys(read, within), newest=None if page.data or page.next_cursor else _newest(read),
    )  # fmt: skip


def _deploys(read: Read, within: TimeRange) -> tuple[Deploy, ...]:
    found = deploys.deploys(
        read.scope, within, limit=MOST_DEPLOYS, now_ms=read.now_ms, deadline=read.by(COUNT_SECONDS)
    )  # fmt: skip
    return tuple(found)


def _values(read: Read, within: TimeRange) -> FacetsAnswer:
    return counts.facets(
        read.scope, read.expression, within, fields=FIELDS, now_ms=read.now_ms, deadline=read.by(COUNT_SECONDS),
        blocks=FACET_BLOCKS,
    )  # fmt: skip


def _all_values(rows: Sequence[Record], counted: FacetsAnswer | None) -> tuple[Values, ...]:
    if counted is None:
        return ()
    of = sum(each.count for each in counted.facets["level"])
    usual = (
        _values_of_rows(rows) if of < len(rows) else [Values(name, tuple(counted.facets[name]), of) for name in FIELDS]
    )
    return (*(each for each in usual if each.values), *_metadata_values(rows[:METADATA_ROWS]))


def _values_of_rows(rows: Sequence[Record]) -> list[Values]:
    """Where matches are so rare that the newest blocks hold fewer of them than the page does."""
    held = ((name, Counter(value for row in rows if (value := getattr(row, name)))) for name in FIELDS)
    return [Values(name, tuple(Facet(*pair) for pair in found.most_common(8)), len(rows)) for name, found in held]


def _metadata_values(rows: Sequence[Record]) -> tuple[Values, ...]:
    """Of the metadata that many rows have and that tells them apart: neither one value only, nor one for each row."""
    held: dict[str, Counter[str]] = {}
    for row in rows:
        for path, text in dict.fromkeys(_short_values(row.metadata)):
            if path in held or len(held) < MOST_KEYS:
                held.setdefault(path, Counter())[text] += 1
    telling = [(path, found) for path, found in held.items() if len(found) < found.total() or len(rows) < FEW_ROWS]
    telling.sort(key=lambda each: -each[1].total())
    return tuple(
        Values(f"metadata.{path}", tuple(Facet(*pair) for pair in found.most_common(8)), len(rows))
        for path, found in telling[:METADATA_FIELDS]
    )


def _short_values(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Paths and texts of what stands in objects, as far as both are short."""
    found: list[tuple[str, str]] = []
    waiting: list[tuple[str, Any]] = list(metadata.items())
    while waiting and len(found) < MOST_KEYS:
        path, value = waiting.pop()
        if not path or len(path) > LONGEST_KEY:
            continue
        if isinstance(value, Mapping):
            waiting.extend((f"{path}.{key}", inner) for key, inner in value.items())
        elif is_present(value) and (text := text_of(value)) is not None and len(text) <= LONGEST_VALUE:
            found.append((path, text))
    return found[::-1]


def _newest(read: Read) -> Record | None:
    """The last event that matches, if the range is all that keeps it from being seen."""
    back = TimeRange(read.scope.horizon(read.now_ms), read.now_ms + 1)
    page = search.search(
        read.scope, read.expression, back, limit=1, now_ms=read.now_ms, deadline=read.by(COUNT_SECONDS)
    )  # fmt: skip
    return page.data[0] if page.data else None

"""Answers about many events at once, grown block by block and merged: counts, groups, top values, numbers.

    totals = aggregate_for(parse_metric("p95(metadata.duration_ms)"), parse_fields("service"))
    totals.add(block, mask)        # any number of times, in any order, in several workers
    totals.merge(others)
    totals.result()

Everything is bounded: past a stated number of groups or values the answer goes on, and says `exact=False`.
Counts over time are in `timeline`.
"""

import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import compress, repeat
from typing import Any, Final, Self

from msgspec import Struct

from chalicelib.events.block import Block
from chalicelib.events.query.columns import single_values, values_of
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import Number
from chalicelib.events.query.fields import Field, Kind, Section, field_named, section_of, suggested_name
from chalicelib.events.query.labels import Key, Label, keys_of, label_counts, single_labels
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.measures import Distinct, Measure, Quantiles, Summary

MOST_FIELDS: Final = 2
MOST_GROUPS: Final = 1_000
"""Groups in an answer."""
MOST_COUNTED: Final = 10_000
"""Groups held while counting, so that the largest are right in the end."""


class Metric(Struct, frozen=True):
    """What is asked of each group: `count`, or a function of a field. `percent` belongs to `p`."""

    function: str
    field: str = ""
    percent: int = 0

    def __str__(self) -> str:
        return f"{self.function}{self.percent or ''}({self.field})" if self.field else self.function


COUNT: Final = Metric("count")


class Group(Struct, frozen=True):
    """`key` is a value for each field grouped by, None where events have none."""

    key: Mapping[str, Label]
    value: Number | None


class Grouped(Struct, frozen=True):
    """Groups, largest value first. `other` is how many events (or values, for a function) fell outside them.

    `exact` is False if a bound was passed: values are then estimates, or lower bounds of counts.
    """

    groups: tuple[Group, ...]
    other: int
    exact: bool


class Aggregate(ABC):
    """An event with several values of a field it is grouped by counts once in the group of each."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self.fields = fields
        self.other = 0
        self.needs_detail = any(section_of(field) is Section.DETAIL for field in fields)

    @abstractmethod
    def add(self, block: Block, mask: Mask) -> None:
        """Takes in the masked rows of a block, its detail attached if `needs_detail`."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Takes in what another of the same making has."""

    @abstractmethod
    def result(self) -> Grouped: ...


def aggregate_for(metric: Metric, by: tuple[str, ...] = ()) -> "Counts | Measures":
    return Measures(metric, by) if metric.field else Counts(by)


class Counts(Aggregate):
    """How many events, in all or for each value (or pair of values) of the fields."""

    def __init__(self, by: tuple[str, ...] = (), *, most: int = MOST_COUNTED) -> None:
        super().__init__(by)
        self.most = most
        self.levels_suffice = by in ((), ("level",))
        self._counts: dict[Key, int] = {}

    def add(self, block: Block, mask: Mask) -> None:
        self._add(label_counts(block, self.fields, mask) if self.fields else {(): mask.count()})

    def add_counts(self, level_counts: Mapping[str, int]) -> None:
        """Takes in events known only by level, from a header or an index; possible if `levels_suffice`."""
        if not self.levels_suffice:
            raise ValueError(f"counts by level do not tell {self.fields}")
        self._add(
            {(level,): count for level, count in level_counts.items()}
            if self.fields
            else {(): sum(level_counts.values())}
        )

    def merge(self, other: Self) -> None:
        self.other += other.other
        self._add(other._counts)

    def result(self) -> Grouped:
        if not self.fields:
            return Grouped((Group({}, self._counts.get((), 0)),), 0, True)
        return _grouped(self.fields, self._counts, self._counts, self.other, exact=not self.other)

    def top(self, limit: int) -> Grouped:
        """The most frequent values, without the events that have none."""
        present = {key: count for key, count in self._counts.items() if None not in key}
        return _grouped(self.fields, present, present, self.other, exact=not self.other, limit=limit)

    def _add(self, counts: Mapping[Key, int]) -> None:
        held = self._counts
        for key, count in counts.items():
            if key in held or len(held) < self.most:
                held[key] = held.get(key, 0) + count
            else:
                self.other += count


class Measures(Aggregate):
    """A function of a field's values, over all events or for each group. Groups without such a value are left out."""

    def __init__(self, metric: Metric, by: tuple[str, ...] = (), *, most: int = MOST_GROUPS) -> None:
        super().__init__(by)
        self.metric = metric
        self.most = most
        self.needs_detail = self.needs_detail or section_of(metric.field) is Section.DETAIL
        function = _FUNCTIONS[metric.function]
        self._make = function.grouped if by else function.whole
        self._answer = function.answer
        self._held: dict[Key, Measure] = {}

    def add(self, block: Block, mask: Mask) -> None:
        for key, values in _collected(block, mask, self.metric.field, self.fields).items():
            measure = self._make()
            measure.add(values)
            self._take(key, measure)

    def merge(self, other: Self) -> None:
        self.other += other.other
        for key, measure in other._held.items():
            self._take(key, measure)

    def result(self) -> Grouped:
        answers = {key: self._answer(measure, self.metric) for key, measure in self._held.items()}
        exact = not self.other and all(measure.exact for measure in self._held.values())
        if not self.fields:
            return Grouped((Group({}, answers.get((), self._answer(self._make(), self.metric))),), 0, exact)
        sizes = {key: measure.count for key, measure in self._held.items()}
        known = {key: value for key, value in answers.items() if value is not None}
        return _grouped(self.fields, known, sizes, self.other, exact=exact)

    def _take(self, key: Key, measure: Measure) -> None:
        if measure.count and (key in self._held or len(self._held) < self.most):
            self._held.setdefault(key, self._make()).merge(measure)
        else:
            self.other += measure.count


def parse_metric(text: str) -> Metric:
    """`count`, `distinct(user_id)`, `avg(metadata.duration_ms)`, `p95(…)` and so on. Raises QueryError."""
    written = text.strip()
    start = text.find(written)
    if written in ("", "count", "count()"):
        return COUNT
    match = re.fullmatch(r"([A-Za-z]+)([0-9]{0,3})\((.*)\)", written, re.DOTALL)
    function = match[1].lower() if match else ""
    percent = int(match[2] or 0) if match else 0
    known = function in _FUNCTIONS and (1 <= percent <= 99 if function == "p" else not percent)
    if match is None or not known:
        raise QueryError(
            f"no metric `{written[:40]}`: write `count`, `distinct(field)`, `min(field)`, `max(field)`, `avg(field)`, "
            "`sum(field)`, or a percentile from `p1(field)` to `p99(field)`",
            start,
            max(1, len(written)),
        )
    inside = match[3].strip()
    position = start + match.start(3) + match[3].find(inside)
    field = _field(inside, position)
    if function != "distinct" and field.kind not in (Kind.TIME, Kind.METADATA):
        raise QueryError(
            f"`{function}` needs numbers, as in `{function}{percent or ''}(metadata.duration_ms)`",
            position,
            len(inside),
        )
    return Metric(function, field.name, percent)


def parse_fields(text: str) -> tuple[str, ...]:
    """The canonical names of one or two fields to group by, written with a comma between them. Raises QueryError."""
    if not text.strip():
        return ()
    fields: list[str] = []
    position = 0
    for written in text.split(","):
        name = written.strip()
        at = position + written.find(name)
        field = _field(name, at)
        if field.kind is Kind.TIME:
            raise QueryError("events are grouped by time in a timeline, not here", at, len(name))
        if len(fields) == MOST_FIELDS:
            raise QueryError(f"events are grouped by at most {MOST_FIELDS} fields", at, len(name))
        if field.name not in fields:
            fields.append(field.name)
        position += len(written) + 1
    return tuple(fields)


def _field(name: str, position: int) -> Field:
    field = field_named(name)
    if field is not None:
        return field
    meant = suggested_name(name)
    question = f"; did you mean `{meant}`?" if meant else ""
    raise QueryError(f"no field `{name[:40]}`{question}", position, max(1, len(name)), meant)


class _Function(Struct, frozen=True):
    """How one function is computed: what it keeps over everything, what in each of many groups, and its answer."""

    whole: Callable[[], Measure]
    grouped: Callable[[], Measure]
    answer: Callable[[Any, Metric], Number | None]


_FUNCTIONS: Final = {
    "min": _Function(Summary, Summary, lambda summary, _: summary.lowest),
    "max": _Function(Summary, Summary, lambda summary, _: summary.highest),
    "avg": _Function(Summary, Summary, lambda summary, _: summary.average),
    "sum": _Function(Summary, Summary, lambda summary, _: summary.total),
    "p": _Function(
        Quantiles, partial(Quantiles, 1_000), lambda quantiles, metric: quantiles.percentile(metric.percent)
    ),
    "distinct": _Function(Distinct, partial(Distinct, 1_000), lambda distinct, _: distinct.estimate()),
}


def _collected(block: Block, mask: Mask, field: str, by: tuple[str, ...]) -> Mapping[Key, list[Any]]:
    """The present values of a field in the masked rows, by group."""
    found: dict[Key, list[Any]] = defaultdict(list)
    singles, labels = single_values(block, field), single_labels(block, by)
    if singles is not None and labels is not None:
        keys = zip(*labels, strict=True) if labels else repeat(())
        for key, value in compress(zip(keys, singles, strict=False), mask.flags):
            if value is not None:
                found[key].append(value)
        return found
    values, keys_at = values_of(block, field), keys_of(block, by)
    for row in mask.rows():
        of_row = values(row)
        for key in keys_at(row) if of_row else ():
            found[key].extend(of_row)
    return found


def _grouped(
    fields: tuple[str, ...],
    values: Mapping[Key, Number],
    sizes: Mapping[Key, int],
    other: int,
    *,
    exact: bool,
    limit: int = MOST_GROUPS,
) -> Grouped:
    ranked = sorted(values, key=lambda key: (-values[key], [(label is None, label or "") for label in key]))
    shown, rest = ranked[:limit], ranked[limit:]
    groups = tuple(Group(dict(zip(fields, key, strict=True)), values[key]) for key in shown)
    return Grouped(groups, other + sum(sizes[key] for key in rest), exact)

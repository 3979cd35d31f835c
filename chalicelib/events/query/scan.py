"""Runs a query over whole blocks: the expression is compiled once, then each block costs a few passes over bytes.

What `match.matches` says of an event is what the mask says of its row. The order of work is by price: the header
(`Filter.admits`), section A, the messages, and the detail only for rows that everything else has let through.

    wanted = Filter(expression)
    if wanted.admits(block.header):
        mask = wanted.narrow(block)                    # sections A and M; an upper bound
        if mask and wanted.needs_detail:
            ... block.attach(detail) if block.needs_detail ...
            mask = wanted.mask(block, mask)            # exact
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from chalicelib.events.block import Block, Header
from chalicelib.events.query.clauses import View, clause_for
from chalicelib.events.query.expression import And, Contains, Equals, Everything, Expression, leaves
from chalicelib.events.query.fields import Section, section_of
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.predicates import UNBOUNDED


class TimeBounds(Struct, frozen=True):
    """Milliseconds, both ends included; None where the query leaves that end open."""

    first: int | None
    last: int | None


class Filter:
    """A compiled query, and what a planner may know of it before any block is read.

    expression            what was compiled
    levels                the levels that an event can have and match
    only_levels           the query asks for nothing but levels: counts by level answer it, see `matching_counts`
    time_bounds           no event outside can match
    ids                   (field, value in lower case) that every match has, for trace_id and the other ids
    needs_detail          the detail section takes part in the decision
    exact_without_detail  it does not: `narrow` is already exact
    """

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self._clause = clause_for(expression)
        self._undecided = self._clause.after_narrowing()
        fields = _fields(expression)
        self.levels = self._clause.levels
        self.only_levels = fields <= {"level"}
        self.needs_detail = any(section_of(field) is Section.DETAIL for field in fields)
        self.exact_without_detail = not self.needs_detail
        self.ids = tuple(_ids(expression))
        self._first, self._last = self._clause.span
        lowest, highest = UNBOUNDED
        self.time_bounds = TimeBounds(
            None if self._first == lowest else self._first, None if self._last == highest else self._last
        )

    def admits(self, header: Header) -> bool:
        """False only if the header alone tells that no event of the block can match."""
        if header.first > self._last or header.last < self._first:
            return False
        return not self.levels.isdisjoint(header.level_counts)

    def matching_counts(self, level_counts: Mapping[str, int]) -> dict[str, int]:
        """How many of the events counted here match, by level: exact if `only_levels`, else an upper bound."""
        return {level: count for level, count in level_counts.items() if level in self.levels}

    def narrow(self, block: Block) -> Mask:
        """The rows that may match, found without the detail: exact if `exact_without_detail`, else an upper bound."""
        everything = Mask.everything(block.header.count)
        return Mask(self._clause.keep(View(block, with_detail=False), everything.bits), everything.length)

    def mask(self, block: Block, narrowed: Mask | None = None) -> Mask:
        """The rows that match. If `needs_detail`, the block's detail must be attached.

        `narrowed`, what `narrow` answered for this block or any part of it, saves doing that again.
        """
        rows = self.narrow(block) if narrowed is None else narrowed
        if self.exact_without_detail or not rows:
            return rows
        return Mask(self._undecided.keep(View(block, with_detail=True), rows.bits), rows.length)


_IDS: Final = frozenset(("trace_id", "span_id", "user_id", "session_id", "device_id"))


def _ids(expression: Expression) -> Iterator[tuple[str, str]]:
    for term in expression.terms if isinstance(expression, And) else (expression,):
        if isinstance(term, Equals) and term.field in _IDS:
            yield term.field, term.value.lower()


def _fields(expression: Expression) -> frozenset[str]:
    tests = [leaf for leaf in leaves(expression) if not isinstance(leaf, Everything)]
    return frozenset("message" if isinstance(test, Contains) else test.field for test in tests)

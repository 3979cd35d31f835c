"""What the parts of a query become when it is compiled: each keeps, of the rows it is given, those that pass.

Negation is pushed down to the single tests, so that "keep every row until the detail is read" is a safe answer for
any test of the detail, and `and`/`or` of safe answers are safe too.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Final

from chalicelib.events.block import Block
from chalicelib.events.event import LEVELS
from chalicelib.events.query.columns import SEPARATOR, values_of
from chalicelib.events.query.expression import (
    And,
    Contains,
    Everything,
    Expression,
    FieldTest,
    Not,
    Or,
)
from chalicelib.events.query.fields import METADATA_PREFIX, Section, section_of
from chalicelib.events.query.mask import stretch
from chalicelib.events.query.predicates import UNBOUNDED, Span, span_of, value_test, word_test

_PRICE: Final = {Section.CODES: 0, Section.MESSAGES: 1, Section.DETAIL: 2}


class View:
    """A block while one query looks at it; keeps what several clauses need."""

    def __init__(self, block: Block, *, with_detail: bool) -> None:
        self.block = block
        self.length = block.header.count
        self.with_detail = with_detail
        self._lowered: dict[bool, bytes] = {}

    def messages(self, *, ascii_only: bool) -> bytes:
        """All messages in lower case, as `str.lower()` does it to each.

        For a needle that is ASCII, lowering bytes is enough, but for the two letters that `str.lower()` brings into
        ASCII: the Kelvin sign and the dotted capital I. No rule of `str.lower()` reaches over the separator.
        """
        if ascii_only not in self._lowered:
            self._lowered[ascii_only] = _lower_bytes(self.block.messages) if ascii_only else _lower(self.block.messages)
        return self._lowered[ascii_only]


class Clause(ABC):
    """Rows are bits as in `Mask`; what is kept is always among what was given.

    No event of a level outside `levels`, or of a time outside `span`, can pass.
    """

    price: int
    levels = frozenset(LEVELS)
    span = UNBOUNDED

    @abstractmethod
    def keep(self, view: View, rows: int) -> int: ...

    def after_narrowing(self) -> "Clause":
        """What is left to decide for rows that this clause kept without the detail."""
        return self


def clause_for(expression: Expression, *, negative: bool = False) -> Clause:
    match expression:
        case Not(term):
            return clause_for(term, negative=not negative)
        case And(terms) | Or(terms):
            clauses = [clause_for(term, negative=negative) for term in terms]
            return _All(clauses) if isinstance(expression, And) is not negative else _Any(clauses)
        case Everything():
            return _Any(()) if negative else _All(())
        case Contains(text):
            return _Message(text.lower(), negative=negative)
        case _:
            return _field_clause(expression, negative=negative)


def _field_clause(test: FieldTest, *, negative: bool) -> Clause:
    if test.field == "timestamp":
        return _Time(span_of(test), negative=negative)
    if test.field == "message":
        return _MessageExists(negative=negative)
    if test.field.startswith(METADATA_PREFIX):
        return _Metadata(test, negative=negative)
    kind = _Code if section_of(test.field) is Section.CODES else _Id
    return kind(test.field, word_test(test), negative=negative)


class _Time(Clause):
    price = _PRICE[Section.CODES]

    def __init__(self, span: Span, *, negative: bool) -> None:
        self.first, self.last = span
        self.negative = negative
        self.span = _span_outside(span) if negative else span

    def keep(self, view: View, rows: int) -> int:
        low, high = view.block.row_at(self.first), view.block.row_at(self.last + 1)
        inside = stretch(low, high, view.length)
        return rows & ~inside if self.negative else rows & inside


def _span_outside(span: Span) -> Span:
    """The smallest span that holds every time outside of this one."""
    (lowest, highest), (first, last) = UNBOUNDED, span
    if first == lowest:
        return last + 1, highest
    return (lowest, first - 1) if last == highest else UNBOUNDED


class _Code(Clause):
    """A field with a small vocabulary: each word is tested once, then one translation marks the rows."""

    price = _PRICE[Section.CODES]

    def __init__(self, field: str, passes: Callable[[str], bool], *, negative: bool) -> None:
        self.field = field
        self.passes = passes
        self.negative = negative
        if field == "level":
            self.levels = frozenset(level for level in LEVELS if passes(level) is not negative)

    def keep(self, view: View, rows: int) -> int:
        vocabulary, codes = view.block.codes(self.field)
        flags = bytes([self.passes(word) is not self.negative for word in vocabulary])
        if 0 not in flags:
            return rows
        if 1 not in flags or codes is None:
            return 0
        if isinstance(codes, bytes):
            marked = codes.translate(flags.ljust(256, b"\0"))
        else:
            marked = bytes(map(flags.__getitem__, codes))
        return rows & int.from_bytes(marked, "little")


class _Message(Clause):
    price = _PRICE[Section.MESSAGES]

    def __init__(self, text: str, *, negative: bool) -> None:
        self.text = text
        self.needle = text.encode("utf-8", "surrogatepass")
        self.negative = negative

    def keep(self, view: View, rows: int) -> int:
        lowered = view.messages(ascii_only=self.text.isascii())
        found = int.from_bytes(_rows_with(self.needle, lowered, view.length), "little")
        return rows & ~found if self.negative else rows & found


class _MessageExists(Clause):
    price = _PRICE[Section.MESSAGES]

    def __init__(self, *, negative: bool) -> None:
        self.negative = negative

    def keep(self, view: View, rows: int) -> int:
        messages = view.block.messages.split(SEPARATOR)
        marked = bytes([(message != b"") is not self.negative for message in messages])
        return rows & int.from_bytes(marked, "little")


class _Id(Clause):
    """A text field of the detail section: at most one text a row."""

    price = _PRICE[Section.DETAIL]

    def __init__(self, field: str, passes: Callable[[str], bool], *, negative: bool) -> None:
        self.field = field
        self.passes = passes
        self.negative = negative

    def keep(self, view: View, rows: int) -> int:
        if not view.with_detail:
            return rows
        values, passes = view.block.values(self.field), self.passes
        found = _passing(view, rows, lambda row: passes(values[row] or ""))
        return rows ^ found if self.negative else found


class _Metadata(Clause):
    price = _PRICE[Section.DETAIL]

    def __init__(self, test: FieldTest, *, negative: bool) -> None:
        self.test = test
        self.passes = value_test(test)
        self.negative = negative

    def keep(self, view: View, rows: int) -> int:
        if not view.with_detail:
            return rows
        values, passes = values_of(view.block, self.test.field), self.passes
        found = _passing(view, rows, lambda row: any(map(passes, values(row))))
        return rows ^ found if self.negative else found


def _passing(view: View, rows: int, passes: Callable[[int], bool]) -> int:
    """Of these rows those that pass, asked one by one."""
    marked = bytearray(view.length)
    for row in compress(range(view.length), rows.to_bytes(view.length, "little")):
        marked[row] = passes(row)
    return int.from_bytes(marked, "little")


class _Joined(Clause):
    def __init__(self, clauses: Sequence[Clause]) -> None:
        self.clauses = sorted(clauses, key=lambda clause: clause.price)
        self.price = max((clause.price for clause in clauses), default=0)


class _All(_Joined):
    def __init__(self, clauses: Sequence[Clause]) -> None:
        super().__init__(clauses)
        self.levels = Clause.levels.intersection(*(clause.levels for clause in clauses))
        spans = [UNBOUNDED, *(clause.span for clause in clauses)]
        self.span = max(first for first, _ in spans), min(last for _, last in spans)

    def keep(self, view: View, rows: int) -> int:
        for clause in self.clauses:
            if not rows:
                break
            rows = clause.keep(view, rows)
        return rows

    def after_narrowing(self) -> Clause:
        undecided = [clause for clause in self.clauses if clause.price == _PRICE[Section.DETAIL]]
        return _All(undecided) if undecided else self


class _Any(_Joined):
    def __init__(self, clauses: Sequence[Clause]) -> None:
        super().__init__(clauses)
        self.levels = frozenset[str]().union(*(clause.levels for clause in clauses))
        spans = [clause.span for clause in clauses] or [UNBOUNDED]
        self.span = min(first for first, _ in spans), max(last for _, last in spans)

    def keep(self, view: View, rows: int) -> int:
        found = 0
        for clause in self.clauses:
            left = rows & ~found
            if not left:
                break
            found |= clause.keep(view, left)
        return found


_SEPARATOR_TEXT: Final = SEPARATOR.decode("latin-1")
_MANY, _DENSE = 8, 7  # hits after which one in so many rows makes `_each_with` the faster way (measured)
_KELVIN_SIGN: Final = "\u212a".encode()
_DOTTED_I: Final = "\u0130".encode()


def _lower_bytes(messages: bytes) -> bytes:
    if _KELVIN_SIGN[0] in messages and _KELVIN_SIGN in messages:  # one byte is sought many times faster than three
        messages = messages.replace(_KELVIN_SIGN, b"k")
    if _DOTTED_I[0] in messages and _DOTTED_I in messages:
        messages = messages.replace(_DOTTED_I, "i\u0307".encode())
    return messages.lower()


def _lower(messages: bytes) -> bytes:
    return messages.decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape")


def _rows_with(needle: bytes, messages: bytes, length: int) -> bytearray:
    """One byte a row. Hops from hit to hit, as long as hits are rare enough for that to be faster."""
    marked = bytearray(length)
    row = start = hits = 0
    at = messages.find(needle)
    while at >= 0 and not (hits >= _MANY and hits * _DENSE > row):
        row += messages.count(SEPARATOR, start, at)
        marked[row] = 1
        hits += 1
        end = messages.find(SEPARATOR, at)
        if end < 0:
            return marked
        row += 1
        start = end + 1
        at = messages.find(needle, start)
    if at >= 0:
        marked[row:] = _each_with(needle, messages[start:])
    return marked


def _each_with(needle: bytes, messages: bytes) -> bytes:
    """One byte a row, message by message. As Latin-1, which is byte for byte, because `in` is faster on text."""
    text = needle.decode("latin-1")
    return bytes([text in message for message in messages.decode("latin-1").split(_SEPARATOR_TEXT)])

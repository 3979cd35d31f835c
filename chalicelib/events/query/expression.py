"""A query, understood: the tree that parsing makes, and its canonical text."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from chalicelib.events.query.fields import METADATA_PREFIX

Number = int | float
Operator = Literal[">", ">=", "<", "<="]
Bound = int | float | str
"""A time in milliseconds, a number, or the name of a level, as the field demands."""


class Everything(Struct, frozen=True):
    """Matches every event."""


class Contains(Struct, frozen=True):
    """The message has this text in it somewhere."""

    text: str


class Equals(Struct, frozen=True):
    field: str
    value: str


class StartsWith(Struct, frozen=True):
    field: str
    prefix: str


class Exists(Struct, frozen=True):
    field: str


class Compare(Struct, frozen=True):
    field: str
    operator: Operator
    bound: Bound


class Between(Struct, frozen=True):
    """Both ends belong to the range."""

    field: str
    low: Bound
    high: Bound


class Not(Struct, frozen=True):
    """Never holds another `Not`: see `negated`."""

    term: "Expression"


class And(Struct, frozen=True):
    """At least two terms, none of them an `And`: see `all_of`."""

    terms: tuple["Expression", ...]


class Or(Struct, frozen=True):
    """At least two terms, none of them an `Or`: see `any_of`."""

    terms: tuple["Expression", ...]


FieldTest = Equals | StartsWith | Exists | Compare | Between
Expression = Everything | Contains | FieldTest | Not | And | Or


def negated(term: Expression) -> Expression:
    return term.term if isinstance(term, Not) else Not(term)


def all_of(terms: list[Expression]) -> Expression:
    flat = [inner for term in terms for inner in (term.terms if isinstance(term, And) else (term,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def any_of(terms: list[Expression]) -> Expression:
    flat = [inner for term in terms for inner in (term.terms if isinstance(term, Or) else (term,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def describe(expression: Expression) -> str:
    """The canonical text: what the query was understood as. Parsing it gives the same expression.

    It spells out aliases and value lists, so the text of a query near the length limit may be longer than the limit.
    """
    match expression:
        case Or(terms):
            return " OR ".join(describe(term) for term in terms)
        case And(terms):
            return " ".join(_inside(term) for term in terms)
        case Not(term):
            return "-" + _inside(term)
        case Everything():
            return "*"
        case Contains(text):
            return _word(text)
        case _:
            return _field_text(expression)


def leaves(expression: Expression) -> Iterator[Everything | Contains | FieldTest]:
    """Every test in the expression, in the order written."""
    match expression:
        case And(terms) | Or(terms):
            for term in terms:
                yield from leaves(term)
        case Not(term):
            yield from leaves(term)
        case _:
            yield expression


def _inside(term: Expression) -> str:
    return f"({describe(term)})" if isinstance(term, And | Or) else describe(term)


def _field_text(test: FieldTest) -> str:
    name = _name(test.field)
    match test:
        case Exists():
            return f"{name}:*"
        case Equals(_, value):
            return f"{name}:{_word(value)}"
        case StartsWith(_, prefix):
            return f"{name}:{_word(prefix)}*"
        case Compare(field, operator, bound):
            return f"{name}{operator}{_bound(field, bound)}"
        case Between(field, low, high):
            return f"{name}:{_bound(field, low)}..{_bound(field, high)}"


_PLAIN_SIGNS: Final = frozenset("_-./@+%#~$&")


def _plain(text: str) -> bool:
    return all(character.isalnum() or character in _PLAIN_SIGNS for character in text)


def _word(text: str) -> str:
    """The text, quoted unless it is plainly one word."""
    one_word = _plain(text) and text[0] != "-" and ".." not in text and text not in ("AND", "OR", "NOT")
    return text if one_word else _quoted(text)


def _name(field: str) -> str:
    if not field.startswith(METADATA_PREFIX):
        return field
    path = field.removeprefix(METADATA_PREFIX)
    return METADATA_PREFIX + (path if _plain(path) else _quoted(path))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _bound(field: str, bound: Bound) -> str:
    if field != "timestamp" or isinstance(bound, str):
        return str(bound)
    at = _EPOCH + timedelta(milliseconds=bound)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

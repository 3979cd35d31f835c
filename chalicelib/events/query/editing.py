"""Queries changed by a click: a value looked for alone, too, or not at all, and terms taken away.

Only the terms that stand side by side at the top are touched. What comes out is a query like any other: its text, as
`describe` writes it, is understood as the same.
"""

from collections.abc import Sequence
from typing import Literal

from chalicelib.events.event import LEVELS
from chalicelib.events.query.expression import (
    And,
    Contains,
    Equals,
    Everything,
    Exists,
    Expression,
    FieldTest,
    Not,
    Or,
    StartsWith,
    all_of,
    any_of,
    describe,
    leaves,
    negated,
)

How = Literal["only", "include", "exclude"]


def edited(query: Expression, field: str, value: str, how: How) -> Expression:
    """The query after a click on a value of a field, by the field's whole name; `""` stands for not having it.

    `only`     nothing else is asked of this field
    `include`  beside the values that are already looked for, if any are
    `exclude`  and no longer one of them
    """
    test = value_test(field, value)
    terms = [term for term in terms_of(query) if term not in (test, negated(test))]
    if how == "only":
        return joined([*(term for term in terms if not _is_about(term, field)), test])
    if how == "exclude":
        return joined([*_without_value(terms, field, test), negated(test)])
    return joined(_with_value(query, terms, field, test))


def without(query: Expression, place: int) -> Expression:
    """The query without one of its terms, counted from 0. A place where none is changes nothing."""
    return joined([term for number, term in enumerate(terms_of(query)) if number != place])


def terms_of(query: Expression) -> tuple[Expression, ...]:
    """What stands side by side at the top; none in a query for everything."""
    terms = query.terms if isinstance(query, And) else (query,)
    return tuple(term for term in terms if not isinstance(term, Everything))


def joined(terms: Sequence[Expression]) -> Expression:
    """Terms that must all hold."""
    return all_of(list(terms)) if terms else Everything()


def text_of_query(query: Expression) -> str:
    """As a person would type it: nothing at all for everything."""
    return "" if isinstance(query, Everything) else describe(query)


def value_test(field: str, value: str) -> Expression:
    """What holds of the events that have just this value in the field."""
    if not value or (field == "level" and value not in LEVELS):
        return negated(Exists(field))
    return Contains(value) if field == "message" else Equals(field, value)


def is_asked(query: Expression, field: str, value: str) -> How | None:
    """How a value is already asked for by a term at the top, if it is."""
    test = value_test(field, value)
    terms = terms_of(query)
    if negated(test) in terms:
        return "exclude"
    if test in terms:
        return "only"
    return "include" if any(test in _values(term, field) for term in terms) else None


def words_in(query: Expression) -> tuple[str, ...]:
    """The texts that the messages of all or some matches have, for showing where."""
    return tuple(dict.fromkeys(leaf.text for leaf in _wanted(query) if isinstance(leaf, Contains)))


def _wanted(query: Expression) -> list[Everything | Contains | FieldTest]:
    """Every test but those that are negated."""
    match query:
        case And(terms) | Or(terms):
            return [leaf for term in terms for leaf in _wanted(term)]
        case Not():
            return []
        case _:
            return list(leaves(query))


def _with_value(query: Expression, terms: list[Expression], field: str, test: Expression) -> list[Expression]:
    if test in terms_of(query):
        return list(terms_of(query))
    for place, term in enumerate(terms):
        values = _values(term, field)
        if values:
            more = [] if test in values else [test]
            return [*terms[:place], any_of([*values, *more]), *terms[place + 1 :]]
    return [*terms, test]


def _without_value(terms: list[Expression], field: str, test: Expression) -> list[Expression]:
    left: list[Expression] = []
    for term in terms:
        kept = [each for each in _values(term, field) if each != test]
        if not _values(term, field):
            left.append(term)
        elif kept:
            left.append(any_of(kept))
    return left


def _values(term: Expression, field: str) -> tuple[Expression, ...]:
    """The alternatives, if the term is nothing but values of this field."""
    alternatives = term.terms if isinstance(term, Or) else (term,)
    return alternatives if all(_is_value(each, field) for each in alternatives) else ()


def _is_value(term: Expression, field: str) -> bool:
    if isinstance(term, Not):
        return term.term == Exists(field)
    return isinstance(term, Equals | StartsWith) and term.field == field


def _is_about(term: Expression, field: str) -> bool:
    """Whether the term asks of this field and of nothing else."""
    return all(_field(leaf) == field for leaf in leaves(term))


def _field(leaf: Everything | Contains | FieldTest) -> str | None:
    if isinstance(leaf, Contains):
        return "message"
    return None if isinstance(leaf, Everything) else leaf.field

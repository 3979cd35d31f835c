"""What one test of a field asks of a stored value, as a plain function made once for a whole query."""

from collections.abc import Callable
from typing import Any, Final

from chalicelib.events.event import LEVELS
from chalicelib.events.query.expression import (
    Between,
    Compare,
    Equals,
    Exists,
    FieldTest,
    Number,
    Operator,
    StartsWith,
)
from chalicelib.events.query.values import number_in, number_of, text_of

Span = tuple[int, int]
"""First and last millisecond, both included."""
UNBOUNDED: Final[Span] = (-(1 << 62), 1 << 62)

_COMPARED: Final[dict[Operator, Callable[[Number, Number], bool]]] = {
    ">": lambda measure, bound: measure > bound,
    ">=": lambda measure, bound: measure >= bound,
    "<": lambda measure, bound: measure < bound,
    "<=": lambda measure, bound: measure <= bound,
}


def span_of(test: FieldTest) -> Span:
    lowest, highest = UNBOUNDED
    match test:
        case Between(_, int(low), int(high)):
            return low, high
        case Compare(_, ">", int(bound)):
            return bound + 1, highest
        case Compare(_, ">=", int(bound)):
            return bound, highest
        case Compare(_, "<", int(bound)):
            return lowest, bound - 1
        case Compare(_, "<=", int(bound)):
            return lowest, bound
        case _:
            return UNBOUNDED


def word_test(test: FieldTest) -> Callable[[str], bool]:
    """The test of one word of a vocabulary, in which empty text stands for a missing field."""
    match test:
        case Equals(_, value):
            wanted = value.lower()
            return lambda word: word.lower() == wanted
        case StartsWith(_, prefix):
            start = prefix.lower()
            return lambda word: word.lower().startswith(start)
        case Exists():
            return lambda word: word != ""
        case Compare(_, operator, str(bound)):
            compared, weight = _COMPARED[operator], LEVELS.index(bound)
            return lambda word: compared(LEVELS.index(word), weight)
        case Between(_, str(low), str(high)):
            lightest, heaviest = LEVELS.index(low), LEVELS.index(high)
            return lambda word: lightest <= LEVELS.index(word) <= heaviest
        case _:
            raise TypeError(test)


def value_test(test: FieldTest) -> Callable[[Any], bool]:
    """The test of one present value of metadata."""
    match test:
        case Equals(_, value):
            return _equality(value.lower(), number_in(value))
        case StartsWith(_, prefix):
            start = prefix.lower()
            return lambda value: (text_of(value) or "").lower().startswith(start)
        case Exists():
            return lambda _: True
        case Compare(_, operator, int() | float() as bound):
            compared = _COMPARED[operator]
            return lambda value: (number := number_of(value)) is not None and compared(number, bound)
        case Between(_, int() | float() as low, int() | float() as high):
            return lambda value: (number := number_of(value)) is not None and low <= number <= high
        case _:
            raise TypeError(test)


def _equality(wanted: str, number: Number | None) -> Callable[[Any], bool]:
    def equals(value: Any) -> bool:
        text = text_of(value)
        if text is not None and text.lower() == wanted:
            return True
        return number is not None and number_of(value) == number

    return equals

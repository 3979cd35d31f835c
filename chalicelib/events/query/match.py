"""The plain meaning of a query, event by event. The scanner must agree with it; tests compare the two.

- Text is compared after `str.lower()`. Free text and `message:` look anywhere in the message; other text fields are
  equal as a whole, or start with what stands before a `*`.
- A value that is missing, null or empty matches no test, not even `!=` read as a comparison: `field!=x` means
  `-field:x`, which matches every event that `field:x` does not, so also those without the field.
- A metadata path reaches values as `values.values_at` says; one that passes is enough. An object has no text and no
  number: it only exists, when anything in it does. `true` and `false` are compared as text.
- In metadata a number equals a number of the same value, and text that spells it: `metadata.status:500` matches 500,
  500.0 and "500". Comparisons see numbers, and text that spells one, and nothing else. Other fields hold text only:
  `user_id:7` is not `007`.
- Levels compare by weight, times as milliseconds; both ends of a range belong to it.
"""

from collections.abc import Iterator
from typing import Any

from chalicelib.events.event import LEVELS, Event
from chalicelib.events.query.expression import (
    And,
    Between,
    Compare,
    Contains,
    Equals,
    Everything,
    Exists,
    Expression,
    FieldTest,
    Not,
    Number,
    Operator,
    Or,
    StartsWith,
)
from chalicelib.events.query.fields import METADATA_PREFIX
from chalicelib.events.query.values import is_present, number_in, number_of, text_of, values_at


def matches(expression: Expression, event: Event) -> bool:
    """Whether the event is one the query asks for."""
    match expression:
        case Everything():
            return True
        case Contains(text):
            return text.lower() in event.message.lower()
        case Not(term):
            return not matches(term, event)
        case And(terms):
            return all(matches(term, event) for term in terms)
        case Or(terms):
            return any(matches(term, event) for term in terms)
        case _:
            return any(_passes(expression, value) for value in _values(event, expression.field) if is_present(value))


def _values(event: Event, field: str) -> Iterator[Any]:
    if field.startswith(METADATA_PREFIX):
        yield from values_at(event.metadata, field.removeprefix(METADATA_PREFIX))
    else:
        yield getattr(event, field)


def _passes(test: FieldTest, value: Any) -> bool:
    match test:
        case Exists():
            return True
        case Equals(field, wanted):
            return _same_text(wanted, value) or (field.startswith(METADATA_PREFIX) and _same_number(wanted, value))
        case StartsWith(_, prefix):
            text = text_of(value)
            return text is not None and text.lower().startswith(prefix.lower())
        case Compare(field, operator, bound):
            measure = _measure(field, value)
            return measure is not None and _holds(measure, operator, _weight(bound))
        case Between(field, low, high):
            measure = _measure(field, value)
            return measure is not None and _weight(low) <= measure <= _weight(high)


def _same_text(wanted: str, value: Any) -> bool:
    text = text_of(value)
    return text is not None and text.lower() == wanted.lower()


def _same_number(wanted: str, value: Any) -> bool:
    number = number_in(wanted)
    return number is not None and number == number_of(value)


def _measure(field: str, value: Any) -> Number | None:
    return _weight(value) if field == "level" else number_of(value)


def _weight(bound: Number | str) -> Number:
    return LEVELS.index(bound) if isinstance(bound, str) else bound


def _holds(measure: Number, operator: Operator, bound: Number) -> bool:
    match operator:
        case ">":
            return measure > bound
        case ">=":
            return measure >= bound
        case "<":
            return measure < bound
        case "<=":
            return measure <= bound

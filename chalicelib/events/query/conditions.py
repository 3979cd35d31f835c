"""What `field operator value` means, by the kind of field; and what to say when it means nothing."""

from typing import Final, cast

from msgspec import Struct

from chalicelib.events.event import LEVELS
from chalicelib.events.query.errors import QueryError
from chalicelib.events.query.expression import (
    Between,
    Bound,
    Compare,
    Contains,
    Equals,
    Exists,
    Expression,
    Operator,
    StartsWith,
    negated,
)
from chalicelib.events.query.fields import LEVEL_ALIASES, Field, Kind, closest
from chalicelib.events.query.times import Moment, parse_moment
from chalicelib.events.query.values import number_in


class Value(Struct, frozen=True):
    """A value as written: its text without quotes and without the `*` of a prefix, and where it stood."""

    text: str
    quoted: bool
    prefix: bool
    position: int
    length: int

    def refused(self, message: str, suggestion: str | None = None) -> QueryError:
        return QueryError(message, self.position, max(1, self.length), suggestion)

    @property
    def ends(self) -> tuple[str, str] | None:
        """Both sides of `low..high`, either of which may be empty."""
        if self.quoted or self.prefix or ".." not in self.text:
            return None
        low, _, high = self.text.partition("..")
        return low, high


def condition(field: Field, operator: str, value: Value) -> Expression:
    """The expression for one operator of the language and one value."""
    if operator == "!=":
        return negated(condition(field, ":", value))
    if operator in _COMPARISONS:
        return _comparison(field, cast(Operator, operator), value)
    if not value.quoted and value.prefix and not value.text:
        return Exists(field.name)
    if not value.text:
        raise value.refused(
            f"there is nothing to look for; to find events without `{field.name}` write `-{field.name}:*`"
        )
    if not value.quoted and "*" in value.text:
        raise value.refused(
            f"`*` stands only at the end of a value, as in `{field.name}:check*`; to look for a `*`, use quotes",
            f'"{value.text}{"*" * value.prefix}"',
        )
    return _BY_KIND[field.kind](field, value)


_COMPARISONS: Final = frozenset((">", ">=", "<", "<="))


def _comparison(field: Field, operator: Operator, value: Value) -> Expression:
    if value.prefix:
        raise value.refused(f"`{operator}` needs a whole value, without `*`")
    match field.kind:
        case Kind.TIME:
            moment = _moment(value, value.text)
            return Compare(field.name, operator, moment.first if operator in (">=", "<") else moment.last)
        case Kind.LEVEL:
            return Compare(field.name, operator, _level(value, value.text))
        case Kind.METADATA:
            return Compare(field.name, operator, _number(value, value.text))
        case _:
            raise value.refused(
                f"`{operator}` compares times, levels and numbers in metadata; `{field.name}` holds text: use `:`"
            )


def _of_time(field: Field, value: Value) -> Expression:
    if value.prefix:
        raise value.refused("a time has no prefix; write a range, as in `timestamp:2026-01-02..2026-01-05`")
    if value.ends is None:
        moment = _moment(value, value.text)
        return Between(field.name, moment.first, moment.last)
    low, high = value.ends
    return _range(field, value, _moment(value, low).first if low else None, _moment(value, high).last if high else None)


def _of_level(field: Field, value: Value) -> Expression:
    if value.prefix:
        if not any(level.startswith(value.text.lower()) for level in LEVELS):
            raise _no_level(value, value.text)
        return StartsWith(field.name, value.text)
    if value.ends is None:
        return Equals(field.name, _level(value, value.text))
    low, high = value.ends
    return _range(field, value, _level(value, low) if low else None, _level(value, high) if high else None)


def _of_metadata(field: Field, value: Value) -> Expression:
    numbers = _number_range(value)
    return _range(field, value, *numbers) if numbers else _of_text(field, value)


def _of_text(field: Field, value: Value) -> Expression:
    if field.name == "message":
        return Contains(value.text)
    return StartsWith(field.name, value.text) if value.prefix else Equals(field.name, value.text)


_BY_KIND: Final = {
    Kind.TIME: _of_time,
    Kind.LEVEL: _of_level,
    Kind.WORD: _of_text,
    Kind.TEXT: _of_text,
    Kind.METADATA: _of_metadata,
}


def _range(field: Field, value: Value, low: Bound | None, high: Bound | None) -> Expression:
    if low is not None and high is not None:
        if _weight(low) > _weight(high):
            raise value.refused("the range ends before it starts; the smaller end comes first")
        return Between(field.name, low, high)
    if low is not None:
        return Compare(field.name, ">=", low)
    if high is not None:
        return Compare(field.name, "<=", high)
    raise value.refused("a range needs at least one end, as in `200..299`, `500..` or `..99`")


def _weight(bound: Bound) -> int | float:
    return LEVELS.index(bound) if isinstance(bound, str) else bound


def _number_range(value: Value) -> tuple[int | float | None, int | float | None] | None:
    """The ends if the value is a range of numbers; `../etc` and the like are ordinary text."""
    if value.ends is None:
        return None
    low, high = (number_in(end) for end in value.ends)
    spelled = all(number is not None or not end for number, end in zip((low, high), value.ends, strict=True))
    return (low, high) if spelled and (low is not None or high is not None) else None


def _moment(value: Value, text: str) -> Moment:
    try:
        return parse_moment(text)
    except QueryError as error:
        suggestion = error.suggestion and value.text.replace(text, error.suggestion, 1)
        raise value.refused(error.message, suggestion) from error


def _number(value: Value, text: str) -> int | float:
    number = number_in(text)
    if number is None:
        raise value.refused(
            f"`{text[:40]}` is no number; metadata is compared by number, as in `metadata.duration_ms>500`"
        )
    return number


def _level(value: Value, text: str) -> str:
    level = LEVEL_ALIASES.get(text.lower(), text.lower())
    if level not in LEVELS:
        raise _no_level(value, text)
    return level


def _no_level(value: Value, text: str) -> QueryError:
    near = closest(text, LEVELS)
    meant = f"did you mean `{near}`? " if near else ""
    whole = value.text.replace(text, near, 1) if near else None
    return value.refused(f"no level `{text[:40]}`; {meant}the levels are {', '.join(LEVELS)}", whole)

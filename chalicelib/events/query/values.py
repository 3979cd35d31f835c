"""What a stored value counts as in a question: which values a path reaches, and their number and their text.

Metadata is looked at flattened: a path reaches every value whose keys, joined with dots, spell it. So `http.status`
reaches `{"http": {"status": 500}}` and `{"http.status": 500}` alike. An array stands for its elements.
Nothing here recurses, so that no nesting a client sends can exhaust the stack.
"""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from chalicelib.events.query.expression import Number

LONGEST_NUMBER: Final = 40
"""Characters. Longer text is never read as a number, and longer integers are never written out (both quadratic)."""

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LARGEST_WRITTEN: Final = 10**LONGEST_NUMBER


def number_in(text: str) -> Number | None:
    """The finite number that the whole text spells, or None."""
    if not text or len(text) > LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if isfinite(number) else None


def number_of(value: Any) -> Number | None:
    """A number as itself, text by what it spells, anything else (true and false too) as none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    return number_in(value) if isinstance(value, str) else None


def text_of(value: Any) -> str | None:
    """The text that stands for a single value, or None for what has none: null, objects, arrays."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < _LARGEST_WRITTEN else hex(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
        case _:
            return None


def values_at(start: Any, path: str | None) -> Iterator[Any]:
    """Every value that the path reaches from `start`, arrays taken apart. Objects come as they are.

    None is the path that is already at its end.
    """
    waiting: list[tuple[Any, str | None]] = [(start, path)]
    while waiting:
        node, rest = waiting.pop()
        if isinstance(node, list | tuple):
            waiting.extend((element, rest) for element in reversed(node))
        elif rest is None:
            yield node
        elif isinstance(node, Mapping):
            waiting.extend(_steps(node, rest))


def is_present(value: Any) -> bool:
    """Null and empty text are absent; an object or array is present when anything in it is."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            waiting.extend(node.values())
        elif isinstance(node, list | tuple):
            waiting.extend(node)
        elif node is not None and node != "":
            return True
    return False


def _steps(node: Mapping[str, Any], path: str) -> Iterator[tuple[Any, str | None]]:
    """The ways down from an object: a key may itself hold dots, so each prefix of the path is tried."""
    if path in node:
        yield node[path], None
    dot = path.find(".")
    while dot >= 0:
        if path[:dot] in node:
            yield node[path[:dot]], path[dot + 1 :]
        dot = path.find(".", dot + 1)

"""The values of fields as groups see them: short texts, one or more for each row, None where there is none."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress, product
from typing import Any, Final

from chalicelib.events.block import Block
from chalicelib.events.query.columns import single_values, values_of, words_and_codes
from chalicelib.events.query.fields import Section, section_of
from chalicelib.events.query.mask import Mask
from chalicelib.events.query.values import text_of

Label = str | None
Key = tuple[Label, ...]
"""One label for each field grouped by."""

LABEL_LENGTH: Final = 256
"""Characters; longer values are grouped by these first ones, so that no value can fill the memory."""
LABELS_PER_ROW: Final = 64
"""Of an array with more different values, the first count."""


def label_counts(block: Block, fields: tuple[str, ...], mask: Mask) -> Mapping[Key, int]:
    """How many of the rows have each key."""
    if len(fields) == 1 and section_of(fields[0]) is Section.CODES:
        return _code_counts(block, fields[0], mask)
    columns = single_labels(block, fields)
    if columns is not None:
        return Counter(compress(zip(*columns, strict=True), mask.flags))
    keys = keys_of(block, fields)
    return Counter(key for row in mask.rows() for key in keys(row))


def single_labels(block: Block, fields: tuple[str, ...]) -> list[list[Label]] | None:
    """For each field one label a row; or None if some rows have several."""
    columns = [single_values(block, field) for field in fields]
    return None if None in columns else [_labelled(column) for column in columns if column is not None]


def keys_of(block: Block, fields: tuple[str, ...]) -> Callable[[int], Sequence[Key]]:
    """What answers, for a row, the keys of all groups it belongs to: at least one."""
    values = [values_of(block, field) for field in fields]
    return lambda row: list(product(*(_labels(value(row)) for value in values)))


def _code_counts(block: Block, field: str, mask: Mask) -> Mapping[Key, int]:
    words, codes = words_and_codes(block, field)
    if isinstance(codes, bytes) and len(words) <= _FEW_WORDS:
        chosen, first = (codes, 0) if mask.is_full else (mask.select(codes), 1)
        counts = [chosen.count(code) for code in range(first, first + len(words))]
    else:
        found = Counter(compress(codes, mask.flags))
        counts = [found[code] for code in range(len(words))]
    keyed: Counter[Key] = Counter()
    for word, count in zip(words, counts, strict=True):
        if count:
            keyed[(_label(word),)] += count
    return keyed


_FEW_WORDS: Final = 16


def _labelled(column: Sequence[Any]) -> list[Label]:
    kinds = list(map(type, column))  # 1, 1.0 and True are one key of a dict, and three values
    labels = {(kind, value): _label(value) for kind, value in set(zip(kinds, column, strict=True))}
    return [labels[pair] for pair in zip(kinds, column, strict=True)]


def _labels(values: Sequence[Any]) -> Sequence[Label]:
    labels = dict.fromkeys(label for value in values if (label := _label(value)))
    return list(labels)[:LABELS_PER_ROW] or (None,)


def _label(value: Any) -> Label:
    text = text_of(value)
    return text[:LABEL_LENGTH] if text else None

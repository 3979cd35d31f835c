"""Metadata taken apart into columns by path, and put together again.

Rows that have the same set of paths have the same **shape**. Shapes replace presence bits: a column holds the values
of the rows whose shape names it, shape by shape, rows in order. Lists, empty objects and whatever lies too deep are
values.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

Path = tuple[str, ...]
Object = dict[str, Any]

MAX_PATHS: Final = 255
"""So that a path's number is a byte. Blocks with more keep metadata less finely divided, in the end as plain JSON."""

_DEPTHS: Final = (8, 1, 0)


class Flat(NamedTuple):
    paths: list[Path]
    shapes: list[tuple[int, ...]]
    "For each shape the numbers of its paths, ascending."
    codes: list[int]
    "For each row its shape."
    columns: list[list[Any]]
    "For each path its values, in the order of `places`."


def flatten(rows: Sequence[Object]) -> Flat:
    """Take the objects apart. Nothing is lost but the order of keys."""
    for depth in _DEPTHS:
        groups = list(_groups(rows, depth))
        if len({path for group in groups for path in group.paths}) <= MAX_PATHS:
            break
    return _by_shape(groups, len(rows))


def places(shapes: Sequence[Sequence[int]], codes: Sequence[int], path_count: int) -> list[list[int]]:
    """For each path the rows that have it, in the order in which its column holds their values."""
    rows_of: list[list[int]] = [[] for _ in shapes]
    for row, code in enumerate(codes):
        rows_of[code].append(row)
    found: list[list[int]] = [[] for _ in range(path_count)]
    for shape, rows in zip(shapes, rows_of, strict=True):
        for number in shape:
            found[number] += rows
    return found


def assemble(paths: Sequence[Path], values: Iterable[Any]) -> Object:
    """One object from the values of its paths."""
    if paths == [()]:
        return next(iter(values))
    whole: Object = {}
    for path, value in zip(paths, values, strict=True):
        node = whole
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return whole


def rows_within(codes: Sequence[int], code_count: int) -> list[int]:
    """For each row how many rows before it have the same code."""
    seen = [0] * code_count
    out = []
    for code in codes:
        out.append(seen[code])
        seen[code] += 1
    return out


def reached(whole: Object, path: str) -> Any:
    """What a dotted path reaches in an object: None, the value, or a list of the values if there are several.

    Keys may themselves hold dots, so every way to spell the path counts; a list stands for its elements.
    """
    found: list[Any] = []
    waiting: list[tuple[Any, str | None]] = [(whole, path)]
    while waiting:
        node, rest = waiting.pop()
        if rest is None:
            found.append(node)
        elif isinstance(node, list):
            waiting.extend((element, rest) for element in reversed(node))
        elif isinstance(node, dict):
            waiting.extend(reversed(list(_steps(node, rest))))
    return found if len(found) > 1 else found[0] if found else None


def dotted_paths(whole: Object) -> set[str]:
    """Where an object's values are."""
    return {".".join(path) for group in _groups([whole], _DEPTHS[0]) for path in group.paths if path}


def _steps(node: Object, path: str) -> Iterator[tuple[Any, str | None]]:
    if path in node:
        yield node[path], None
    dot = path.find(".")
    while dot >= 0:
        if path[:dot] in node:
            yield node[path[:dot]], path[dot + 1 :]
        dot = path.find(".", dot + 1)


class _Group(NamedTuple):
    """Rows with the same keys all the way down."""

    rows: Sequence[int]
    paths: list[Path]
    columns: list[Sequence[Any]]


def _groups(rows: Sequence[Object], depth: int) -> Iterator[_Group]:
    whole = _Group(range(len(rows)), [()], [rows])
    waiting = [(whole, depth)]
    while waiting:
        group, left = waiting.pop()
        parts = _divided(group) if left and dict in set(map(type, chain.from_iterable(group.columns))) else None
        if parts is None:
            yield group
        else:
            waiting.extend((part, left - 1) for part in parts)


def _divided(group: _Group) -> list[_Group] | None:
    """The group split by the keys of its nested objects, each replaced by its members. None if all are empty."""
    nested = [at for at, column in enumerate(group.columns) if dict in set(map(type, column))]
    keys = [[tuple(value) if type(value) is dict else () for value in group.columns[at]] for at in nested]
    members: dict[tuple[Path, ...], list[int]] = defaultdict(list)
    for place, signature in enumerate(zip(*keys, strict=True)):
        members[signature].append(place)
    if len(members) == 1 and not any(next(iter(members))):
        return None
    return [_opened(group, nested, signature, chosen) for signature, chosen in members.items()]


def _opened(group: _Group, nested: list[int], signature: tuple[Path, ...], chosen: list[int]) -> _Group:
    all_of_it = len(chosen) == len(group.rows)
    columns = group.columns if all_of_it else [[column[at] for at in chosen] for column in group.columns]
    rows = group.rows if all_of_it else [group.rows[at] for at in chosen]
    inside = dict(zip(nested, signature, strict=True))
    paths: list[Path] = []
    found: list[Sequence[Any]] = []
    for at, (path, column) in enumerate(zip(group.paths, columns, strict=True)):
        keys = inside.get(at)
        if keys:
            paths += [(*path, key) for key in keys]
            found += zip(*[value.values() for value in column], strict=True)
        else:
            paths.append(path)
            found.append(column)
    return _Group(rows, paths, found)


def _by_shape(groups: Sequence[_Group], row_count: int) -> Flat:
    alike: dict[tuple[Path, ...], list[_Group]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: group.rows[0]):
        # An empty object at the top is a row without paths; plain JSON of the whole is the only other use of ().
        bare = group.paths == [()] and not any(group.columns[0])
        alike[() if bare else tuple(sorted(group.paths))].append(group)
    numbers: dict[Path, int] = {}
    for shape in alike:
        for path in shape:
            numbers.setdefault(path, len(numbers))
    codes = [0] * row_count
    columns: list[list[Any]] = [[] for _ in numbers]
    for code, (shape, members) in enumerate(alike.items()):
        group = members[0] if len(members) == 1 else _merged(members, shape)
        for row in group.rows:
            codes[row] = code
        if shape:
            for path, column in zip(group.paths, group.columns, strict=True):
                columns[numbers[path]] += column
    shapes = [tuple(sorted(map(numbers.__getitem__, shape))) for shape in alike]
    return Flat(list(numbers), shapes, codes, columns)


def _merged(members: Sequence[_Group], shape: tuple[Path, ...]) -> _Group:
    """One group of those that differ only in the order of their keys, rows ascending."""
    rows = [row for group in members for row in group.rows]
    order = sorted(range(len(rows)), key=rows.__getitem__)
    columns: list[Sequence[Any]] = []
    for path in shape:
        values = [value for group in members for value in group.columns[group.paths.index(path)]]
        columns.append([values[at] for at in order])
    return _Group([rows[at] for at in order], list(shape), columns)

"""Section K: ids and metadata, a column each, with a directory so that one can be read without the others.

    events, paths, size of paths   varints
    paths                          joined by 0xFF, keys within by 0xFE; 0xFD is the path of all metadata as one value
    shapes                         how many; then of each how many paths, and their numbers as bytes
    directory                      the columns' packed sizes, then their raw sizes x 2 + (1: values by row)
    shape of each row              planes; nothing where there is one shape
    columns, packed                of the five text fields, then of the paths

Text fields have a value in every row. A path's column has the rows of its shapes, shape by shape, or row by row where
that brings equal ids together.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice, repeat
from operator import attrgetter
from typing import Any, Final

from chalicelib.events.block.column_decoding import decode
from chalicelib.events.block.column_encoding import encode, encode_texts
from chalicelib.events.block.columns import Column, is_json
from chalicelib.events.block.errors import UnreadableBlock
from chalicelib.events.block.lazy import lazy
from chalicelib.events.block.records import (
    MAX_PATHS,
    Object,
    Path,
    assemble,
    dotted_paths,
    flatten,
    places,
    reached,
    rows_within,
)
from chalicelib.events.block.wire import (
    BETWEEN,
    WITHIN,
    Reader,
    planes,
    read_codes,
    varint,
    varints,
    width_of,
)
from chalicelib.events.event import Event

DETAIL_FIELDS: Final = ("user_id", "session_id", "device_id", "trace_id", "span_id")

METADATA: Final = "metadata."


def encode_detail(events: Sequence[Event]) -> Column:
    """Section K before compression, and the raw bytes that follow it."""
    flat = flatten([event.metadata for event in events])
    encoded = [encode_texts(field) for field in zip(*map(_FIELDS, events), strict=True)]
    encoded += map(encode, flat.columns, places(flat.shapes, flat.codes, len(flat.paths)))
    paths = BETWEEN.join(map(_path_bytes, flat.paths))
    head = (
        varint(len(events)),
        varint(len(flat.paths)),
        varint(len(paths)),
        paths,
        varint(len(flat.shapes)),
        *(varint(len(shape)) + bytes(shape) for shape in flat.shapes),
        varints([len(column.packed) for column in encoded]),
        varints([len(column.raw) << 1 | column.by_row for column in encoded]),
        planes(flat.codes, width_of(len(flat.shapes) - 1)) if len(flat.shapes) > 1 else b"",
    )
    packed = b"".join((*head, *(column.packed for column in encoded)))
    return Column(packed, b"".join([column.raw for column in encoded]))


class Detail:
    """Section K, read. Columns are decoded when they are asked for, and kept."""

    def __init__(self, data: bytes, raw: bytes, count: int) -> None:
        reader = Reader(data)
        if reader.varint() != count:
            raise UnreadableBlock("has a detail of another number of events")
        path_count = reader.varint()
        if path_count > MAX_PATHS:
            raise UnreadableBlock("has too many paths")
        self.count = count
        self.paths = _read_paths(reader.take(reader.varint()), path_count)
        shape_count = reader.varint()
        if not 0 < shape_count <= count:
            raise UnreadableBlock("has more shapes than events")
        self._shapes = [tuple(reader.take(reader.varint())) for _ in range(shape_count)]
        if max(map(max, filter(None, self._shapes)), default=-1) >= path_count:
            raise UnreadableBlock("has a shape with an unknown path")
        column_count = len(DETAIL_FIELDS) + path_count
        packed_sizes = reader.varints(column_count)
        raw_sizes = reader.varints(column_count)
        self._codes = self._read_codes(reader)
        self._packed = _slices(reader.rest(), packed_sizes)
        self._raw = _slices(raw, [size >> 1 for size in raw_sizes])
        self._by_row = [bool(size & 1) for size in raw_sizes[len(DETAIL_FIELDS) :]]
        self._values: dict[int, Sequence[Any]] = {}

    def field(self, name: str) -> Sequence[str]:
        """A text field of every row."""
        return self._column(DETAIL_FIELDS.index(name), self.count)

    def at(self, path: str) -> list[Any]:
        """For each row what a dotted path reaches in its metadata: None, a value, or a list of several."""
        exact, others = [], []
        for number, keys in enumerate(self.paths):
            dotted = ".".join(keys)
            if keys and dotted == path:
                exact.append(number)
            elif dotted.startswith(path + ".") or self._may_lead_to(number, dotted, path):
                others.append(number)
        out: list[Any] = [None] * self.count
        if not others and len(exact) < 2:
            for number in exact:
                for row, value in zip(self._rows_of(number), self._path(number), strict=True):
                    out[row] = value
            return out
        rows = sorted({row for number in (*exact, *others) for row in self._rows_of(number)})
        for row, whole in zip(rows, self.metadata(rows), strict=True):
            out[row] = reached(whole, path)
        return out

    def metadata(self, rows: Sequence[int]) -> list[Object]:
        """The metadata of these rows, each an object of its own."""
        by_shape: dict[int, list[int]] = defaultdict(list)
        for row in dict.fromkeys(rows):
            by_shape[self._codes[row]].append(row)
        found: dict[int, Object] = {}
        for code, members in by_shape.items():
            shape = self._shapes[code]
            paths = [self.paths[number] for number in shape]
            chosen = [self._picked(number, code, members) for number in shape]
            values: Iterable[tuple[Any, ...]] = zip(*chosen, strict=True) if shape else repeat(())
            found.update(zip(members, [assemble(paths, row) for row in islice(values, len(members))], strict=True))
        return [found[row] for row in rows]

    def dotted_paths(self) -> set[str]:
        found = {".".join(path) for path in self.paths if path}
        if () in self.paths:
            found.update(*map(dotted_paths, self._path(self.paths.index(()))))
        return found

    def _picked(self, number: int, code: int, rows: list[int]) -> list[Any]:
        """The values of one path for rows of one shape."""
        values = self._path(number)
        if self._by_row[number]:
            holders = self._rows_of(number)
            return [values[bisect_left(holders, row)] for row in rows]
        start = self._starts[number][code]
        ranks = self._ranks
        return [values[start + ranks[row]] for row in rows]

    def _may_lead_to(self, number: int, dotted: str, path: str) -> bool:
        """Whether values of a shorter path, being lists or undivided objects, hold what a longer one reaches."""
        if self.paths[number] and not path.startswith(dotted + "."):
            return False
        return not {list, dict}.isdisjoint(map(type, self._path(number)))

    def _path(self, number: int) -> Sequence[Any]:
        return self._column(len(DETAIL_FIELDS) + number, len(self._rows_of(number)))

    def _column(self, at: int, count: int) -> Sequence[Any]:
        values = self._values.get(at)
        if values is None:
            values = decode(self._packed[at], self._raw[at], count)
            # Lists and objects are made anew each time, so that no two events ever share one.
            if not is_json(self._packed[at]):
                self._values[at] = values
        return values

    def _rows_of(self, number: int) -> list[int]:
        """The rows that have a path, in the order of its values."""
        return self._holders[number]

    @lazy
    def _holders(self) -> list[list[int]]:
        by_shape = places(self._shapes, self._codes, len(self.paths))
        return [sorted(rows) if flag else rows for rows, flag in zip(by_shape, self._by_row, strict=True)]

    @lazy
    def _ranks(self) -> list[int]:
        """For each row the number of rows of its shape before it."""
        return rows_within(self._codes, len(self._shapes))

    @lazy
    def _starts(self) -> list[dict[int, int]]:
        """For each path where in its column the rows of each shape begin."""
        sizes = Counter(self._codes)
        starts: list[dict[int, int]] = [{} for _ in self.paths]
        ends = [0] * len(self.paths)
        for code, shape in enumerate(self._shapes):
            for number in shape:
                starts[number][code] = ends[number]
                ends[number] += sizes[code]
        return starts

    def _read_codes(self, reader: Reader) -> Sequence[int]:
        shape_count = len(self._shapes)
        if shape_count == 1:
            return bytes(self.count)
        return read_codes(reader, self.count, shape_count)


def _path_bytes(path: Path) -> bytes:
    return WITHIN.join([key.encode() for key in path]) if path else _ALL


def _read_paths(data: bytes, count: int) -> list[Path]:
    if not count:
        return []
    try:
        paths = [
            tuple([key.decode() for key in part.split(WITHIN)]) if part != _ALL else () for part in data.split(BETWEEN)
        ]
    except UnicodeDecodeError:
        raise UnreadableBlock("has a path that is not UTF-8") from None
    if len(set(paths)) != count:
        raise UnreadableBlock("has another number of paths")
    return paths


def _slices(data: bytes, sizes: Sequence[int]) -> list[bytes]:
    ends = list(accumulate(sizes))
    if ends[-1] != len(data):
        raise UnreadableBlock("has columns of other sizes than its directory says")
    return [data[end - size : end] for end, size in zip(ends, sizes, strict=True)]


_ALL: Final = b"\xfd"
_FIELDS: Final = attrgetter(*DETAIL_FIELDS)

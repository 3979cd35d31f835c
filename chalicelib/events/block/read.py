"""A block, opened: only what is asked for is inflated, and what is damaged is refused."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from chalicelib.events.block import parts as merged_parts
from chalicelib.events.block import rows as small_form
from chalicelib.events.block.detail import DETAIL_FIELDS, METADATA, Detail
from chalicelib.events.block.dictionary import Dictionary
from chalicelib.events.block.errors import DetailMissing, UnreadableBlock
from chalicelib.events.block.frames import TwoInOne, ZstdDict, inflate
from chalicelib.events.block.header import DETACHED, DETAIL, MERGED, MINUTE_MS, VERSION, Header, hash_of, read
from chalicelib.events.block.lazy import lazy
from chalicelib.events.block.parts import Part
from chalicelib.events.block.records import dotted_paths, reached, rows_within
from chalicelib.events.block.scanned import CODED_FIELDS, Codes, Scanned
from chalicelib.events.block.wire import BETWEEN, Reader, joined
from chalicelib.events.event import LEVELS, Event


def open_block(scan: bytes, dictionaries: Callable[[int], Dictionary]) -> "Block":
    """Open a block by its scan item's bytes. Reads the header only.

    `dictionaries` gives the project's dictionary of a version; it is called when the first section is inflated, and
    not at all for a block without one.

    Raises:
        UnreadableBlock: here or from any use of the block, if the bytes are not a block's.
    """
    header, at = read(scan)
    return Block(scan, header, at, dictionaries)


class Block:
    """The events of one block, ascending by time, row by row or field by field. What was read is kept."""

    def __init__(self, scan: bytes, header: Header, at: int, dictionaries: Callable[[int], Dictionary]) -> None:
        self.header = header
        self._scan = scan
        self._dictionaries = dictionaries
        ends = list(accumulate(header.sizes, initial=at))
        if ends[-1] > len(scan):
            raise UnreadableBlock("ends within a section")
        self._ends = ends
        self._detail_section: bytes | None = None if header.flags & DETACHED else scan[ends[-1] :]

    @lazy
    def parts(self) -> Sequence[Part]:
        """What a merged block was made of, in the order that `origin` counts; () for any other."""
        return self._merged[0] if self._merged else ()

    @lazy
    def times(self) -> Sequence[int]:
        """Milliseconds since the epoch, ascending, one a row."""
        header = self.header
        times = [event.timestamp for event in self._rows] if header.in_rows else self._scanned.times(header.first)
        if times[0] != header.first or times[-1] != header.last:
            raise UnreadableBlock("has other times than its header says")
        return times

    def row_at(self, ms: int) -> int:
        """The first row at this time or later; the number of rows if there is none."""
        header = self.header
        if ms <= header.first:
            return 0
        if ms > header.last:
            return header.count
        if ms % MINUTE_MS == 0 and header.by_minute:
            return self._minute_rows[ms // MINUTE_MS - header.first // MINUTE_MS]
        return bisect_left(self.times, ms)

    def minutes(self) -> Sequence[tuple[int, Mapping[str, int]]] | None:
        """Events by minute (its start, in milliseconds) and level, from the header alone; None where it lacks them."""
        header = self.header
        if not header.by_minute:
            return None
        start = header.first // MINUTE_MS * MINUTE_MS
        return [
            (start + at * MINUTE_MS, {level: count for level, count in zip(LEVELS, counts, strict=True) if count})
            for at, counts in enumerate(header.counts)
        ]

    def codes(self, field: str) -> tuple[Sequence[str], Codes | None]:
        """The words of level, service, environment, type or device_type, and one code a row.

        Codes are indexes into the words: bytes where there are at most 256 words, None where there is only one.
        """
        if not self.header.in_rows:
            return self._scanned.codes(field)
        column = [getattr(event, field) for event in self._rows]
        words = list(dict.fromkeys(column))
        return words, bytes(map(words.index, column)) if len(words) > 1 else None

    @lazy
    def messages(self) -> bytes:
        """The UTF-8 messages of all rows, joined by 0xFF."""
        if self.header.in_rows:
            return joined([event.message for event in self._rows])
        return self._scan_frame.second

    @property
    def needs_detail(self) -> bool:
        """Whether section K is an item of its own and was not attached yet."""
        return self._detail_section is None

    def attach(self, detail: bytes) -> None:
        """Give the bytes of the detail item that `header.detail_hash` names.

        Raises:
            UnreadableBlock: they are those of another.
        """
        if hash_of(detail) != self.header.detail_hash:  # digest: of bytes that are no secret
            raise UnreadableBlock("was given another block's detail")
        if detail[0] != VERSION << 4 | DETAIL:
            raise UnreadableBlock("was given a detail of an unknown version")
        self._detail_section = detail[1:]

    def values(self, path: str) -> Sequence[Any]:
        """A field of section K for every row: `user_id`, `metadata.http.status`. None where it is absent.

        Empty text in a field is absent; in metadata it is a value. A path reaches every value whose keys, joined by
        dots, spell it, also through lists; where that is more than one, a list of them is given.
        """
        if path.startswith(METADATA):
            return self._metadata_at(path.removeprefix(METADATA))
        if path not in DETAIL_FIELDS:
            raise KeyError(path)
        if self.header.in_rows:
            return [getattr(event, path) or None for event in self._rows]
        return [text or None for text in self._detail.field(path)]

    def metadata_paths(self) -> Sequence[str]:
        """The dotted paths of the block's metadata, each with its `metadata.` in front, sorted."""
        if self.header.in_rows:
            found = {path for event in self._rows for path in dotted_paths(event.metadata)}
        else:
            found = self._detail.dotted_paths()
        return sorted(METADATA + path for path in found)

    def event(self, row: int) -> Event:
        return self.events((row,))[0]

    def events(self, rows: Iterable[int]) -> list[Event]:
        """Full records of these rows, in the order asked for."""
        chosen = list(rows)
        if self.header.in_rows:
            return [self._rows[row] for row in chosen]
        fields = self._record_fields
        columns = [[column[row] for row in chosen] for column in fields.values()]
        messages = self._decoded_messages(chosen)
        metadata = self._detail.metadata(chosen)
        times = [self.times[row] for row in chosen]
        return [
            Event(timestamp=time, message=message, metadata=data, **dict(zip(fields, texts, strict=True)))
            for time, message, data, *texts in zip(times, messages, metadata, *columns, strict=True)
        ]

    def origin(self, row: int) -> tuple[int, int]:
        """The part a row came from (an index into `parts`) and its row there; (0, row) in a block not merged."""
        if self._merged is None:
            return 0, row
        return self._merged[1][row], self._rows_within[row]

    @lazy
    def _rows(self) -> list[Event]:
        raw = self._scan[self._ends[-1] :]
        frame = self._scan[self._ends[-2] : self._ends[-1]]
        return small_form.decode(inflate(frame, self._dictionary), raw, last=self.header.last, count=self.header.count)

    @lazy
    def _scanned(self) -> Scanned:
        return Scanned(self._scan_frame.first, self.header.count)

    @lazy
    def _scan_frame(self) -> TwoInOne:
        start, middle, end = self._ends[-3:]
        return TwoInOne(self._scan[start:middle], self._scan[middle:end], self._dictionary)

    @lazy
    def _detail(self) -> Detail:
        if self._detail_section is None:
            raise DetailMissing
        reader = Reader(self._detail_section)
        frame = reader.take(reader.varint())
        return Detail(inflate(frame, self._dictionary), reader.rest(), self.header.count)

    @lazy
    def _record_fields(self) -> dict[str, Sequence[str]]:
        """The text fields of every row, but for the message."""
        scanned = {field: self._scanned.column(field) for field in CODED_FIELDS}
        return scanned | {field: self._detail.field(field) for field in DETAIL_FIELDS}

    @lazy
    def _merged(self) -> tuple[tuple[Part, ...], Sequence[int]] | None:
        """The parts, and the part of each row."""
        header = self.header
        if not header.flags & MERGED:
            return None
        section = self._scan[self._ends[0] : self._ends[1]]
        batches = header.part_count * merged_parts.BATCH_SIZE
        if batches > len(section):
            raise UnreadableBlock("ends within its parts")
        packed = inflate(section[: len(section) - batches], self._dictionary)
        return merged_parts.decode_parts(packed, section[len(section) - batches :], header.part_count, header.count)

    @lazy
    def _rows_within(self) -> list[int]:
        return rows_within(self._merged[1], self.header.part_count) if self._merged else []

    @lazy
    def _minute_rows(self) -> list[int]:
        """For each minute the first row in it."""
        return list(accumulate(map(sum, self.header.counts), initial=0))

    @lazy
    def _dictionary(self) -> ZstdDict | None:
        version = self.header.dictionary
        return self._dictionaries(version).digest if version else None

    def _metadata_at(self, path: str) -> list[Any]:
        if self.header.in_rows:
            return [reached(event.metadata, path) for event in self._rows]
        return self._detail.at(path)

    def _decoded_messages(self, rows: Sequence[int]) -> list[str]:
        found = self.messages.split(BETWEEN)
        if len(found) != self.header.count:
            raise UnreadableBlock("has another number of messages than events")
        try:
            return [found[row].decode() for row in rows]
        except UnicodeDecodeError:
            raise UnreadableBlock("has a message that is not UTF-8") from None

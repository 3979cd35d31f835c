"""Damaged bytes are refused as such, and never cost more than a block may."""

import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.block import (
    Block,
    DetailMissing,
    Dictionary,
    Packed,
    Part,
    UnreadableBlock,
    open_block,
    pack,
    pack_merged,
)
from chalicelib.events.block.column_decoding import decode
from chalicelib.events.block.column_encoding import encode
from chalicelib.events.block.detail import Detail, encode_detail
from chalicelib.events.block.errors import MAX_INFLATED
from chalicelib.events.block.frames import PLAIN, inflate
from chalicelib.events.block.scanned import Scanned, encode_kinds_and_times
from chalicelib.events.event import Event
from tests.events.test_block import RECEIVED_AT, batches, from_corpus, values

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def _merged() -> Packed:
    parts = [Part(last=RECEIVED_AT, batch=bytes(10), part=0, received_at=RECEIVED_AT + at, count=40) for at in range(3)]
    rows = [(at % 3, event) for at, event in enumerate(from_corpus(120))]
    return pack_merged(rows, parts=parts, replaces=(1,), dictionary=None)


PACKED = {
    "rows": pack(from_corpus(10), received_at=RECEIVED_AT, dictionary=None),
    "columns": pack(from_corpus(60), received_at=RECEIVED_AT, dictionary=None),
    "detached": pack(from_corpus(300), received_at=RECEIVED_AT, dictionary=None),
    "merged": _merged(),
}


def read_everything(scan: bytes, detail: bytes | None) -> None:
    block = open_block(scan, no_dictionary)
    if detail is not None and block.needs_detail:
        block.attach(detail)
    use(block)


def use(block: Block) -> None:
    count = block.header.count
    _ = block.times, block.messages, block.parts, block.minutes(), block.header.level_counts
    block.row_at(block.header.first + 1)
    for field in ("level", "service", "environment", "type", "device_type"):
        block.codes(field)
    for path in ("user_id", "trace_id", *block.metadata_paths()):
        block.values(path)
    block.events(range(count))
    block.origin(count - 1)


def no_dictionary(version: int) -> Dictionary:
    raise UnreadableBlock(f"there is no dictionary {version}")


def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut short, grown, or with a few bytes changed."""
    match draw(st.integers(0, 2)):
        case 0:
            return data[: draw(st.integers(0, len(data)))]
        case 1:
            at = draw(st.integers(0, len(data)))
            return data[:at] + draw(st.binary(max_size=8)) + data[at:]
        case _:
            out = bytearray(data)
            for _ in range(draw(st.integers(1, 4))):
                out[draw(st.integers(0, len(out) - 1))] = draw(st.integers(0, 255))
            return bytes(out)


@given(st.data(), st.sampled_from(sorted(PACKED)))
def test_a_damaged_block_is_unreadable_or_reads(data: st.DataObject, name: str) -> None:
    packed = PACKED[name]
    # Most of what can go wrong is in the header and the directories, which stand at the front.
    scan = damaged(data.draw, packed.scan[:60]) + packed.scan[60:] if data.draw(st.booleans()) else None
    with suppress(UnreadableBlock):
        read_everything(scan or damaged(data.draw, packed.scan), packed.detail)


@given(st.binary(max_size=200))
def test_noise_is_unreadable(noise: bytes) -> None:
    for head in (b"", b"\x10\x00", b"\x11\x00", b"\x12", b"\x14"):
        with suppress(UnreadableBlock, DetailMissing):
            read_everything(head + noise, None)


@given(st.data())
def test_damage_inside_a_section_is_found_even_where_a_checksum_does_not_look(data: st.DataObject) -> None:
    batch = from_corpus(60)
    scanned = encode_kinds_and_times(batch, [event.timestamp for event in batch])
    detail = encode_detail(batch)
    with suppress(UnreadableBlock):
        found = Scanned(damaged(data.draw, scanned), 60)
        found.times(0)
        for field in ("level", "service", "environment", "type", "device_type"):
            found.column(field)
    with suppress(UnreadableBlock):
        columns = Detail(damaged(data.draw, detail.packed), damaged(data.draw, detail.raw), 60)
        columns.metadata(range(60))
        for path in columns.dotted_paths():
            columns.at(path)
        for field in ("user_id", "session_id", "device_id", "trace_id", "span_id"):
            columns.field(field)


@given(st.lists(values, min_size=1, max_size=30), st.data())
def test_a_damaged_column_is_unreadable_or_reads(column: list[object], data: st.DataObject) -> None:
    encoded = encode(column, range(len(column)))
    with suppress(UnreadableBlock):
        assert len(decode(damaged(data.draw, encoded.packed), encoded.raw, len(column))) == len(column)


@given(st.binary(max_size=64), st.integers(1, 40))
def test_noise_is_no_column(noise: bytes, count: int) -> None:
    for form in range(16):
        with suppress(UnreadableBlock):
            decode(bytes((form,)) + noise, noise, count)


@given(batches())
def test_a_block_cut_short_anywhere_is_unreadable(batch: list[Event]) -> None:
    packed = pack(batch, received_at=RECEIVED_AT, dictionary=None)
    for size in range(0, len(packed.scan), 1 + len(packed.scan) // 40):
        with pytest.raises(UnreadableBlock):
            read_everything(packed.scan[:size], packed.detail)


def test_a_block_of_another_version_is_unreadable() -> None:
    scan = PACKED["rows"].scan
    with pytest.raises(UnreadableBlock, match="unknown version"):
        open_block(bytes((2 << 4 | scan[0] & 15,)) + scan[1:], no_dictionary)


def test_another_blocks_detail_is_refused() -> None:
    packed = PACKED["detached"]
    assert packed.detail is not None
    block = open_block(packed.scan, no_dictionary)
    for detail in (b"", packed.detail[:-1], packed.detail + b"\0", b"\x18" + packed.detail[1:][::-1]):
        with pytest.raises(UnreadableBlock):
            block.attach(detail)
    assert block.needs_detail
    block.attach(packed.detail)
    assert not block.needs_detail


@pytest.mark.requirement("I9")
def test_a_section_that_claims_too_much_is_refused_before_it_is_inflated() -> None:
    bomb = zstd.compress(bytes(MAX_INFLATED + 1), 9)[4:]
    assert len(bomb) < 2000
    with pytest.raises(UnreadableBlock, match="claims"):
        inflate(bomb, None)
    unsized = zstd.ZstdCompressor(9)
    streamed = unsized.compress(bytes(100), mode=zstd.ZstdCompressor.FLUSH_BLOCK) + unsized.flush()
    with pytest.raises(UnreadableBlock, match="claims"):
        inflate(streamed[4:], None)


def test_a_frame_ends_where_its_section_does() -> None:
    frame = PLAIN.frame(b"text" * 50)
    assert inflate(frame, None) == b"text" * 50
    for wrong in (frame + b"\0", frame + b"\x28\xb5\x2f\xfd" + frame, frame[:-1], frame[:5], b""):
        with pytest.raises(UnreadableBlock):
            inflate(wrong, None)

"""A block gives back exactly the events that went in, whole and field by field."""

import random
import struct
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.corpus import events as corpus
from chalicelib.events.block import Block, DetailMissing, Dictionary, Packed, TooLarge, open_block, pack
from chalicelib.events.event import LEVELS, Event

RECEIVED_AT = 1_790_000_000_000

hostile_texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from((
        "", "\0", "a\0b", "\x7f", "ÿþý", "\u202eرقم", "null", "0", "007", "-0", "1e5", "٣٤", "²", "💥" * 3,
        "\ufeff", "x" * 300,
        "10.0.0.1", "10.0.0.01", "256.1.1.1",
        "...", "DEADBEEF", "deadbeef", "dead beef", "{}", "[1]", '"', "a.b", " ",
    )),
)  # fmt: skip
ids = st.one_of(
    st.binary(min_size=16, max_size=16).map(bytes.hex),
    st.binary(min_size=8, max_size=8).map(bytes.hex),
    st.uuids().map(str),
    st.integers(0, 10**6).map(lambda number: f"ord_{number}"),
    st.integers(0, 999).map(lambda number: f"SKU-{number:05d}"),
    st.integers(0, 2**20).map(lambda number: f"req-{number:08x}"),
    st.ip_addresses(v=4).map(str),
    hostile_texts,
)
numbers = st.one_of(
    st.integers(),
    st.integers(0, 1000),
    st.sampled_from((2**62, -(2**62), 2**63, 2**64, -(2**64), 10**40, -(10**40))),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 10**6).map(lambda number: number / 100),
    st.sampled_from((1e308, -1e308, 5e-324, -0.0, 0.0, 1.0, 1e16, 1e22, 0.1)),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, ids),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_texts, inner, max_size=3),
    max_leaves=6,
)
keys = st.one_of(st.sampled_from(("http", "status", "a", "a.b", "a.b.c", "", "b", ".", "\0")), hostile_texts)
events = st.builds(
    Event,
    timestamp=st.one_of(st.integers(RECEIVED_AT, RECEIVED_AT + 400_000), st.integers(0, 2**50)),
    level=st.sampled_from(LEVELS),
    type=hostile_texts,
    message=hostile_texts,
    service=hostile_texts,
    environment=hostile_texts,
    user_id=ids,
    session_id=ids,
    device_type=hostile_texts,
    device_id=ids,
    trace_id=ids,
    span_id=ids,
    metadata=st.dictionaries(keys, values, max_size=5),
)


@st.composite
def batches(draw: st.DrawFn) -> list[Event]:
    """A few events as they come, or many made of a few, which a block keeps in columns."""
    few = draw(st.lists(events, min_size=1, max_size=8))
    if draw(st.booleans()):
        return few
    chance = draw(st.randoms(use_true_random=False))
    return [chance.choice(few) for _ in range(chance.randrange(41, 300))]


def opened(packed: Packed, dictionary: Dictionary | None = None) -> Block:
    known = {dictionary.version: dictionary} if dictionary else {}
    block = open_block(packed.scan, known.__getitem__)
    if packed.detail is not None:
        block.attach(packed.detail)
    return block


def exact(value: Any) -> Any:
    """Equal only for what is the same JSON: 1, 1.0 and true differ, and so do 0.0 and -0.0. Keys have no order."""
    match value:
        case float():
            return struct.pack("d", value)
        case dict():
            return {key: exact(member) for key, member in value.items()}
        case list():
            return [exact(element) for element in value]
        case _:
            return type(value), value


def as_stored(event: Event) -> Any:
    return [exact(getattr(event, name)) for name in Event.__struct_fields__]


def from_corpus(count: int, *, seed: int = 3, per_second: float = 100.0) -> list[Event]:
    return [msgspec.convert(event, Event) for event in corpus(count, seed=seed, per_second=per_second)]


def reached(node: Any, path: str) -> list[Any]:
    """The plain meaning of a path: whatever its keys, joined by dots, spell; a list stands for its elements."""
    found = []
    if isinstance(node, dict):
        for key, member in node.items():
            if key == path:
                found.append(member)
            if path.startswith(key + "."):
                found += reached(member, path.removeprefix(key + "."))
    elif isinstance(node, list):
        for element in node:
            found += reached(element, path)
    return found


@given(batches())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_events_come_out_as_they_went_in_ordered_by_time(batch: list[Event]) -> None:
    block = opened(pack(batch, received_at=RECEIVED_AT, dictionary=None))
    expected = sorted(batch, key=lambda event: event.timestamp)
    assert [as_stored(event) for event in block.events(range(len(batch)))] == [as_stored(event) for event in expected]


@given(batches())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_field_read_by_itself_agrees_with_the_record(batch: list[Event]) -> None:
    block = opened(pack(batch, received_at=RECEIVED_AT, dictionary=None))
    records = block.events(range(len(batch)))
    assert list(block.times) == [event.timestamp for event in records]
    assert block.messages.split(b"\xff") == [event.message.encode() for event in records]
    for field in ("level", "service", "environment", "type", "device_type"):
        words, codes = block.codes(field)
        row_codes = codes if codes is not None else bytes(len(batch))
        assert len(set(words)) == len(words)
        assert [words[code] for code in row_codes] == [getattr(event, field) for event in records]
    for field in ("user_id", "session_id", "device_id", "trace_id", "span_id"):
        assert list(block.values(field)) == [getattr(event, field) or None for event in records]


@given(batches())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@example(
    [Event(timestamp=1, metadata={"a": {"b": 1}, "a.b": 2}), Event(timestamp=2, metadata={"a": [{"b": 3}, {"b": 4}]})]
)
@example([Event(timestamp=row, metadata={"a": {"b": row}, "a.b": [row]} if row % 3 else {"a": 7}) for row in range(60)])
def test_a_metadata_path_reaches_what_it_reaches_in_the_record(batch: list[Event]) -> None:
    block = opened(pack(batch, received_at=RECEIVED_AT, dictionary=None))
    records = block.events(range(len(batch)))
    for path in {*block.metadata_paths(), "metadata.a", "metadata.a.b", "metadata.http"}:
        for value, event in zip(block.values(path), records, strict=True):
            found = reached(event.metadata, path.removeprefix("metadata."))
            if len(found) > 1:
                assert sorted(map(repr, map(exact, value))) == sorted(map(repr, map(exact, found)))
            else:
                assert exact(value) == exact(found[0] if found else None)


@pytest.mark.parametrize("count", [1, 2, 40, 41, 100, 500, 3000])
@pytest.mark.parametrize("per_second", [100.0, 2.0])
def test_realistic_events_survive_at_every_size(count: int, per_second: float) -> None:
    batch = from_corpus(count, per_second=per_second)
    assert opened(pack(batch, received_at=RECEIVED_AT, dictionary=None)).events(range(count)) == batch


def test_events_of_one_millisecond_stay_in_the_order_they_came() -> None:
    batch = [Event(timestamp=5 - at // 50, message=str(at)) for at in range(200)]
    rows = opened(pack(batch, received_at=0, dictionary=None)).events(range(200))
    assert [int(event.message) for event in rows] == [*range(150, 200), *range(100, 150), *range(50, 100), *range(50)]


@given(st.lists(st.integers(0, 7_200_000), min_size=1, max_size=80), st.integers(-70_000, 7_300_000))
def test_the_row_at_a_time_is_the_first_one_not_before_it(offsets: list[int], probe: int) -> None:
    batch = [Event(timestamp=RECEIVED_AT + offset) for offset in offsets]
    block = opened(pack(batch, received_at=RECEIVED_AT, dictionary=None))
    for ms in (RECEIVED_AT + probe, (RECEIVED_AT + probe) // 60_000 * 60_000, RECEIVED_AT + offsets[0]):
        assert block.row_at(ms) == sum(event.timestamp < ms for event in batch)


def test_the_header_alone_counts_by_minute_and_level() -> None:
    batch = from_corpus(500, per_second=2.0)
    block = open_block(pack(batch, received_at=RECEIVED_AT, dictionary=None).scan, {}.__getitem__)
    counted = {(minute, level): count for minute, levels in block.minutes() or () for level, count in levels.items()}
    expected: dict[tuple[int, str], int] = {}
    for event in batch:
        key = (event.timestamp // 60_000 * 60_000, event.level)
        expected[key] = expected.get(key, 0) + 1
    assert counted == expected
    assert sum(block.header.level_counts.values()) == 500
    assert block.needs_detail


def test_the_header_tells_times_count_and_receipt() -> None:
    batch = from_corpus(120)
    packed = pack(batch, received_at=RECEIVED_AT, dictionary=None)
    header = open_block(packed.scan, {}.__getitem__).header
    assert (header.first, header.last) == (packed.first, packed.last) == (batch[0].timestamp, batch[-1].timestamp)
    assert (header.count, header.received_at, header.dictionary) == (120, RECEIVED_AT, 0)
    assert not header.merged
    assert header.replaces == ()


def test_a_block_of_hundreds_keeps_its_detail_apart_and_a_small_one_does_not() -> None:
    large = pack(from_corpus(500), received_at=RECEIVED_AT, dictionary=None)
    assert large.detail is not None
    assert len(large.detail) > len(large.scan)
    assert len(large.detail_hash) == 8
    small = pack(from_corpus(60), received_at=RECEIVED_AT, dictionary=None)
    assert small.detail is None
    assert small.detail_hash == b""


def test_a_scan_needs_no_detail() -> None:
    batch = from_corpus(500)
    block = open_block(pack(batch, received_at=RECEIVED_AT, dictionary=None).scan, {}.__getitem__)
    assert len(block.times) == 500
    assert block.messages.count(b"\xff") == 499
    assert block.codes("level")[1] is not None
    with pytest.raises(DetailMissing):
        block.event(0)


def test_values_that_can_change_are_never_shared_between_events() -> None:
    shared = {"list": [1], "empty": {}}
    block = opened(pack([Event(timestamp=at, metadata=shared) for at in range(50)], received_at=0, dictionary=None))
    first, second = block.events((0, 1))
    first.metadata["list"].append(2)
    first.metadata["empty"]["x"] = 1
    assert second.metadata == shared
    assert block.event(0).metadata == shared


def test_metadata_with_more_paths_than_a_byte_counts_survives() -> None:
    batch = [
        Event(timestamp=at, metadata={"by": {str(uuid.UUID(int=at * 7 + n)): n for n in range(9)}}) for at in range(90)
    ]
    block = opened(pack(batch, received_at=0, dictionary=None))
    assert block.events(range(90)) == batch
    assert block.values(f"metadata.by.{uuid.UUID(int=8)}")[0] == 8
    wild = [Event(timestamp=at, metadata={f"key{at * 9 + n}": n for n in range(9)}) for at in range(90)]
    block = opened(pack(wild, received_at=0, dictionary=None))
    assert block.events(range(90)) == wild
    assert block.values("metadata.key100")[11] == 1
    assert len(block.metadata_paths()) == 810


def test_deep_metadata_survives() -> None:
    metadata: dict[str, Any] = {"end": 1}
    for _ in range(100):
        metadata = {"in": metadata, "list": [metadata["end"]] if "end" in metadata else []}
    for count in (1, 60):
        batch = [Event(timestamp=at, metadata=metadata) for at in range(count)]
        assert opened(pack(batch, received_at=0, dictionary=None)).events(range(count)) == batch


def test_what_no_item_holds_is_too_large() -> None:
    noise = random.Random(1).randbytes(450_000).hex()
    with pytest.raises(TooLarge):
        pack([Event(timestamp=1, message=noise)] * 2, received_at=0, dictionary=None)
    with pytest.raises(TooLarge):
        pack([Event(timestamp=1, message="x" * 9_000_000)] * 2, received_at=0, dictionary=None)
    text = random.Random(2).randbytes(96_000).hex()
    fits = [Event(timestamp=1, message=text), Event(timestamp=1, metadata={"stack": text[::-1]})]
    packed = pack(fits, received_at=0, dictionary=None)
    assert packed.detail is not None
    assert opened(packed).events((0, 1)) == fits


@pytest.mark.parametrize(
    "event",
    [Event(timestamp=1, level="odd"), Event(timestamp=-1), Event(timestamp=1, message="\ud800")],
)
def test_what_is_no_event_is_refused(event: Event) -> None:
    for count in (1, 60):
        with pytest.raises(ValueError):  # noqa: PT011 (whatever the sentence)
            pack([event] * count, received_at=0, dictionary=None)


def test_a_block_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        pack([], received_at=0, dictionary=None)


def test_events_with_hundreds_of_keys_survive() -> None:
    chance = random.Random(6)
    wanted = [f"key{number}" for number in range(250)]
    batch = [
        Event(timestamp=at, metadata={key: {"in": at} for key in wanted if chance.random() < 0.6}) for at in range(300)
    ]
    assert opened(pack(batch, received_at=0, dictionary=None)).events(range(300)) == batch


def test_integers_and_texts_of_any_length_survive() -> None:
    batch = [Event(timestamp=at, user_id="9" * 999 + str(at), metadata={"n": 10**4000 + at}) for at in range(50)]
    assert opened(pack(batch, received_at=0, dictionary=None)).events(range(50)) == batch

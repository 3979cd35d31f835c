"""JSON bodies: what is a batch, and that one bad event never sinks it."""

import contextlib
import json
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.events.decode import MOST_EVENTS, UNTIMED, BodyUnreadable, Decoded, TooManyEvents
from chalicelib.events.decode.json import EVENT_LIMIT, decode
from chalicelib.events.decode.normalisation import normalised
from chalicelib.events.event import Event

AT = 1_790_000_000_000
GOOD = {"timestamp": AT, "level": "error", "message": "good", "metadata": {"n": 1}}
GOOD_EVENT = Event(timestamp=AT, level="error", message="good", metadata={"n": 1})


def decoded(value: Any) -> Decoded:
    return decode(json.dumps(value).encode())


@pytest.mark.parametrize(
    "body",
    [{"events": [GOOD]}, [GOOD], GOOD, {"events": [GOOD], "sdk": {"name": "js"}}, {"sent_at": 1, "events": [GOOD]}],
)
def test_a_batch_is_an_object_with_events_or_an_array_or_one_event(body: Any) -> None:
    assert decoded(body) == Decoded([GOOD_EVENT], [0], [])


@pytest.mark.parametrize("body", [{"events": []}, []])
def test_a_batch_of_nothing_is_a_batch(body: Any) -> None:
    assert decoded(body) == Decoded([], [], [])


def test_a_byte_order_mark_is_no_matter() -> None:
    assert decode(b"\xef\xbb\xbf" + json.dumps({"events": [GOOD]}).encode()).events == [GOOD_EVENT]


@pytest.mark.parametrize(
    "body",
    [{}, {"resourceLogs": []}, {"events": {"0": GOOD}}, {"events": None}, {"events": "x"}, None, "text", 5, True],
)
def test_json_that_is_no_batch_is_refused_with_the_shape_that_is(body: Any) -> None:
    with pytest.raises(BodyUnreadable, match="events"):
        decoded(body)


@pytest.mark.parametrize(
    ("body", "position"),
    [
        (b"", 0),
        (b"   ", 0),
        (b'{"events": [', 12),
        (b'{"events": [{"message": "x"}', 28),
        (b"<events>", 0),
        (b'{"events": []} and more', 16),
        (b'{"events": [{"a": 1}, ]}', 22),
        (b'{"events": [}]}', 12),
        (b'{"events": [{"a": 1]}', 19),
    ],
)
def test_a_broken_body_is_refused_with_the_place(body: bytes, position: int) -> None:
    with pytest.raises(BodyUnreadable) as refused:
        decode(body)
    assert refused.value.position == position


BAD_EVENTS = {
    "a lone surrogate": (rb'{"message": "\ud800"}', "invalid_json"),
    "bad UTF-8": (b'{"message": "\xff"}', "invalid_json"),
    "a bare control character": (b'{"message": "a\nb"}', "invalid_json"),
    "a number out of range": (b'{"metadata": {"n": 1e999}}', "invalid_json"),
    "NaN": (b'{"metadata": {"n": NaN}}', "invalid_json"),
    "a missing colon": (b'{"message" "x"}', "invalid_json"),
    "an array": (b"[1]", "not_an_object"),
    "a number": (b"7", "not_an_object"),
    "null": (b"null", "not_an_object"),
    "text": (b'"event, with a comma ]"', "not_an_object"),
    "depth": (b'{"metadata": {"a": ' + b"[" * 100 + b"]" * 100 + b"}}", "too_deep"),
    "great depth": (b'{"metadata": {"a": ' + b"[" * 5000 + b"]" * 5000 + b"}}", "too_deep"),
    "size": (b'{"message": "' + b"x" * EVENT_LIMIT + b'"}', "too_large"),
}


@pytest.mark.requirement("I3")
@pytest.mark.parametrize(("bad", "reason"), BAD_EVENTS.values(), ids=BAD_EVENTS)
@pytest.mark.parametrize("around", [b'{"device_id": "d", "events": [%s]}', b"[%s]"], ids=["object", "array"])
def test_one_bad_event_is_rejected_by_its_index_and_the_others_live(bad: bytes, reason: str, around: bytes) -> None:
    good = json.dumps(GOOD).encode()
    result = decode(around.replace(b"%s", b" , ".join((good, bad, good))))
    assert [event.message for event in result.events] == ["good", "good"]
    assert result.indices == [0, 2]
    assert [(one.index, one.reason) for one in result.rejected] == [(1, reason)]
    assert len(result.rejected[0].detail) > 20


@pytest.mark.requirement("I3")
def test_a_batch_of_only_bad_events_rejects_each() -> None:
    result = decode(b'{"events": [1, {"message": "\\udc00"}, null]}')
    assert result.events == []
    assert [one.index for one in result.rejected] == [0, 1, 2]


def test_an_event_of_just_the_limit_is_kept() -> None:
    frame = len(b'{"message": ""}')
    for size, kept in ((EVENT_LIMIT, 1), (EVENT_LIMIT + 1, 0)):
        assert len(decode(b'{"events": [{"message": "' + b"x" * (size - frame) + b'"}]}').events) == kept


@pytest.mark.requirement("W3")
def test_what_stands_beside_the_events_holds_for_those_without_their_own() -> None:
    body = {"device_id": "d1", "service": "shop", "events": [GOOD, GOOD | {"device_id": "d2"}, GOOD | {"level": "?"}]}
    assert [(event.device_id, event.service) for event in decoded(body).events] == [
        ("d1", "shop"),
        ("d2", "shop"),
        ("d1", "shop"),
    ]


def test_a_level_or_message_beside_the_events_is_about_the_batch() -> None:
    assert decoded({"level": "fatal", "message": "batch", "events": [{}]}).events == [Event(timestamp=UNTIMED)]


@pytest.mark.requirement("W3")
def test_trace_ids_in_metadata_are_found_also_where_all_else_is_in_order() -> None:
    assert decoded({"events": [{"timestamp": AT, "metadata": {"traceId": "t"}}]}).events[0].trace_id == "t"


@pytest.mark.requirement("V1.4.2")
def test_large_integers_are_kept_to_the_last_digit() -> None:
    assert decoded([{"metadata": {"n": 2**80}}]).events[0].metadata == {"n": 2**80}


scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    scalars | texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
names = st.sampled_from([*Event.__struct_fields__, "extra", "_sent"]) | texts
sent_events = st.dictionaries(names, values, max_size=6) | st.fixed_dictionaries(
    {"timestamp": st.integers(AT, AT + 10**9), "level": st.sampled_from(["info", "error"]), "message": texts},
    optional={"metadata": st.dictionaries(texts, values, max_size=3), "trace_id": texts, "service": texts},
)


@given(st.lists(sent_events, max_size=6))
def test_the_quick_ways_and_the_careful_one_agree(batch: list[dict[str, Any]]) -> None:
    careful = [normalised(json.loads(json.dumps(sent)), {}) for sent in batch]
    assert decoded({"events": batch}) == Decoded(careful, list(range(len(batch))), [])
    assert decoded(batch).events == careful
    broken = json.dumps({"events": batch}).encode()[:-2] + (b", " if batch else b"") + b"tru]}"
    assert decode(broken).events == careful


@given(st.lists(st.recursive(scalars | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=4) | sent_events))
def test_every_event_is_used_or_rejected_once(batch: list[Any]) -> None:
    result = decoded({"events": batch})
    assert sorted([*result.indices, *(one.index for one in result.rejected)]) == list(range(len(batch)))
    assert len(result.events) == len(result.indices)


@given(st.binary(max_size=200) | st.text('[]{}",:\\ a1', max_size=60).map(str.encode))
def test_any_bytes_are_a_batch_or_unreadable(body: bytes) -> None:
    with contextlib.suppress(BodyUnreadable):
        assert all(isinstance(event, Event) for event in decode(body).events)


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(
    "body", [b"[" * 500_000, b'"' + b'\\"' * 250_000, b'{"a":' * 100_000, b'{"events":[' + b'{"' * 200_000]
)
def test_hostile_bodies_are_refused_in_one_pass(body: bytes) -> None:
    with pytest.raises(BodyUnreadable):
        decode(body)


@pytest.mark.requirement("I9")
@pytest.mark.parametrize(
    "layout", [b"[%s]", b'{"events":[%s]}', b'{"service":"a","events":[%s]}', b"[%s,{]", b"[{,},%s]"], ids=str
)
def test_more_events_than_are_read_at_once_are_refused(layout: bytes) -> None:
    with pytest.raises(TooManyEvents):
        decode(layout % b",".join([b"{}"] * (MOST_EVENTS + 1)))


@pytest.mark.requirement("I9")
def test_events_are_counted_before_they_are_made() -> None:
    body = b"[" + b",".join([b"1"] * 4_000_000) + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(TooManyEvents):
            decode(body)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_as_many_events_as_are_read_at_once_are_read_whatever_is_in_them() -> None:
    assert len(decode(b"[" + b",".join([b"{}"] * MOST_EVENTS) + b"]").events) == MOST_EVENTS
    numbers = b",".join([b"1"] * (2 * MOST_EVENTS))
    assert len(decode(b'[{"metadata":{"a":[%s]}},{"message":"%s"}]' % (numbers, numbers)).events) == 2


def test_a_timestamp_that_is_a_whole_float_is_a_timestamp() -> None:
    assert decode(b'{"events":[{"timestamp":1790000000000.0}]}').events == [Event(timestamp=AT)]
    assert math.isclose(decode(b'[{"metadata":{"n":1.5}}]').events[0].metadata["n"], 1.5)

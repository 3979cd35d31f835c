"""NDJSON: one event a line; and how the format of a body is told."""

import json

import pytest

from chalicelib.events.decode import MOST_EVENTS, BodyUnreadable, Decoded, MediaRefused, TooManyEvents
from chalicelib.events.decode.batch import decode
from chalicelib.events.event import Event

AT = 1_790_000_000_000
LINES = b'{"timestamp": %d, "message": "one"}\n{"timestamp": %d, "message": "two"}\n' % (AT, AT)
EVENTS = [Event(timestamp=AT, message="one"), Event(timestamp=AT, message="two")]


@pytest.mark.requirement("W5")
@pytest.mark.parametrize(
    "media_type", ["application/x-ndjson", "application/jsonl", "application/json", "text/plain", ""]
)
@pytest.mark.parametrize(
    "body", [LINES, LINES.strip(), LINES.replace(b"\n", b"\r\n"), b"\n\n" + LINES.replace(b"\n", b"\n\n")]
)
def test_lines_are_events_whatever_they_are_called(media_type: str, body: bytes) -> None:
    assert decode(body, media_type=media_type) == Decoded(EVENTS, [0, 1], [])


@pytest.mark.requirement("W5", "I3")
def test_a_bad_line_is_rejected_by_its_index_and_the_others_live() -> None:
    result = decode(LINES + b"not json\n\n[1]\n" + LINES, media_type="application/x-ndjson")
    assert result.events == EVENTS * 2
    assert result.indices == [0, 1, 4, 5]
    assert [(one.index, one.reason) for one in result.rejected] == [(2, "invalid_json"), (3, "not_an_object")]


@pytest.mark.requirement("I9")
def test_more_lines_than_are_read_at_once_are_refused_and_blank_ones_are_none() -> None:
    lines = b"{}\n" * MOST_EVENTS
    assert len(decode(lines + b"\n \r\n" * MOST_EVENTS, media_type="application/x-ndjson").events) == MOST_EVENTS
    with pytest.raises(TooManyEvents):
        decode(lines + b"{}", media_type="application/x-ndjson")


def test_a_line_of_an_unusual_event_is_normalised() -> None:
    result = decode(LINES + b'{"level": "WARNING", "extra": 1}', media_type="application/x-ndjson")
    assert (result.events[2].level, result.events[2].metadata) == ("warn", {"extra": 1})


@pytest.mark.parametrize("indent", [None, 1])
def test_one_batch_is_read_as_one_however_it_is_laid_out(indent: int | None) -> None:
    body = json.dumps({"events": [{"timestamp": AT, "message": "one"}]}, indent=indent).encode()
    assert decode(body, media_type="application/json").events == EVENTS[:1]


def test_a_batch_on_one_line_is_a_batch_also_when_called_ndjson() -> None:
    body = b'{"events": [{"timestamp": %d, "message": "one"}]}\n' % AT
    assert decode(body, media_type="application/x-ndjson").events == EVENTS[:1]


@pytest.mark.requirement("W2")
@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "image/png", "what?"])
def test_what_is_plainly_json_is_read_whatever_it_is_called(media_type: str) -> None:
    assert decode(b' {"events": []}', media_type=media_type) == Decoded([], [], [])


@pytest.mark.parametrize("media_type", ["application/xml", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_what_is_not_json_and_says_so_is_refused_by_its_type(media_type: str) -> None:
    with pytest.raises(MediaRefused, match="application/json"):
        decode(b"<events/>", media_type=media_type)


@pytest.mark.parametrize("media_type", ["", "application/json", "application/vnd.events+json", "text/plain"])
def test_what_is_not_json_and_says_it_is_has_a_broken_body(media_type: str) -> None:
    with pytest.raises(BodyUnreadable):
        decode(b"<events/>", media_type=media_type)


def test_an_unknown_coding_is_refused_by_its_name() -> None:
    with pytest.raises(MediaRefused, match="br"):
        decode(b"\x0b\x02\x80", media_type="application/json", coding="br")

"""What becomes of whatever a client put into an event. `docs/api.md` promises these rules."""

from typing import Any

import pytest

from chalicelib.events.decode import UNTIMED
from chalicelib.events.decode.normalisation import DEEPEST, TooDeep, normalised
from chalicelib.events.event import LEVELS, Event

AT = 1_790_000_000_000


def event(**sent: Any) -> Event:
    return normalised(sent, {})


@pytest.mark.requirement("W3")
@pytest.mark.parametrize(
    ("sent", "level"),
    [
        *((level, level) for level in LEVELS),
        *((level.upper(), level) for level in LEVELS),
        (" Error ", "error"),
        ("warning", "warn"),
        ("err", "error"),
        ("critical", "fatal"),
        ("emergency", "fatal"),
        ("alert", "fatal"),
        ("PANIC", "fatal"),
        ("notice", "info"),
        ("information", "info"),
        ("trace", "debug"),
        ("verbose", "debug"),
        ("", "info"),
        (None, "info"),
    ],
)
def test_a_level_is_known_by_its_usual_names(sent: str | None, level: str) -> None:
    assert event(level=sent) == Event(timestamp=UNTIMED, level=level)


@pytest.mark.requirement("W3")
@pytest.mark.parametrize("sent", ["loud", 3, True, ["error"]])
def test_an_unknown_level_becomes_info_and_is_kept(sent: Any) -> None:
    assert event(level=sent) == Event(timestamp=UNTIMED, level="info", metadata={"_sent": {"level": sent}})


@pytest.mark.requirement("W3")
@pytest.mark.parametrize(("sent", "kind"), [("", "custom"), (None, "custom"), ("crash", "crash"), ("mine", "mine")])
def test_a_type_is_kept_and_custom_where_there_is_none(sent: str | None, kind: str) -> None:
    assert event(type=sent).type == kind


@pytest.mark.requirement("W3", "V1.4.2")
@pytest.mark.parametrize(
    "sent", [0, -1, -AT, 1_790_000_000, AT * 1000, 1 << 47, 946_684_799_999, True, "yesterday", "0", [AT], {}]
)
def test_an_unusable_timestamp_leaves_the_event_untimed_and_is_kept(sent: Any) -> None:
    assert event(timestamp=sent) == Event(timestamp=UNTIMED, metadata={"_sent": {"timestamp": sent}})


@pytest.mark.requirement("W3")
@pytest.mark.parametrize("sent", [{}, {"timestamp": None}, {"timestamp": ""}])
def test_a_missing_timestamp_leaves_the_event_untimed_and_nothing_is_kept(sent: dict[str, Any]) -> None:
    assert normalised(sent, {}) == Event(timestamp=UNTIMED)


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        (AT, AT),
        (946_684_800_000, 946_684_800_000),
        ((1 << 47) - 1, (1 << 47) - 1),
        (float(AT), AT),
        (AT + 0.75, AT),
        (str(AT), AT),
        ("2026-09-21T14:13:20Z", AT),
        ("2026-09-21T14:13:20.123456789Z", AT + 123),
        ("2026-09-21T16:13:20+02:00", AT),
        ("2026-09-21 14:13:20", AT),
    ],
)
def test_a_usable_timestamp_is_read_in_any_of_its_forms(sent: Any, at: int) -> None:
    assert event(timestamp=sent) == Event(timestamp=at)


@pytest.mark.requirement("W3")
@pytest.mark.parametrize(
    ("sent", "metadata"),
    [
        (None, {}),
        ([], {}),
        ("", {}),
        ({"a": 1}, {"a": 1}),
        (["x", {"y": 1}], {"0": "x", "1": {"y": 1}}),
        ("text", {"value": "text"}),
        (0, {"value": 0}),
        (False, {"value": False}),
    ],
)
def test_metadata_of_any_shape_becomes_an_object(sent: Any, metadata: dict[str, Any]) -> None:
    assert event(metadata=sent) == Event(timestamp=UNTIMED, metadata=metadata)


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (None, ""),
        ("as it is", "as it is"),
        (42, "42"),
        (1.5, "1.5"),
        (True, "true"),
        ({"a": [1, "é"]}, '{"a":[1,"é"]}'),
        ([1, 2], "[1,2]"),
    ],
)
@pytest.mark.parametrize("field", ["message", "service", "user_id", "span_id", "device_type"])
def test_text_fields_hold_text_whatever_was_sent(field: str, sent: Any, text: str) -> None:
    assert getattr(event(**{field: sent}), field) == text


@pytest.mark.requirement("W3")
def test_unknown_keys_become_metadata_and_a_clash_loses_neither() -> None:
    sent = event(release="1.2", host={"name": "a"}, metadata={"release": "1.1"})
    assert sent.metadata == {"release": "1.1", "host": {"name": "a"}, "_sent": {"release": "1.2"}}


def test_what_a_client_itself_keeps_under_sent_is_not_lost() -> None:
    assert event(level="odd", metadata={"_sent": "mine"}).metadata == {"_sent": {"_sent": "mine", "level": "odd"}}
    assert event(level="odd", metadata={"_sent": {"a": 1}}).metadata == {"_sent": {"a": 1, "level": "odd"}}


@pytest.mark.requirement("W3")
def test_ids_of_a_trace_are_found_in_metadata_and_stay_there() -> None:
    assert event(metadata={"trace_id": "t1", "spanId": 7}) == Event(
        timestamp=UNTIMED, trace_id="t1", span_id="7", metadata={"trace_id": "t1", "spanId": 7}
    )
    assert event(trace_id="own", metadata={"trace_id": "other"}).trace_id == "own"
    assert event(metadata={"trace_id": {"no": "id"}}).trace_id == ""


def test_fields_of_the_batch_hold_for_events_that_have_none() -> None:
    shared = {"device_id": "d1", "service": "shop"}
    assert normalised({"service": "mine"}, shared) == Event(timestamp=UNTIMED, service="mine", device_id="d1")


@pytest.mark.requirement("I9")
def test_metadata_may_nest_so_deep_and_no_deeper() -> None:
    assert event(metadata=_nested(DEEPEST)).metadata == _nested(DEEPEST)
    with pytest.raises(TooDeep):
        event(metadata=_nested(DEEPEST + 1))


def _nested(depth: int) -> dict[str, Any]:
    inner: Any = 1
    for level in range(depth):
        inner = [inner] if level % 2 and level < depth - 1 else {"a": inner}
    return inner if isinstance(inner, dict) else {"a": inner}

"""Files become events: lines, joined stack traces, NDJSON, JSON documents, compressed and broken ones."""

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scry.documents import documents
from scry.errors import Unreadable
from scry.items import Found, Pause, Unsendable
from scry.lines import Line, lines
from scry.records import from_record
from scry.sources import Format, detected, open_source
from scry.text import events, objects
from scry.times import Clock

CLOCK = Clock(datetime(2026, 11, 23, tzinfo=UTC), UTC)


def read(text: str | bytes, *, with_json: bool = True) -> list[Found | Unsendable | Pause]:
    data = text.encode() if isinstance(text, str) else text
    return list(events(lines([data]), CLOCK, with_json=with_json))


def messages(text: str | bytes) -> list[str]:
    return [item.event["message"] for item in read(text)]


# --- lines ------------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=60), st.integers(1, 9))
def test_lines_are_the_same_however_the_stream_is_cut(data, size):
    whole = list(lines([data] if data else []))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(lines(pieces)) == whole
    assert b"\n".join(line.data for line in whole) == data.replace(b"\r\n", b"\n").removesuffix(b"\n").removesuffix(
        b"\r"
    )
    assert [data[line.offset :][: len(line.data)] for line in whole] == [line.data for line in whole]


@given(st.lists(st.integers(0, 30), max_size=6), st.integers(1, 40))
def test_a_line_that_is_too_long_is_named_and_the_next_ones_keep_their_place(sizes, chunk):
    data = b"".join(b"x" * size + b"\n" for size in sizes)
    found = list(lines([data[at : at + chunk] for at in range(0, len(data), chunk)], longest=10))
    assert [line.too_long for line in found] == [size > 10 for size in sizes]
    assert [line.number for line in found] == list(range(1, len(sizes) + 1))
    assert [line.offset for line in found] == [sum(sizes[:at]) + at for at in range(len(sizes))]


def test_a_line_without_end_does_not_fill_the_memory():
    endless = (b"x" * 100_000 for _ in range(1_000))
    assert list(lines(endless)) == [Line(1, 0, b"", too_long=True)]


def test_a_line_that_is_too_long_is_reported_with_its_number():
    found = read(b"ok\n" + b"x" * 300_000 + b"\nok\n")
    assert [type(item) for item in found] == [Found, Unsendable, Found]
    assert (found[1].line, found[1].reason.partition(":")[0]) == (2, "too_large")


def test_bytes_that_are_no_utf8_are_replaced_and_said():
    found = read(b"caf\xe9 \xff\xfe!\nfine\n")
    assert [(item.event["message"], item.replaced) for item in found] == [("caf\ufffd \ufffd!", True), ("fine", False)]


# --- joined lines -----------------------------------------------------------------------------------------------------

PYTHON = """\
2026-11-01 12:00:00,123 ERROR app: boom
Traceback (most recent call last):
  File "a.py", line 1, in <module>

    x()
app.errors.OutOfLuckError: no

2026-11-01 12:00:01,000 INFO app: next"""

JAVA = """\
2026-11-01 12:00:00,123 ERROR [main] a.B - boom
java.lang.IllegalStateException: no
\tat a.B.c(B.java:1)
Caused by: java.io.IOException: disk
\tat a.B.d(B.java:2)
\t... 12 more
2026-11-01 12:00:01,000 INFO  [main] a.B - next"""

PRETTY = """\
2026-11-01 12:00:00 INFO config:
{
  "a": 1
}
2026-11-01 12:00:01 INFO next"""


@pytest.mark.parametrize("text", [PYTHON, JAVA], ids=["python", "java"])
def test_a_stack_trace_belongs_to_its_event(text):
    first, second = read(text)
    assert first.event["message"].split("\n")[0].endswith("boom")
    assert first.event["message"].count("\n") == len(text.split("\n")) - (3 if text is PYTHON else 2)
    assert (second.event["message"].endswith("next"), second.line) == (True, len(text.split("\n")))


def test_a_colour_does_not_hide_that_a_line_is_indented():
    assert messages("2026-11-01T12:00:00Z boom\n\x1b[31m  at x\x1b[0m") == ["boom\n\x1b[31m  at x\x1b[0m"]


def test_lines_without_times_are_events_of_their_own():
    assert messages("one\ntwo\n\n\nthree\n") == ["one", "two", "three"]


def test_a_line_without_a_time_among_lines_with_one_happened_when_the_line_before_did():
    found = read("2026-11-01T12:00:00Z one\nplain\n2026-11-01T12:00:09Z two\n")
    assert [item.event["timestamp"] for item in found] == [1793534400000, 1793534400000, 1793534409000]


def test_lines_before_the_first_time_have_none():
    assert ["timestamp" in item.event for item in read("header\n2026-11-01T12:00:00Z one\n")] == [False, True]


def test_an_event_is_not_joined_beyond_what_the_server_takes():
    found = messages("2026-11-01T12:00:00Z boom\n" + "  at x\n" * 3_000)
    assert [text.count("\n") for text in found] == [1_000, 1_000, 998]
    assert "\n".join(found).count("at x") == 3_000


def test_a_pause_of_the_stream_gives_out_what_is_held_back():
    found = list(events(lines([b"2026-11-01T12:00:00Z one\n", b"", b"two\n"]), CLOCK, with_json=True))
    assert [type(item) for item in found] == [Found, Pause, Found]
    assert found[2].event["timestamp"] == found[0].event["timestamp"]


def test_json_among_text_is_read_as_json():
    found = read('{"msg":"one","level":"warn"}\n{not json}\nplain\n{"msg":"two"}\n')
    assert [item.event for item in found] == [
        {"message": "one", "level": "warn"}, {"message": "{not json}"}, {"message": "plain"}, {"message": "two"},
    ]  # fmt: skip


def test_text_that_was_asked_for_is_never_read_as_json():
    assert read('{"msg":"one"}', with_json=False)[0].event == {"message": '{"msg":"one"}'}


# --- JSON -------------------------------------------------------------------------------------------------------------

RECORDS = {
    "ours": ({"timestamp": 1793534400123, "level": "warn", "message": "m", "metadata": {"a": 1}},
             {"timestamp": 1793534400123, "level": "warn", "message": "m", "metadata": {"a": 1}}),
    "pino": ({"level": 50, "time": 1793534400123, "msg": "m", "pid": 1},
             {"timestamp": 1793534400123, "level": "error", "message": "m", "metadata": {"pid": 1}}),
    "structlog": ({"event": "m", "timestamp": "2026-11-01T12:00:00Z", "level": "warning", "k": []},
                  {"timestamp": 1793534400000, "level": "warn", "message": "m", "metadata": {"k": []}}),
    "zap": ({"level": "info", "ts": 1793534400.5, "msg": "m"},
            {"timestamp": 1793534400500, "level": "info", "message": "m"}),
    "docker": ({"log": "m\n", "stream": "stderr", "time": "2026-11-01T12:00:00.000000001Z"},
               {"timestamp": 1793534400000, "message": "m\n", "metadata": {"stream": "stderr"}}),
    "journald": ({"MESSAGE": [109, 255], "PRIORITY": "3", "__REALTIME_TIMESTAMP": "1793534400123456",
                  "SYSLOG_IDENTIFIER": "sshd"},
                 {"timestamp": 1793534400123, "level": "error", "message": "m\ufffd", "service": "sshd"}),
    "numbers for ids": ({"message": "m", "user_id": 42}, {"message": "m", "user_id": "42"}),
    "unusable values are kept beside": ({"message": {"a": 1}, "level": "loud", "time": "soon"},
                                        {"metadata": {"message": {"a": 1}, "level": "loud", "time": "soon"}}),
    "metadata that is no object": ({"message": "m", "metadata": [1], "x": 2},
                                   {"message": "m", "metadata": {"metadata": [1], "x": 2}}),
    "metadata that clashes": ({"message": "m", "metadata": {"x": 1}, "x": 2},
                              {"message": "m", "metadata": {"metadata": {"x": 1}, "x": 2}}),
    "zero": ({"message": "m", "timestamp": 0}, {"message": "m", "timestamp": 0}),
}  # fmt: skip


@pytest.mark.parametrize(("record", "event"), RECORDS.values(), ids=RECORDS)
def test_a_record_of_any_logger_is_an_event(record, event):
    assert from_record(record, CLOCK) == event


@pytest.mark.parametrize(
    "line", ["{", "[1]", "1", '"x"', '{"a":NaN}', "plain", '{"a":' * 100_000], ids=lambda line: line[:9]
)
def test_a_line_that_is_no_object_is_reported(line):
    good = b'{"message":"m"}\n'
    found = list(objects(lines([good + line.encode() + b"\n\n" + good]), CLOCK))
    assert [(type(item), item.line) for item in found] == [(Found, 1), (Unsendable, 2), (Found, 4)]


DOCUMENTS = {
    "array": '[{"message":"a"},\n {"message":"b"}]',
    "batch": '{"events":[{"message":"a"},\n{"message":"b"}],"sdk":1}',
    "objects in a row": '{"message":"a"}\n{\n"message":"b"}',
    "batches in a row": '{"events":[{"message":"a"}]}\n{"events":[{"message":"b"}]}',
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_document_is_read_event_by_event_however_it_is_cut(text, size):
    data = text.encode()
    found = list(documents([data[at : at + size] for at in range(0, len(data), size)], CLOCK))
    assert [(item.event, item.line) for item in found] == [({"message": "a"}, 1), ({"message": "b"}, 2)]
    assert found[0].offset < found[1].offset


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["message", "x", "y", "metadata"]), JSON_VALUES, max_size=3), max_size=4),
    st.integers(1, 40),
    st.sampled_from([None, 1]),
)
def test_a_document_says_what_its_objects_say_one_a_line(records, size, indent):
    data = json.dumps(records, indent=indent).encode()
    found = documents([data[at : at + size] for at in range(0, len(data), size)], CLOCK)
    assert [item.event for item in found] == [from_record(record, CLOCK) for record in records]


def test_a_device_holds_for_all_events_of_its_batch():
    found = documents([b'{"device_id":"d1","events":[{"message":"a"},{"message":"b","device_id":"d2"}]}'], CLOCK)
    assert [item.event["device_id"] for item in found] == ["d1", "d2"]


@pytest.mark.parametrize(
    ("text", "line"),
    [('[{"message":"a"},\n{"message":', 2), ('[{"message":"a"}\n\n{}]', 3), ('[{"message":"a"},\n\noops]', 3)],
)
def test_where_a_document_breaks_is_said_and_what_came_before_is_sent(text, line):
    first, broken = documents([text.encode()], CLOCK)
    assert (first.event, broken.line, "nothing after" in broken.reason) == ({"message": "a"}, line, True)


def test_an_element_that_is_no_event_is_named_and_the_rest_is_sent():
    found = list(documents([b'[{"message":"a"},\n7,\n{"message":"b"}]'], CLOCK))
    assert [type(item) for item in found] == [Found, Unsendable, Found]


def test_bytes_that_are_no_utf8_are_replaced_and_said_in_documents_too():
    found = list(documents([b'[{"message":"caf\xe9"},{"message":"ok"}]'], CLOCK))
    assert [(item.event["message"], item.replaced) for item in found] == [("caf\ufffd", True), ("ok", False)]


# --- formats and files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b'[{"message":1}', "json"),
        (b"[\n  {", "json"),
        (b"[]", "json"),
        (b'{"events":[', "json"),
        (b'{\n  "message": "a",\n', "json"),
        (b'{"message":"a"}\n{"message":"b"}\n', "text"),
        (b"[2026-11-01 12:00:00] INFO x\n", "text"),
        (b"[error] x\n", "text"),
        (b"{not json}\n", "text"),
        (b"", "text"),
        (b"\x7fELF\0\0", "binary"),
    ],
)
def test_a_format_is_told_by_its_beginning(beginning, kind):
    assert detected(beginning) == kind


def _open(path: Path, wanted: Format = "auto") -> list[Found | Unsendable | Pause]:
    with open_source(str(path), standard_input=io.BytesIO(), now=CLOCK.latest) as source:
        return list(source.items(wanted, UTC))


def test_a_compressed_file_is_read_like_a_plain_one(tmp_path):
    path = tmp_path / "old.log.1.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert [item.event["message"] for item in _open(path)] == ["one", "two"]


def test_a_compressed_file_that_was_cut_says_so(tmp_path):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(b"one\n" * 10_000)[:-20])
    with pytest.raises(Unreadable, match=r"cut\.gz"):
        _open(path)


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "marked.log"
    path.write_bytes(b"\xef\xbb\xbf2026-11-01T12:00:00Z one\n")
    assert _open(path)[0].event == {"timestamp": 1793534400000, "message": "one"}


def test_utf16_and_binary_files_are_refused_with_what_to_do(tmp_path):
    wide, program = tmp_path / "wide.log", tmp_path / "program"
    wide.write_bytes("hello".encode("utf-16"))
    program.write_bytes(b"\x7fELF\0\0\0")
    with pytest.raises(Unreadable, match="iconv"):
        _open(wide)
    with pytest.raises(Unreadable, match="--format text"):
        _open(program)
    assert _open(program, "text")[0].event["message"].startswith("\x7fELF")


def test_an_empty_file_has_no_events(tmp_path):
    path = tmp_path / "empty.log"
    path.touch()
    assert [_open(path, wanted) for wanted in ("auto", "text", "ndjson", "json")] == [[], [], [], []]

"""Lines as real programs write them: time, level and origin are recognised, and nothing else is lost."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scry.guess import guess
from scry.shapes import ANSI
from scry.times import Clock

CLOCK = Clock(datetime(2026, 11, 23, tzinfo=UTC), UTC)
NOON = "2026-11-01T12:00:00"

# Each is a line, and of it: time, level, message, program, metadata.
LINES = {
    "iso": ("2026-11-01T12:00:00Z started", NOON, None, "started", "", {}),
    "iso with offset": ("2026-11-01T13:00:00+01:00 started", NOON, None, "started", "", {}),
    "iso with nanoseconds": ("2026-11-01T12:00:00.123456789Z x", NOON + ".123", None, "x", "", {}),
    "python default": (
        "2026-11-01 12:00:00,123 - app.worker - WARNING - careful", NOON + ".123", "warn", "careful", "",
        {"logger": "app.worker"},
    ),
    "python colon": (
        "2026-11-01 12:00:00,123 ERROR app.db: lost it", NOON + ".123", "error", "lost it", "", {"logger": "app.db"},
    ),
    "python bracket": ("2026-11-01 12:00:00 [CRITICAL] a.b: gone", NOON, "fatal", "gone", "", {"logger": "a.b"}),
    "python basicConfig": ("WARNING:root:careful", None, "warn", "careful", "", {"logger": "root"}),
    "log4j": (
        "2026-11-01 12:00:00,123 INFO  [main] com.foo.Bar - hello", NOON + ".123", "info", "hello", "",
        {"thread": "main", "logger": "com.foo.Bar"},
    ),
    "logback": (
        "2026-11-01 12:00:00.123 [http-1] DEBUG c.f.Bar - hello", NOON + ".123", "debug", "hello", "",
        {"thread": "http-1", "logger": "c.f.Bar"},
    ),
    "zookeeper": (
        "2026-11-01 12:00:00,747 - INFO  [Peer[myid=1]/0:0:0:2181:Election@774] - time out: 3200", NOON + ".747",
        "info", "time out: 3200", "", {"thread": "Peer[myid=1]/0:0:0:2181:Election@774"},
    ),
    "kafka": ("[2026-11-01 12:00:00,001] WARN cut off (kafka.server)", NOON + ".001", "warn", "cut off (kafka.server)",
              "", {}),
    "spring boot": (
        "2026-11-01 12:00:00.123  INFO 77 --- [   main] c.f.Bar    : Started", NOON + ".123", "info", "Started", "",
        {"pid": 77, "thread": "main", "logger": "c.f.Bar"},
    ),
    "hdfs": (
        "261101 120000 143 INFO dfs.DataNode$X: Receiving block", NOON, "info", "Receiving block", "",
        {"pid": 143, "logger": "dfs.DataNode$X"},
    ),
    "spark": ("26/11/01 12:00:00 INFO executor.Backend: Registered", NOON, "info", "Registered", "",
              {"logger": "executor.Backend"}),
    "syslog": (
        "Nov  1 12:00:00 web1 sshd[1234]: Failed password", NOON, None, "Failed password", "sshd",
        {"host": "web1", "pid": 1234},
    ),
    "syslog without pid": ("Nov  1 12:00:00 web1 kernel: oops", NOON, None, "oops", "kernel", {"host": "web1"}),
    "syslog with priority": ("<35>Nov  1 12:00:00 web1 su: failed", NOON, "error", "failed", "su", {"host": "web1"}),
    "syslog rfc 5424": (
        '<34>1 2026-11-01T12:00:00.003Z web1 su 77 ID47 [a b="c"] failed', NOON + ".003", "fatal", "failed", "su",
        {"host": "web1", "pid": 77, "message_id": "ID47", "data": '[a b="c"]'},
    ),
    "syslog, full time": (
        "2026-11-01T12:00:00.123456+00:00 web1 systemd[1]: Started.", NOON + ".123", None, "Started.", "systemd",
        {"host": "web1", "pid": 1},
    ),
    "access": (
        '192.0.2.1 - frank [01/Nov/2026:13:00:00 +0100] "GET /a?b=1 HTTP/1.1" 502 12 "-" "curl"', NOON, "error",
        '"GET /a?b=1 HTTP/1.1" 502 12 "-" "curl"', "",
        {"client": "192.0.2.1",
         "http": {"user": "frank", "method": "GET", "path": "/a?b=1", "status": 502, "bytes": 12}},
    ),
    "access without body": (
        '::1 - - [01/Nov/2026:12:00:00 +0000] "HEAD / HTTP/1.1" 404 -', NOON, "warn", '"HEAD / HTTP/1.1" 404 -', "",
        {"client": "::1", "http": {"method": "HEAD", "path": "/", "status": 404}},
    ),
    "access, garbage request": (
        r'192.0.2.1 - - [01/Nov/2026:12:00:00 +0000] "\x16\x03" 400 0', NOON, "warn", r'"\x16\x03" 400 0', "",
        {"client": "192.0.2.1", "http": {"status": 400, "bytes": 0}},
    ),
    "nginx error": ("2026/11/01 12:00:00 [error] 12#0: *4 open() failed", NOON, "error", "*4 open() failed", "",
                    {"pid": 12}),
    "apache error": (
        "[Sun Nov 01 12:00:00.123456 2026] [core:crit] [pid 1:tid 2] AH00124: bad", NOON + ".123", "fatal",
        "AH00124: bad", "", {"module": "core", "pid": 1},
    ),
    "apache error, old": ("[Sun Nov 01 12:00:00 2026] [notice] init ok", NOON, "info", "init ok", "", {}),
    "postgres": (
        "2026-11-01 12:00:00.123 UTC [77] bob@base FATAL:  no", NOON + ".123", "fatal", "no", "",
        {"pid": 77, "database": "bob@base"},
    ),
    "redis": ("12:M 01 Nov 2026 12:00:00.123 # overcommit", NOON + ".123", "warn", "overcommit", "", {"pid": 12}),
    "klog": (
        "E1101 12:00:00.123456   12345 reflector.go:123] Failed to list", NOON + ".123", "error", "Failed to list", "",
        {"pid": 12345, "source": "reflector.go:123"},
    ),
    "dpkg": ("2026-11-01 12:00:00 status installed libc-bin:amd64 2.36-9", NOON, None,
             "status installed libc-bin:amd64 2.36-9", "", {}),
    "alternatives": ("update-alternatives 2026-11-01 12:00:00: run with --quiet", NOON, None, "run with --quiet",
                     "update-alternatives", {}),
    "go": ("2026/11/01 12:00:00 ERROR it broke", NOON, "error", "it broke", "", {}),
    "ctime": ("Sun Nov  1 12:00:00 2026 hello", NOON, None, "hello", "", {}),
    "epoch seconds": ("1793534400 hello", NOON, None, "hello", "", {}),
    "epoch with fraction": ("1793534400.5 hello", NOON + ".500", None, "hello", "", {}),
    "epoch milliseconds": ("1793534400123 ERROR hello", NOON + ".123", "error", "hello", "", {}),
    "epoch in brackets": ("[1793534400] SERVICE ALERT: x", NOON, None, "SERVICE ALERT: x", "", {}),
    "logfmt": (r'time="2026-11-01T12:00:00Z" level=warning msg="it \"is\" hot" temp=99', NOON, "warn", 'it "is" hot',
               "", {"temp": "99"}),
    "level first": ("[ERROR] 2026-11-01 12:00:00 broken", NOON, "error", "broken", "", {}),
    "uvicorn": ('INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 200 OK', None, "info",
                'INFO:     127.0.0.1:1 - "GET / HTTP/1.1" 200 OK', "", {}),
    "boot message": ("[    0.000000] Linux version 6", None, None, "[    0.000000] Linux version 6", "", {}),
    "prose": ("hello world", None, None, "hello world", "", {}),
    "a level that is a word": ("2026-11-01 12:00:00 error opening the file", NOON, None, "error opening the file", "",
                               {}),
    "a colon that is prose": ("2026-11-01T12:00:00Z connection refused: x", NOON, None, "connection refused: x", "",
                              {}),
    "no such month": ("2026-13-01 12:00:00 x", None, None, "2026-13-01 12:00:00 x", "", {}),
    "a number that is no time": ("1999999999 things", None, None, "1999999999 things", "", {}),
}  # fmt: skip


@pytest.mark.parametrize(("line", "time", "level", "message", "program", "metadata"), LINES.values(), ids=LINES)
def test_a_line_is_read_as_its_program_meant_it(line, time, level, message, program, metadata):
    found = guess(line, CLOCK)
    expected = int(datetime.fromisoformat(time + "+00:00").timestamp() * 1000) if time else None
    event = found.event
    said = (event.get("timestamp"), event.get("level"), event["message"], found.program, event.get("metadata", {}))
    assert said == (expected, level, message, program, metadata)


@pytest.mark.parametrize(
    ("changed", "line", "year"),
    [
        ("2026-11-23", "Nov  1 12:00:00", 2026),
        ("2026-11-23", "Dec 31 23:59:59", 2025),
        ("2027-01-02", "Dec 31 23:59:59", 2026),
        ("2026-12-31T18:00", "Jan  1 00:00:01", 2027),  # clocks disagree about midnight
        ("2026-11-23", "Feb 29 12:00:00", 2024),
    ],
)
def test_a_time_without_a_year_is_the_last_that_the_file_can_speak_of(changed, line, year):
    clock = Clock(datetime.fromisoformat(changed).replace(tzinfo=UTC), UTC)
    timestamp = guess(f"{line} host app: x", clock).event["timestamp"]
    assert datetime.fromtimestamp(timestamp / 1000, UTC).year == year


def test_a_time_without_a_zone_is_in_the_zone_that_was_named():
    vienna = Clock(CLOCK.latest, ZoneInfo("Europe/Vienna"))
    timestamp = guess("2026-07-01 12:00:00 x", vienna).event["timestamp"]
    noon = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp == noon.timestamp() * 1000


def test_colours_do_not_hide_time_and_level_and_stay_in_the_message():
    line = "\x1b[32m2026-11-01 12:00:00\x1b[0m \x1b[31mERROR\x1b[0m it \x1b[1mbroke\x1b[0m now"
    event = guess(line, CLOCK).event
    assert (event["level"], event["message"]) == ("error", "it \x1b[1mbroke\x1b[0m now")


@given(st.text())
def test_any_text_is_an_event_with_all_its_words(line):
    message = guess(line, CLOCK).event["message"]
    assert message == line


@given(st.text(st.characters(exclude_characters="\x1b"), min_size=1), st.sampled_from(["\x1b[31m", "\x1b[0m"]))
def test_escapes_around_a_message_do_not_change_its_text(text, escape):
    message = guess(f"2026-11-01T12:00:00Z x{escape}{text}", CLOCK).event["message"]
    assert ANSI.sub("", message) == ANSI.sub("", f"x{escape}{text}")


HOSTILE = [
    "a" * 200_000, "a=b " * 50_000, "2026-11-01 12:00:00 " + "[" * 200_000, '1.1.1.1 - ' + '"' * 200_000,
    "\x1b[1m" * 50_000 + "x", "\x1b]" * 50_000, "2026-11-01 12:00:00 ERROR" + " " * 200_000 + "x",
    "2026-11-01 12:00:00 INFO [x] " + "a." * 50_000, 'a=\\' + '"\\' * 50_000,
    "<1>1 2026-11-01T12:00:00Z h a 1 - " + "[]" * 50_000 + "x",
    '1.1.1.1 - - [01/Nov/2026:12:00:00 +0100] "GET /' + '" 200 ' * 30_000, "2026-11-01 12:00:00 INFO [" + "[" * 100_000,
    "2026-11-01 12:00:00 " + "a[" * 50_000,
]  # fmt: skip


@pytest.mark.requirement("I9")
@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_line_is_a_line_like_any_other(line):
    # A pattern that backtracks would be at one of these for hours.
    assert guess(line, CLOCK).event["message"]

"""`scry send`, whole: files in, requests out, and what it says about them."""

import io
import json
import os
from pathlib import Path

import pytest

from scry.batches import MOST_EVENTS
from scry.commands import main
from scry.progress import Progress, progress_line
from scry.send import Tally
from tests.cli.scripted_server import Reply

LOG = "2026-11-01T12:00:00Z ERROR boom\n  at x\n2026-11-01T12:00:01Z fine\n"


@pytest.fixture
def log(here: Path) -> Path:
    path = here / "app.log"
    path.write_text(LOG)
    return path


def test_a_file_is_sent_and_accounted_for(scry, server, log):
    ended = scry("send", "app.log")
    assert (ended.code, ended.out) == (0, "2 accepted, 0 duplicates, 0 rejected\n")
    assert server.events == [
        {"message": "boom\n  at x", "timestamp": 1793534400000, "level": "error"},
        {"message": "fine", "timestamp": 1793534401000},
    ]


@pytest.mark.requirement("W4")
def test_the_same_file_sent_again_carries_the_same_keys_and_bytes(scry, server, log):
    log.write_text("no time\n" * 2_500)
    scry("send", "app.log")
    scry("send", f"{log.parent}/../{log.parent.name}/app.log")
    first, second = server.requests[:3], server.requests[3:]
    assert [(sent.headers["idempotency-key"], sent.body) for sent in first] == [
        (sent.headers["idempotency-key"], sent.body) for sent in second
    ]


def test_several_files_are_sent_in_order(scry, server, here, log):
    (here / "b.ndjson").write_text('{"msg":"one"}\n')
    (here / "c.json").write_text('{"events":[{"message":"two"}]}')
    assert scry("send", "b.ndjson", "c.json").code == 0
    assert [event["message"] for event in server.events] == ["one", "two"]


def test_standard_input_is_sent(scry, server, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo\n")
    os.close(writing)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        ended = scry("send", "-")
    assert (ended.code, [event["message"] for event in server.events]) == (0, ["one", "two"])


@pytest.mark.requirement("I3")
def test_rejected_lines_are_named_and_make_the_exit_code_one(scry, server, here):
    (here / "a.ndjson").write_text('{"msg":"one"}\noops\n\n{"msg":"two"}\n')
    server.replies = [Reply(202, {"accepted": 1, "duplicates": 0, "rejected": [{"index": 1, "reason": "too_large"}]})]
    ended = scry("send", "--format", "ndjson", "a.ndjson")
    assert ended.code == 1
    assert "a.ndjson:2: rejected: not_json" in ended.err
    assert "a.ndjson:4: rejected: too_large" in ended.err
    assert ended.out == "1 accepted, 0 duplicates, 2 rejected\n"


def test_the_first_rejected_are_named_and_the_rest_counted(scry, here):
    (here / "a.ndjson").write_text("oops\n" * 50)
    ended = scry("send", "--format", "ndjson", "a.ndjson")
    assert ended.err.count(": rejected: ") == 20
    assert "… and 30 more rejected (in all: not_json 50)" in ended.err
    assert scry("send", "--format", "ndjson", "--all-rejected", "a.ndjson").err.count(": rejected: ") == 50


def test_a_reason_from_the_server_cannot_move_the_terminal(scry, server, log):
    server.replies = [
        Reply(202, {"accepted": 1, "duplicates": 0, "rejected": [{"index": 0, "reason": "\x1b]0;pwned\x07\x9bx\r"}]})
    ]
    ended = scry("send", "app.log")
    assert "\x1b" not in ended.err
    assert "app.log:1: rejected: x\n" in ended.err


def test_events_too_old_lead_to_what_helps(scry, server, log):
    rejected = [{"index": 0, "reason": "too_old"}, {"index": 1, "reason": "too_old"}]
    server.replies = [Reply(400, {"title": "Nothing usable", "rejected": rejected})]
    assert "--now stores them" in scry("send", "app.log").err


def test_with_now_the_lines_own_time_is_kept_beside(scry, server, log):
    scry("send", "--now", "app.log")
    assert [event.get("timestamp") for event in server.events] == [None, None]
    assert server.events[1]["metadata"] == {"original_timestamp": 1793534401000}


def test_service_and_environment_fill_in_what_events_do_not_name(scry, server, here):
    lines = ['{"msg":"a","service":"own","env":"test"}', '{"msg":"b"}', "Nov  1 12:00:00 h sshd[1]: c"]
    (here / "a.log").write_text("\n".join(lines))
    scry("send", "--service", "given", "--environment", "prod", "a.log")
    assert [(event["service"], event["environment"]) for event in server.events] == [
        ("own", "test"), ("given", "prod"), ("given", "prod"),
    ]  # fmt: skip
    assert server.events[2]["metadata"]["program"] == "sshd"


def test_the_program_of_a_line_is_its_service_unless_told_better(scry, server, here):
    (here / "a.log").write_text("Nov  1 12:00:00 h sshd[1]: c")
    scry("send", "a.log")
    assert (server.events[0]["service"], "program" in server.events[0]["metadata"]) == ("sshd", False)


def test_a_zone_can_be_named(scry, server, log):
    log.write_text("2026-11-01 12:00:00 x")
    scry("send", "--timezone", "Asia/Tokyo", "app.log")
    assert server.events[0]["timestamp"] == 1793534400000 - 9 * 3_600_000


def test_replaced_bytes_are_said(scry, log):
    log.write_bytes(b"caf\xe9\n" * 3 + b"ok\n")
    assert scry("send", "app.log").out.endswith("bytes that are no UTF-8 were replaced in 3 events\n")


def test_totals_can_be_json(scry, log):
    said = json.loads(scry("send", "--json", "app.log").out)
    assert said == {"accepted": 2, "duplicates": 0, "rejected": 0, "replaced": 0}


def test_a_refused_key_stops_at_once_and_says_where(scry, server, log):
    log.write_text("x\n" * (MOST_EVENTS + 5))
    server.replies = [accepting_all(MOST_EVENTS), Reply(401, {"title": "Unauthorized"})]
    ended = scry("send", "app.log")
    assert ended.code == 3
    assert f"stopped at app.log:{MOST_EVENTS + 1}. Send the file again" in ended.err
    assert "Is it an ingest key (SCRY_KEY)" in ended.err
    assert ended.out == "1,000 accepted, 0 duplicates, 0 rejected\n"


def test_a_server_that_is_away_ends_with_three(scry, server, log):
    server.otherwise = lambda sent: Reply(503, headers={"Retry-After": "9"})
    ended = scry("send", "--patience", "1", "app.log")
    assert (ended.code, "stopped at app.log:1" in ended.err) == (3, True)


def test_a_mistyped_name_is_found_before_anything_is_sent(scry, server, log):
    ended = scry("send", "app.log", "ap.log")
    assert (ended.code, server.requests) == (2, [])
    assert "ap.log: there is no such file" in ended.err


def test_a_folder_is_no_file(scry, here):
    assert "is a folder" in scry("send", str(here)).err


def test_an_interrupt_says_how_far_it_got(scry, server, log):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("http.client.HTTPConnection.request", interrupted_request)
        ended = scry("send", "app.log")
    assert (ended.code, "stopped at app.log:1" in ended.err) == (130, True)


def test_every_event_of_a_large_file_arrives_once_and_in_order(scry, server, log):
    log.write_text("".join(f"2026-11-01T12:00:00Z line {number}\n" for number in range(12_345)))
    ended = scry("send", "app.log")
    assert ended.out == "12,345 accepted, 0 duplicates, 0 rejected\n"
    assert [event["message"] for event in server.events] == [f"line {number}" for number in range(12_345)]
    assert max(len(sent.events) for sent in server.requests) == MOST_EVENTS


def test_nothing_configured_says_how(here, capsys):
    assert main(["send", "x"]) == 2
    said = capsys.readouterr().err
    assert "make run" in said
    assert "SCRY_URL" in said


def test_a_key_over_plain_http_to_another_machine_is_warned_of(here, monkeypatch, capsys):
    monkeypatch.setenv("SCRY_URL", "http://logs.example.com")
    assert main(["send", "missing.log"]) == 2
    assert "not https" in capsys.readouterr().err


# --- progress ---------------------------------------------------------------------------------------------------------


def test_a_progress_line_says_share_rate_and_time_left():
    line = progress_line("app.log", at=25, total=100, events=3_000, seconds=2.0)
    assert line == "app.log  █████                 25%  3,000 events  1,500/s  0:06 left"


def test_without_a_size_there_is_no_share():
    assert progress_line("-", at=0, total=0, events=10, seconds=0.0) == "-  10 events  0/s"


def test_on_a_terminal_the_line_is_drawn_over_and_taken_away(terminal):
    moments = iter([0.0, 0.0, 1.0, 1.01])
    progress = Progress(terminal, monotonic=lambda: next(moments))
    progress.restart()
    progress.update("a.log", at=1, total=2, events=5)
    progress.update("a.log", at=2, total=2, events=9)
    progress.say("hello")
    assert terminal.getvalue().count("a.log") == 1
    assert terminal.getvalue().endswith("\r\x1b[K" + "hello\n")


def test_in_a_log_there_is_a_line_now_and_then_and_no_control_characters():
    stream = io.StringIO()
    moments = iter([0.0, 5.0, 11.0, 12.0])
    progress = Progress(stream, monotonic=lambda: next(moments))
    for _ in range(3):
        progress.update("a.log", at=1, total=2, events=5)
    progress.clear()
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()


def test_an_untouched_tally_says_nothing_of_replacements():
    assert Tally().sentence() == "0 accepted, 0 duplicates, 0 rejected"


def accepting_all(count: int) -> Reply:
    return Reply(202, {"accepted": count, "duplicates": 0, "rejected": []})


def interrupted_request(*_, **__):
    raise KeyboardInterrupt

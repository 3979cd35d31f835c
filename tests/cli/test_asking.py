"""`scry search`, `tail`, `count` and `timeline`: what they ask, what they show, and what they do not let through."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from scry.asking import Project
from scry.patience import Patience
from scry.showing import Output, tail
from scry.terminal import Paint, bar, caret, event_line, harmless, width
from scry.transport import Connection
from tests.cli.conftest import Terminal
from tests.cli.scripted_server import Reply, ScriptedServer, Sent

EVENT = {"timestamp": 1793534400123, "level": "error", "service": "checkout", "message": "boom", "trace_id": "t1",
         "metadata": {"http": {"status": 502}}}  # fmt: skip


def page(events, cursor=None, *, partial=False) -> Reply:
    return Reply(200, {"data": events, "next_cursor": cursor, "partial": partial})


def asked(sent: Sent) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.path).query).items()}


# --- search -----------------------------------------------------------------------------------------------------------


def test_a_search_asks_the_project_with_the_query_key(scry, server):
    server.replies = [page([EVENT])]
    ended = scry("search", "level>=error a&b", "--since", "2h", "--order", "oldest", "--limit", "7")
    (sent,) = server.requests
    assert ended.code == 0
    assert sent.headers["authorization"] == "Bearer scry_qry_1"
    assert urlsplit(sent.path).path == "/api/orgs/acme/projects/shop/logs"
    assert asked(sent) == {"q": "level>=error a&b", "since": "2h", "order": "asc", "limit": "7"}


def test_an_event_is_a_line_with_the_fields_that_were_asked_for(scry, server):
    server.replies = [page([EVENT])]
    out = scry("search", "--fields", "trace_id,metadata.http.status,nothing").out
    assert out.rstrip().endswith("ERROR  checkout  boom  trace_id=t1  metadata.http.status=502")


def test_cursors_are_followed_up_to_the_limit(scry, server):
    server.replies = [page([EVENT] * 1000, "c1"), page([], "c2"), page([EVENT] * 500, "c3")]
    ended = scry("search", "--limit", "1500")
    assert ended.out.count("\n") == 1500
    assert [asked(sent).get("cursor") for sent in server.requests] == [None, "c1", "c2"]
    assert [asked(sent)["limit"] for sent in server.requests] == ["1000", "500", "500"]
    assert "there are more" in ended.err


@pytest.mark.requirement("I11")
def test_a_partial_answer_is_called_partial(scry, server):
    server.replies = [page([EVENT], partial=True)]
    assert "partial" in scry("search").err


def test_nothing_found_is_said(scry, server):
    server.replies = [page([])]
    ended = scry("search", "x")
    assert (ended.code, ended.out, "no events match" in ended.err) == (0, "", True)


def test_json_is_the_event_as_the_server_gave_it(scry, server):
    server.replies = [page([EVENT, EVENT])]
    assert [json.loads(line) for line in scry("search", "--json").out.splitlines()] == [EVENT, EVENT]


def test_a_query_error_points_at_the_character(scry, server):
    said = {
        "title": "Query",
        "detail": "There is no field `servce`.",
        "position": 6,
        "length": 6,
        "suggestion": "service",
    }
    server.replies = [Reply(400, said)]
    ended = scry("search", "boom  servce:x")
    assert ended.code == 2
    assert ended.err.count("did you mean") == 1
    assert "  boom  servce:x\n        ^^^^^^\n  did you mean service?" in ended.err


@pytest.mark.parametrize(
    ("status", "words"), [(401, "Is it a query key"), (403, "Is it a query key"), (404, "no project acme/shop")]
)
def test_a_refusal_says_what_to_look_at(scry, server, status, words):
    server.replies = [Reply(status)]
    ended = scry("search")
    assert (ended.code, words in ended.err) == (3, True)


@pytest.mark.parametrize("said", ["<html>", [], {"data": 7}, {"data": [7]}, {}])
def test_an_answer_of_another_shape_is_an_error_and_no_traceback(scry, server, said):
    server.replies = [Reply(200, said)]
    assert scry("search").code == 3


# --- hostile text -----------------------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "\x9b2J", "\x1bP+q\x1b\\", "\r",
    "\x08", "\x7f", "\u202e", "\u2066", "\x1b", "\x1b[", "\x1b]unfinished", "\x1b[38;5;1m", "\x85", "\u2028", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_nothing_that_an_event_carries_moves_the_terminal(text):
    hostile = {
        "message": f"before{text} after",
        "service": text,
        "level": text,
        "timestamp": text,
        "x": text,
        text: text,
    }
    line = event_line(hostile, Paint(enabled=False), ("x", text))
    assert line.isprintable()
    assert "before" in line
    assert "ter" in line  # of " after": an escape may rightly take its beginning with it


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_on_a_terminal_is_ascii(text, terminal):
    Output(terminal, terminal, as_json=True).events([{"message": text}])
    shown = terminal.getvalue()
    assert shown.removesuffix("\n").isprintable()
    assert json.loads(shown)["message"] == text


def test_text_after_an_unfinished_escape_is_not_hidden():
    assert harmless("\x1b]0;paid and shipped") == "0;paid and shipped"


def test_lines_of_a_message_stay_apart():
    assert harmless("a\nb\tc") == "a ↵ b c"


def test_ordinary_text_of_any_script_is_shown_as_it_is():
    text = "Grüße 你好 🎉 café"
    assert harmless(text) == text


def test_an_event_is_coloured_only_where_a_person_looks(scry, server):
    server.replies = [page([EVENT])]
    assert "\x1b" not in scry("search").out
    assert "\x1b[31m" in event_line(EVENT, Paint(enabled=True))


@pytest.mark.parametrize(
    ("query", "position", "length", "marked"),
    [
        ("ab cd", 3, 2, "     ^^"),
        ("你 x", 2, 1, "     ^"),
        ("ab", 2, 1, "    ^"),
        ("", 0, 1, "  ^"),
        ("ab", 99, 5, "    ^"),
    ],
)
def test_the_mark_stands_under_its_characters(query, position, length, marked):
    assert caret(query, position, length).split("\n")[1] == marked


def test_a_wide_character_takes_two_columns():
    assert (width("ab"), width("你"), width("e\u0301")) == (2, 2, 1)


# --- tail -------------------------------------------------------------------------------------------------------------


class Interrupted(Exception):
    """The test has seen enough."""


def follow(server: ScriptedServer, terminal: Terminal, *, polls: int) -> str:
    def sleep(seconds: float) -> None:
        if len(server.requests) >= polls:
            raise Interrupted

    patience = Patience(0.0, sleep=sleep)
    with Connection(server.url) as connection, pytest.raises(Interrupted):
        tail(
            Project(connection, lambda: "k", "acme", "shop", patience), Output(terminal, terminal), "boom", sleep=sleep
        )
    return terminal.getvalue()


def test_a_tail_goes_on_where_the_last_poll_ended_and_says_what_was_skipped(server, terminal):
    server.replies = [
        Reply(200, {"data": [EVENT], "cursor": "c1", "skipped": 0}),
        Reply(200, {"data": [], "cursor": "c2", "skipped": 12}),
        Reply(200, {"data": [EVENT], "cursor": "c3", "skipped": 0}),
    ]
    shown = follow(server, terminal, polls=3)
    assert shown.count("boom") == 2
    assert "… 12 more came at once" in shown
    assert [asked(sent) for sent in server.requests] == [
        {"q": "boom"}, {"q": "boom", "cursor": "c1"}, {"q": "boom", "cursor": "c2"},
    ]  # fmt: skip


@pytest.mark.requirement("I12")
def test_a_tail_waits_for_a_server_that_is_away_and_goes_on(server, terminal):
    server.replies = [
        Reply(200, {"data": [], "cursor": "c1", "skipped": 0}),
        Reply(503, headers={"Retry-After": "5"}),
        Reply(200, {"data": [EVENT], "cursor": "c2", "skipped": 0}),
    ]
    shown = follow(server, terminal, polls=3)
    assert ("still waiting" in shown, "boom" in shown) == (True, True)
    assert asked(server.requests[2])["cursor"] == "c1"


# --- count and timeline -----------------------------------------------------------------------------------------------


def test_a_count_is_a_number(scry, server):
    server.replies = [Reply(200, {"groups": [{"key": {}, "value": 12400}]})]
    assert scry("count", "boom").out == "12,400\n"
    assert urlsplit(server.requests[0].path).path.endswith("/logs/aggregate")


def test_a_count_by_fields_is_a_table_with_the_largest_first(scry, server):
    rows = [
        {"key": {"service": "auth", "level": "warn"}, "value": 1},
        {"key": {"service": "\x1bcheckout", "level": "error"}, "value": 4000},
        {"key": {"service": None, "level": "error"}, "value": 2},
    ]
    server.replies = [Reply(200, {"groups": rows, "partial": True})]
    ended = scry("count", "--by", "service,level", "--since", "1d")
    lines = [line.split() for line in ended.out.splitlines()]
    assert [line[:3] for line in lines] == [["heckout", "error", "4,000"], ["–", "error", "2"], ["auth", "warn", "1"]]
    assert len(lines[0][3]) == 40
    assert "partial" in ended.err
    assert asked(server.requests[0]) == {"by": "service,level", "since": "1d"}


def test_a_timeline_has_a_bar_for_each_stretch(scry, server):
    buckets = [{"t": 1793534400000, "counts": {"info": 8}}, {"t": 1793534460000, "counts": {"info": 1, "error": 1}}]
    server.replies = [Reply(200, {"bucket_ms": 60000, "series": buckets})]
    first, second = scry("timeline", "--buckets", "2").out.splitlines()
    assert (first.count("█"), second.count("█")) == (40, 10)
    assert second.endswith("info 1  error 1")


@pytest.mark.parametrize(("value", "drawn"), [(0, ""), (1, "▏"), (500, "██"), (1000, "████"), (563, "██▎")])
def test_a_bar_is_drawn_to_an_eighth_and_something_always_shows(value, drawn):
    assert bar(value, 1000, 4) == drawn

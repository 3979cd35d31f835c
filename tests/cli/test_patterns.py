"""`scry patterns`: what it asks, what it shows, and what it does not let through."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cli.scripted_server import Reply

NEW = {
    "count": 1204, "template": "payment <n> failed", "levels": {"info": 1, "error": 1203}, "state": "open",
    "new": True, "rising": False,
}  # fmt: skip


def listed(*patterns: dict[str, Any], **more: Any) -> Reply:
    about = {"of": len(patterns), "events": 2000, "other": 0, "partial": False, "from": 0, "to": 7_200_000}
    return Reply(200, {"patterns": list(patterns), **about, **more})


def test_it_asks_the_project_for_its_patterns(scry, server):
    server.replies = [listed()]
    ended = scry("patterns", "level:error", "--since", "7d", "--only", "new", "--limit", "5")
    (sent,) = server.requests
    assert ended.code == 0
    asked = urlsplit(sent.path)
    assert (sent.headers["authorization"], asked.path) == (
        "Bearer scry_qry_1",
        "/api/orgs/acme/projects/shop/patterns",
    )
    expected = {"q": ["level:error"], "since": ["7d"], "only": ["new"], "limit": ["5"]}
    assert parse_qs(asked.query) == expected


def test_a_pattern_is_a_line_with_its_count_what_became_of_it_and_its_heaviest_level(scry, server):
    back = NEW | {"count": 3, "template": "", "levels": {"warn": 3}, "state": "regressed"}
    server.replies = [listed(NEW, back)]
    ended = scry("patterns")
    assert ended.out.splitlines() == [
        "1,204  new        error  payment <n> failed",
        "    3  regressed  warn   (no message)",
    ]
    assert ended.err.startswith("2 patterns in 2,000 events, 19")


@pytest.mark.requirement("I11")
def test_what_a_list_leaves_out_is_said(scry, server):
    server.replies = [listed(NEW, of=9, other=7, partial=True)]
    told = scry("patterns").err
    assert "9 patterns in" in told
    assert "1 shown (--limit)" in told
    assert "7 events have patterns beyond" in told
    assert "partial" in told


def test_the_answer_is_printed_as_json(scry, server):
    server.replies = [listed(NEW)]
    assert json.loads(scry("patterns", "--json").out)["patterns"] == [NEW]


def test_text_of_strangers_cannot_command_a_terminal(scry, server):
    server.replies = [listed(NEW | {"template": "a\x1b[2Jb\u202ec" + "x" * 1_000})]
    [line] = scry("patterns").out.splitlines()
    assert "\x1b" not in line
    assert line.endswith("…")
    assert len(line) < 200


@pytest.mark.parametrize("said", [{}, {"patterns": 1}, {"patterns": [1]}])
def test_an_answer_that_is_none_is_refused(scry, server, said):
    server.replies = [Reply(200, said)]
    ended = scry("patterns")
    assert (ended.code, ended.out) == (3, "")


def test_odd_values_in_an_answer_are_no_trouble(scry, server):
    odd = {"count": "x", "template": None, "levels": 7, "state": 3, "new": "yes"}
    server.replies = [listed(odd, events=None)]
    assert scry("patterns").out.split() == ["0", "(no", "message)"]

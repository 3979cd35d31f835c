"""`scry deploy`: one marker, however often it is tried, and a sentence that says so."""

import json

import pytest

from tests.cli.conftest import Run
from tests.cli.scripted_server import Reply, ScriptedServer

AT = 1_790_000_000_000
KEPT = {"id": "01", "at": AT, "version": "v1.4.2", "service": "checkout", "environment": ""}


def test_it_records_with_the_ingest_key_what_was_said(scry: Run, server: ScriptedServer):
    server.replies = [Reply(201, KEPT)]
    ended = scry(
        "deploy", "v1.4.2", "--service", "checkout", "--environment", "production", "--note", "a note", "--at",
        "2026-11-24T14:05:00Z", "--url", "https://ci.example.com/7",
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "Recorded: v1.4.2, checkout, at 2026-09-21 14:13:20 UTC.\n"
    [sent] = server.requests
    assert (sent.method, sent.path) == ("POST", "/api/deploys")
    assert sent.headers["authorization"] == "Bearer scry_ing_1"
    assert json.loads(sent.body) == {
        "version": "v1.4.2", "service": "checkout", "environment": "production", "note": "a note",
        "at": "2026-11-24T14:05:00Z", "url": "https://ci.example.com/7",
    }  # fmt: skip


def test_a_lost_answer_is_asked_for_again_with_the_same_key(scry: Run, server: ScriptedServer):
    server.replies = [Reply(None), Reply(503), Reply(200, KEPT)]
    ended = scry("deploy", "v1.4.2")
    assert ended.code == 0
    assert ended.out.startswith("Was recorded already: v1.4.2, checkout")
    assert "trying again" in ended.err
    assert len(server.requests) == 3
    assert len({(sent.headers["idempotency-key"], sent.body) for sent in server.requests}) == 1


def test_two_deploys_have_keys_of_their_own(scry: Run, server: ScriptedServer):
    server.replies = [Reply(201, KEPT), Reply(201, KEPT)]
    scry("deploy", "v1")
    scry("deploy", "v1")
    assert len({sent.headers["idempotency-key"] for sent in server.requests}) == 2


def test_json_is_for_programs(scry: Run, server: ScriptedServer):
    server.replies = [Reply(201, KEPT)]
    assert json.loads(scry("deploy", "v1.4.2", "--json").out) == KEPT


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(422, {"title": "A field cannot be used", "detail": "`url` cannot be used"}), "`url` cannot be used"),
        (Reply(403, {}), "Is it an ingest key (SCRY_KEY)"),
        (Reply(202, {"accepted": 0}), "not the answer"),
        (Reply(301, {}, {"Location": "https://elsewhere.example"}), "redirected to https://elsewhere.example"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(scry: Run, server: ScriptedServer, reply: Reply, says: str):
    server.replies = [reply]
    ended = scry("deploy", "v1")
    assert (ended.code, ended.out) == (3, "")
    assert says in ended.err
    assert len(server.requests) == 1


def test_what_a_server_says_does_nothing_to_the_terminal(scry: Run, server: ScriptedServer):
    server.replies = [Reply(201, KEPT | {"version": "\x1b[31mv1\x07"})]
    assert scry("deploy", "v1").out.startswith("Recorded: v1, checkout")

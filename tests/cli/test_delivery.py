"""Delivery to a server that is slow, full, away, or not ours: every event is accounted for, or it says so."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scry.batches import Batch
from scry.delivery import Delivery, Outcome
from scry.errors import Refused, Unreachable
from scry.patience import Patience, retry_after
from scry.transport import Connection
from tests.cli.scripted_server import Reply, ScriptedServer, Sent, accepting

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def delivery(server: ScriptedServer, time: Time) -> Iterator[Delivery]:
    patience = Patience(60, sleep=time.sleep, monotonic=lambda: time.now, now=lambda: NOW, dice=lambda: 1.0)
    with Connection(server.url, timeout=5) as connection:
        yield Delivery(connection, key="scry_ing_1", patience=patience)


def batch(count: int = 2, first_line: int = 10) -> Batch:
    events = tuple(json.dumps({"message": f"m{at}"}).encode() for at in range(count))
    return Batch("a.log", 0, events, tuple(range(first_line, first_line + count)))


def test_a_batch_is_one_post_with_bearer_key_and_idempotency_key(delivery, server):
    assert delivery.deliver(batch()) == Outcome(accepted=2)
    (sent,) = server.requests
    assert (sent.method, sent.path) == ("POST", "/api/ingest")
    assert sent.headers["authorization"] == "Bearer scry_ing_1"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["idempotency-key"] == batch().key
    assert [event["message"] for event in sent.events] == ["m0", "m1"]


def test_a_path_in_the_url_is_kept(server, time):
    with Connection(f"{server.url}/api/") as connection:
        Delivery(connection, key="k", patience=Patience()).deliver(batch())
    assert server.requests[0].path == "/api/api/ingest"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_the_same_bytes_and_growing_pauses(delivery, server, time, status):
    server.replies = [Reply(status)] * 3
    assert delivery.deliver(batch()).accepted == 2
    assert len({(sent.body, sent.headers["idempotency-key"]) for sent in server.requests}) == 1
    assert time.slept == [0.5, 1.0, 2.0]


def test_a_connection_that_is_cut_is_opened_again(delivery, server, time):
    taken = Reply(202, {"accepted": 2, "duplicates": 0, "rejected": []})
    server.replies = [Reply(None), taken, Reply(None)]
    delivery.deliver(batch())
    delivery.deliver(batch())
    assert len(server.requests) == 4


def test_the_server_may_ask_for_a_longer_pause(delivery, server, time):
    server.replies = [
        Reply(429, headers={"Retry-After": "7"}),
        Reply(503, headers={"Retry-After": "Sun, 01 Nov 2026 12:00:09 GMT"}),
    ]
    delivery.deliver(batch())
    assert time.slept == [7.0, 9.0]


@pytest.mark.parametrize("value", ["", "-1", "soon", "Sun, 01 Nov 2026 11:00:00 GMT", "٣"])
def test_a_strange_or_past_wish_is_no_wish(value):
    assert retry_after(value, NOW) == 0.0


def test_pauses_are_random_up_to_their_bound(server):
    slept = []
    server.replies = [Reply(503)] * 12
    dice = iter([0.1] * 12)
    with Connection(server.url) as connection:
        patience = Patience(1e9, sleep=slept.append, monotonic=lambda: 0.0, dice=lambda: next(dice))
        Delivery(connection, key="k", patience=patience).deliver(batch())
    assert slept == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3, 3, 3, 3, 3, 3])


def test_patience_ends_and_says_after_how_many_attempts(delivery, server, time):
    server.otherwise = lambda sent: Reply(503)
    with pytest.raises(Unreachable, match=r"Gave up after \d attempts: the server answered 503"):
        delivery.deliver(batch())
    assert time.now <= 60


def test_a_wait_longer_than_the_patience_is_not_begun(delivery, server, time):
    server.replies = [Reply(429, headers={"Retry-After": "3600"})]
    with pytest.raises(Unreachable):
        delivery.deliver(batch())
    assert time.slept == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(401, {"title": "Unauthorized", "detail": "no such key"}), "key was not accepted .* no such key"),
        (Reply(403), "key was not accepted"),
        (Reply(404, "<html>"), "answered 404"),
        (Reply(422, {"title": "Key used with another body"}), "Key used with another body"),
        (Reply(301, headers={"Location": "https://elsewhere.example/"}), "redirected to https://elsewhere.example/"),
        (Reply(200, {"accepted": 2}), "not the answer"),
        (Reply(202, "welcome to the hotel network"), "not the answer"),
        (Reply(202, {"accepted": "2"}), "not the answer"),
        (Reply(202, {"accepted": 1, "rejected": [{"index": 9, "reason": "x"}]}), "not the answer"),
        (Reply(400, {"title": "Not JSON"}), "Not JSON"),
        (Reply(501), "answered 501"),
    ],
)
def test_what_will_not_pass_is_said_at_once(delivery, server, time, reply, words):
    server.replies = [reply]
    with pytest.raises(Refused, match=words):
        delivery.deliver(batch())
    assert (len(server.requests), time.slept) == (1, [])


@pytest.mark.requirement("I3")
def test_rejected_events_are_named_by_their_line(delivery, server):
    server.replies = [Reply(202, {"accepted": 1, "duplicates": 1, "rejected": [{"index": 2, "reason": "too_large"}]})]
    assert delivery.deliver(batch(3)) == Outcome(1, 1, ((12, "too_large"),))


@pytest.mark.requirement("I3")
def test_an_answer_that_leaves_events_out_is_not_believed(delivery, server):
    server.replies = [Reply(202, {"accepted": 1, "duplicates": 0, "rejected": []})]
    with pytest.raises(Refused, match="accounts for 1 of 2 events from line 10 on"):
        delivery.deliver(batch())


def test_a_batch_without_one_usable_event_is_rejected_and_the_next_one_is_sent(delivery, server):
    rejected = [{"index": at, "reason": "too_old"} for at in range(2)]
    server.replies = [Reply(400, {"title": "Nothing usable", "rejected": rejected})]
    assert delivery.deliver(batch()) == Outcome(rejected=((10, "too_old"), (11, "too_old")))
    assert delivery.deliver(batch()) == Outcome(accepted=2)


def test_what_is_too_large_is_divided_until_it_fits(delivery, server):
    server.otherwise = lambda sent: accepting(sent) if len(sent.events) <= 2 else Reply(413)
    assert delivery.deliver(batch(5)).accepted == 5
    taken = [sent for sent in server.requests if len(sent.events) <= 2]
    assert [event["message"] for sent in taken for event in sent.events] == ["m0", "m1", "m2", "m3", "m4"]
    assert len({sent.headers["idempotency-key"] for sent in server.requests}) == len(server.requests)


def test_one_event_that_is_too_large_is_rejected_by_its_line(delivery, server):
    server.otherwise = lambda sent: Reply(413) if b"m1" in sent.body else accepting(sent)
    outcome = delivery.deliver(batch(3))
    assert (outcome.accepted, [line for line, _ in outcome.rejected]) == (2, [11])


def test_a_coding_that_the_server_does_not_take_is_not_tried_twice(delivery, server):
    seen = []

    def script(sent: Sent) -> Reply:
        coding = sent.headers.get("content-encoding", "identity")
        seen.append(coding)
        if coding == "gzip":
            return accepting(Sent(sent.method, sent.path, sent.headers, gzip.decompress(sent.body)))
        return Reply(415)

    server.otherwise = script
    delivery.deliver(batch())
    delivery.deliver(batch())
    assert seen == ["zstd", "gzip", "gzip"]


def test_no_address_is_no_answer_and_no_crash(time):
    patience = Patience(3, sleep=time.sleep, monotonic=lambda: time.now, dice=lambda: 1.0)
    with Connection("http://127.0.0.1:1") as connection, pytest.raises(Unreachable, match="refused"):
        Delivery(connection, key="k", patience=patience).deliver(batch())

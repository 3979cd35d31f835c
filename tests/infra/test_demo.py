"""The demo's stream: the same for the same moment, as busy as it says, with the incidents where it says."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise, takewhile
from random import Random

import pytest

from chalicelib.events.event import TYPES
from infra.demo.__main__ import WINDOW, batches
from infra.demo.deploys import deploys
from infra.demo.incidents import CYCLE, MINUTE, release
from infra.demo.stories import request
from infra.demo.stream import EVENTS_PER_REQUEST, busyness, events
from tests.cli.scripted_server import Reply, ScriptedServer, Sent, accepting

EVEN_HOUR = int(datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp() * 1000)
HOUR = 60 * MINUTE


def between(start: int, end: int, *, seed: int = 7, rate: float = 4.0) -> list[dict]:
    stream = events(seed=seed, rate=rate, start=start)
    return list(takewhile(lambda event: event["timestamp"] < end, stream))


@pytest.fixture(scope="module")
def cycle() -> list[dict]:
    """Two hours, with every incident in them."""
    return between(EVEN_HOUR, EVEN_HOUR + CYCLE)


def after(cycle: list[dict], begin: float, end: float, **wanted: str) -> list[dict]:
    """Events of those minutes of the cycle that have these fields."""
    return [
        event
        for event in cycle
        if begin * MINUTE <= event["timestamp"] - EVEN_HOUR < end * MINUTE
        and all(event[name] == value for name, value in wanted.items())
    ]


# --- the stream -------------------------------------------------------------------------------------------------------


def test_the_same_seed_rate_and_time_give_the_same_events_and_another_seed_others():
    start, end = EVEN_HOUR, EVEN_HOUR + 3 * MINUTE
    assert between(start, end) == between(start, end)
    assert between(start, end) != between(start, end, seed=8)


def test_a_stream_that_starts_later_agrees_with_one_that_started_earlier():
    later = EVEN_HOUR + 20 * MINUTE + 17_345  # in the middle of requests that take long
    early = between(EVEN_HOUR, later + 2 * MINUTE)
    assert [event for event in early if event["timestamp"] >= later] == between(later, later + 2 * MINUTE)


def test_events_come_in_the_order_of_time(cycle):
    assert all(one["timestamp"] <= other["timestamp"] for one, other in pairwise(cycle))


def test_ordinary_traffic_has_the_stated_rate_over_a_day():
    busy = [busyness(EVEN_HOUR + hour * HOUR) for hour in range(24)]
    assert sum(busy) / 24 == pytest.approx(1)
    assert max(busy) / min(busy) == pytest.approx(4)
    dice = Random(5)
    sizes = [len(request(dice, EVEN_HOUR + 5 * MINUTE)) for _ in range(5_000)]
    assert sum(sizes) / len(sizes) == pytest.approx(EVENTS_PER_REQUEST, rel=0.05)
    quiet = between(EVEN_HOUR + 2 * MINUTE, EVEN_HOUR + 17 * MINUTE, rate=10)
    assert len(quiet) / (15 * 60) == pytest.approx(10 * busyness(EVEN_HOUR), rel=0.15)


def test_every_service_speaks_and_a_request_is_one_trace_through_several(cycle):
    services = Counter(event["service"] for event in cycle)
    assert services.keys() == {"gateway", "auth", "search", "inventory", "checkout", "payments", "mailer", "worker"}
    traces: dict[str, set[str]] = {}
    for event in cycle:
        if "trace_id" in event:
            traces.setdefault(event["trace_id"], set()).add(event["service"])
    assert max(len(each) for each in traces.values()) >= 6
    assert len({event.get("user_id") for event in cycle}) > 500


def test_events_are_what_clients_send(cycle):
    assert {event["level"] for event in cycle} == {"debug", "info", "warn", "error", "fatal"}
    assert {event["type"] for event in cycle} == set(TYPES)
    assert 300 < sum(len(json.dumps(event)) for event in cycle) / len(cycle) < 600


# --- the incidents ----------------------------------------------------------------------------------------------------


def test_payments_fail_from_warnings_to_errors_to_one_crash_after_a_deploy(cycle):
    (deploy,) = after(
        cycle, 0, 20, service="payments", message=f"Deployed payments {release('payments', EVEN_HOUR + 18 * MINUTE)}"
    )
    assert deploy["timestamp"] == EVEN_HOUR + 18 * MINUTE
    slow = [event for event in after(cycle, 18, 20.2, service="payments") if "slowly" in event["message"]]
    assert slow[0]["timestamp"] >= EVEN_HOUR + 19 * MINUTE
    failing = after(cycle, 20, 24.5, service="payments")
    assert len([event for event in failing if "timed out after 5000 ms" in event["message"]]) >= 3 * 24
    assert len(after(cycle, 20, 24.5, service="payments", level="error")) >= 24
    assert len(after(cycle, 20, 24.5, service="checkout", level="error")) >= 24
    assert len([event for event in after(cycle, 20, 24.5, service="gateway") if "504" in event["message"]]) >= 24
    (crash,) = after(cycle, 0, 120, type="crash")
    assert (crash["service"], crash["level"], crash["timestamp"]) == ("payments", "fatal", EVEN_HOUR + 23.5 * MINUTE)


def test_payments_are_well_before_the_deploy_and_after_the_rollback(cycle):
    (rollback,) = (event for event in cycle if event["message"].startswith("Rolled back"))
    assert rollback["timestamp"] == EVEN_HOUR + 24 * MINUTE
    assert not after(cycle, 0, 20, service="payments", level="error")
    assert not after(cycle, 24.5, 120, service="payments", level="error")
    assert [event for event in after(cycle, 24, 40, service="payments") if event["message"].startswith("Charged")]


def test_the_deploy_that_broke_payments_is_the_release_of_its_lines(cycle):
    releases = {
        name: {event["metadata"]["release"] for event in after(cycle, *span, service="payments", level="error")}
        for name, span in {"incident": (20, 23.9), "before": (0, 18)}.items()
    }
    assert releases["incident"] == {release("payments", EVEN_HOUR + 21 * MINUTE)}
    assert release("payments", EVEN_HOUR + 21 * MINUTE) != release("payments", EVEN_HOUR + 17 * MINUTE)


def test_the_database_is_slow_for_six_minutes_and_then_well(cycle):
    slow = [event for event in after(cycle, 0, 120, service="inventory") if event["message"].startswith("Slow query")]
    minutes = [(event["timestamp"] - EVEN_HOUR) / MINUTE for event in slow]
    assert len(slow) > 100
    assert (min(minutes) >= 55, max(minutes) < 61.2) == (True, True)
    locked = after(cycle, 55, 61.2, service="inventory", level="error")
    assert locked
    assert not after(cycle, 62, 120, service="inventory", level="error")


def test_the_worker_retries_360_times_and_gives_up(cycle):
    retries = [event for event in after(cycle, 90, 93, service="worker") if event["level"] == "warn"]
    assert [event["metadata"]["attempt"] for event in retries] == list(range(1, 361))
    (gave_up,) = after(cycle, 0, 120, service="worker", level="error")
    assert gave_up["timestamp"] == EVEN_HOUR + 93 * MINUTE


def test_incidents_show_at_any_rate_of_traffic():
    few = between(EVEN_HOUR + 20 * MINUTE, EVEN_HOUR + 25 * MINUTE, rate=0.1)
    assert len([event for event in few if event["service"] == "checkout" and event["level"] == "error"]) >= 24


# --- sending ----------------------------------------------------------------------------------------------------------


def test_batches_are_windows_of_five_seconds_whoever_begins_where():
    start = EVEN_HOUR
    early = {end: batch.body for end, batch in batches(between(start, start + MINUTE))}
    late = {end: batch.body for end, batch in batches(between(start + 6 * WINDOW, start + MINUTE))}
    assert len(early) >= 10
    assert late == {end: body for end, body in early.items() if end > start + 6 * WINDOW}


def test_a_busy_window_makes_batches_that_the_server_takes():
    many = islice(events(seed=7, rate=400, start=EVEN_HOUR), 5_000)
    found = list(batches(many))
    assert sum(len(batch.events) for _, batch in found) == 5_000
    assert max(len(batch.events) for _, batch in found) <= 1_000


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    found = ScriptedServer()
    found.otherwise = keeping
    yield found
    found.close()


def keeping(sent: Sent) -> Reply:
    """What a server answers that keeps events and deploys."""
    if sent.path == "/api/deploys":
        return Reply(201, {"id": "d", "at": int(json.loads(sent.body)["at"])})
    return accepting(sent)


def events_in(requests: list[Sent]) -> list[dict]:
    return [event for sent in requests if sent.path == "/api/ingest" for event in sent.events]


def demo(url: str, *arguments: str, key: str = "scry_ing_1") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "infra.demo", "--url", url, *arguments]
    return subprocess.Popen(command, env={**os.environ, "SCRY_KEY": key}, stderr=subprocess.PIPE, text=True)


def test_the_past_is_sent_at_once_over_a_restart_of_the_server_and_counted(server):
    server.replies = [Reply(503), Reply(None)]
    with demo(server.url, "--history", "30m", "--count", "300") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    taken = [sent for sent in server.requests[2:] if sent.path == "/api/ingest"]
    assert len(events_in(taken)) == 300
    assert "payments time out at" in said
    assert all("idempotency-key" not in sent.headers for sent in taken)
    assert "scry_ing_1" not in said


def test_deploys_are_told_before_the_events_that_follow_them_and_the_same_way_again(server):
    both = threading.Event()

    def noting(sent: Sent) -> Reply:
        if sum(each.path == "/api/deploys" for each in server.requests) == 2:
            both.set()
        return keeping(sent)

    server.otherwise = noting
    told = []
    for _ in range(2):
        both.clear()
        server.requests.clear()
        with demo(server.url, "--history", "3h", "--rate", "0.05") as process:
            assert both.wait(60)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        recorded = [sent for sent in server.requests if sent.path == "/api/deploys"][:2]
        told.append([(sent.headers["idempotency-key"], sent.body) for sent in recorded])
        at = int(json.loads(recorded[0].body)["at"])
        place = server.requests.index(recorded[0])
        assert all(event["timestamp"] < at for event in events_in(server.requests[:place]))
    assert told[0] == told[1]


def test_the_shops_deploys_are_those_of_its_log(cycle):
    lines = [event for event in cycle if "deploy" in event["metadata"]]
    markers = list(deploys(EVEN_HOUR, EVEN_HOUR + CYCLE))
    assert [(int(each["at"]), each["version"]) for each in markers] == [
        (event["timestamp"], event["metadata"]["deploy"]) for event in lines
    ]
    assert len(markers) == 2
    cuts = [EVEN_HOUR, EVEN_HOUR + 18 * MINUTE, EVEN_HOUR + 18 * MINUTE + 1, EVEN_HOUR + CYCLE]
    assert [each for begin, end in pairwise(cuts) for each in deploys(begin, end)] == markers


def test_it_ends_when_it_is_told(server):
    with demo(server.url, "--history", "0") as process:
        process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_without_a_key_or_with_a_refused_one_it_says_so(server):
    server.otherwise = lambda sent: Reply(401)
    with demo(server.url, key="") as process:
        assert "SCRY_KEY" in process.communicate(timeout=60)[1]
    assert process.returncode == 2
    with demo(server.url) as process:
        assert "not accepted" in process.communicate(timeout=60)[1]
    assert process.returncode == 3

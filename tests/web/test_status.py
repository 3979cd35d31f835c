"""Whether the service is well: told to everybody, also while the store is away, and nothing of any project."""

import time
from collections.abc import Callable

import msgspec
import pytest

from chalicelib import settings
from chalicelib.events.store import register, waiting
from chalicelib.ids import HOUR_MS
from chalicelib.jobs.upkeep import Progress
from chalicelib.routes import status
from chalicelib.storage import leases, limits
from chalicelib.web import request as requests
from chalicelib.web.cookies import SESSION
from tests import faults
from tests.api.client import Client, Response
from tests.conftest import new_scope
from tests.store.driver import soon


@pytest.fixture
def clock(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The time of requests, in hours from now."""

    def at(hours: float) -> None:
        moment = time.time_ns() + int(hours * HOUR_MS * 1_000_000)
        monkeypatch.setattr(requests, "clock", lambda: moment)

    at(0)
    monkeypatch.setattr(status, "UPKEEP_SECONDS", 20.0)  # however busy the machine is
    limits.leases._held.clear()
    asked("/healthz")  # takes the allowance for asking, which lasts for all of a test
    return at


def asked(path: str = "/status.json", **headers: str) -> Response:
    return Client().get(path, headers=headers)


def new_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_check", status.Check())


def test_a_fresh_deployment_is_well(clock):
    answer = asked()
    assert answer.status == 200
    told = answer.json
    assert (told["status"], told["store"], told["upkeep"]) == ("ok", "ok", "ok")
    assert (told["oldest_work_seconds"], told["watermark_seconds"]) == (None, None)
    page = asked("/status")
    assert page.status == 200
    assert b"Everything works" in page.body


def test_health_asks_nothing_of_the_store_and_keeps_no_cookie(clock):
    with faults.counted() as calls:
        answer = asked("/healthz", Cookie=f"{SESSION}=anything")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert calls.calls == []
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert Client().send("HEAD", "/healthz").body == b""


@pytest.mark.requirement("I12", "I9")
@pytest.mark.parametrize("cookie", ["", f"{SESSION}=of-somebody-who-is-signed-in"])
def test_they_answer_while_the_store_is_away(clock, monkeypatch, cookie):
    headers = {"Cookie": cookie} if cookie else {}
    with faults.injected(faults.NO_ANSWER, lasting=True):
        assert asked("/healthz", **headers).json == {"status": "ok"}
        told = asked(**headers)
        page = asked("/status", **headers)
    assert (told.status, told.json["status"], told.json["store"]) == (503, "down", "down")
    assert page.status == 503
    assert 'class="notice bad"' in page.body.decode()
    assert b"Down" in page.body
    new_container(monkeypatch)
    assert asked(**headers).json["status"] == "ok"


def test_the_store_is_asked_once_in_ten_seconds(clock):
    asked()
    with faults.counted() as calls:
        for _ in range(5):
            asked()
            asked("/status")
    assert calls.calls == []
    clock(11 / 3600)
    with faults.counted() as again:
        asked()
    assert 1 <= len(again.calls) <= 1 + 2 * 16


def test_a_store_that_is_away_is_not_asked_more_often(clock):
    with faults.injected(faults.NO_ANSWER, lasting=True) as calls:
        for _ in range(5):
            assert asked().status == 503
    assert len(calls.calls) <= 3


def test_what_is_known_of_one_deployment_says_nothing_of_another(clock, monkeypatch):
    with faults.injected(faults.NO_ANSWER, lasting=True):
        assert asked().status == 503
    monkeypatch.setenv("SCRY_VERSION", "4f2a")
    settings.current.cache_clear()
    new_container(monkeypatch)
    assert asked().json["version"] == "4f2a"


def test_work_that_waits_too_long_is_degraded(clock, monkeypatch):
    scope, now_ms = new_scope(), requests.clock() // 1_000_000
    register.note(scope, now_ms // HOUR_MS, now_ms=now_ms, deadline=soon())
    for hours, state in ((4, "ok"), (8, "degraded")):
        clock(hours)
        told = asked()
        assert (told.status, told.json["status"]) == (200, state)
        assert (hours - 1) * 3600 <= told.json["oldest_work_seconds"] <= hours * 3600
    assert 'class="notice care"' in asked("/status").body.decode()


def test_watermarks_that_nobody_raises_are_degraded(clock):
    now_ms = requests.clock() // 1_000_000
    lease = leases.acquire("upkeep-3", now_ms=now_ms, seconds=60, deadline=soon())
    assert lease is not None
    leases.save(lease, msgspec.msgpack.encode(Progress(b"", b"", now_ms)), deadline=soon())
    for hours, state in ((7, "ok"), (14, "degraded")):
        clock(hours)
        told = asked().json
        assert told["status"] == state
        assert told["watermark_seconds"] == pytest.approx(hours * 3600, abs=5)


def test_what_upkeep_remembers_is_read_as_it_is_written():
    written = msgspec.msgpack.encode(Progress(b"after", b"idle", 17))
    assert msgspec.msgpack.decode(written, type=waiting.Walked) == waiting.Walked(b"after", b"idle", 17)


def test_upkeep_that_cannot_be_judged_is_degraded(clock):
    with faults.injected(faults.NO_ANSWER, at=2, lasting=True):
        told = asked()
    assert (told.status, told.json["status"], told.json["upkeep"]) == (200, "degraded", "unknown")


@pytest.mark.requirement("I4")
def test_nothing_of_a_project_is_told(clock):
    scope, now_ms = new_scope(), requests.clock() // 1_000_000
    register.note(scope, now_ms // HOUR_MS, now_ms=now_ms, deadline=soon())
    names = {"status", "store", "upkeep", "oldest_work_seconds", "watermark_seconds", "version", "checked_at"}
    assert asked().json.keys() == names
    for path in ("/status", "/status.json"):
        body = asked(path).body
        assert not any(each.hex().encode() in body for each in (scope.org, scope.project))


def test_public_pages_lead_there(clock):
    assert b'href="/status"' in asked("/promises").body
    page = asked("/status").body
    assert b"<form" not in page
    assert b'href="/status.json"' in page

"""The scheduled function: the upkeep, in the time that Lambda leaves it."""

import time
from dataclasses import dataclass

import pytest
from chalice import Chalice

from chalicelib.events.store import index
from chalicelib.jobs import compact, upkeep
from tests.jobs.conftest import create_project
from tests.store.driver import soon


@dataclass
class Context:
    """What Lambda tells a function of itself, as far as this one asks."""

    seconds_left: float

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds_left * 1000)


def _invoke(seconds_left: float) -> None:
    app = Chalice("jobs")
    app.register_blueprint(compact.jobs)
    event = {
        "version": "0", "account": "1", "region": "us-east-1", "detail": {}, "detail-type": "Scheduled Event",
        "source": "aws.events", "time": "2026-09-21T14:00:00Z", "id": "1", "resources": [],
    }  # fmt: skip
    app.handler_map["compact"](event, Context(seconds_left))


def test_the_schedule_runs_the_upkeep(caplog):
    scope = create_project()
    with caplog.at_level("INFO", logger=upkeep.logger.name):
        _invoke(60)
    assert index.read_watermark(scope, deadline=soon()) > 0
    assert "Report(" in caplog.text


@pytest.mark.parametrize("seconds_left", [60, 900])
def test_it_ends_before_the_function_does(monkeypatch, seconds_left):
    given: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 1_000.0)
    monkeypatch.setattr(upkeep, "run", lambda *, now_ms, deadline: given.append(deadline) or upkeep.Report())
    _invoke(seconds_left)
    assert given == [1_000 + seconds_left - compact.LAST_SECONDS]

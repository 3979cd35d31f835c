"""Scheduled functions get their turns locally, each by itself, whatever the others do."""

import logging
import threading

import pytest
from chalice import Chalice, Cron, Rate

from infra.scheduler import Schedule, interval, run, schedules, scheduling


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(5 minutes)", 300),
        (Rate(2, Rate.HOURS), 7200),
        (Rate(1, Rate.DAYS), 86400),
        (Cron(0, 3, "*", "*", "?", "*"), 86400),
    ],
)
def test_an_expression_is_so_many_seconds(expression, seconds):
    assert interval(expression) == seconds


def test_every_function_gets_turns_also_beside_one_that_fails(monkeypatch, caplog):
    monkeypatch.setattr("infra.scheduler.SHORTEST", 0.001)
    app = Chalice("scheduled", configure_logs=False)
    both = threading.Barrier(2)
    seen = []

    @app.schedule("rate(1 minute)")
    def broken(event):
        raise RuntimeError("as meant")

    @app.schedule(Rate(1, Rate.HOURS))
    def sound(event):
        seen.append(event.to_dict()["source"])
        both.wait()

    assert schedules(app) == [Schedule("broken", 60), Schedule("sound", 3600)]
    with caplog.at_level(logging.CRITICAL), scheduling(app, pace=1e9):
        both.wait()
        both.wait()
        both.abort()
    assert seen[:2] == ["aws.events", "aws.events"]


def test_a_failure_is_logged_with_the_functions_name(caplog):
    app = Chalice("scheduled", configure_logs=False)

    @app.schedule("rate(1 minute)")
    def broken(event):
        raise RuntimeError("as meant")

    run(app, "broken")
    assert "the scheduled function broken failed" in caplog.text

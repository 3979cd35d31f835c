"""The journal: a line of JSON for each request and each run of a job, with metrics in it and nothing of anybody's."""

import json
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib import journal
from chalicelib.identity import security_log
from chalicelib.jobs import lag
from chalicelib.storage.threads import Threads
from chalicelib.web import request_log
from tests import faults
from tests.api.client import Client, Context, new_tenant
from tests.permissions.cast import Tenant, forget_limits, holder, signed_in, undone
from tests.permissions.examples import body, reads_json
from tests.permissions.routes import ROUTES, path
from tests.permissions.stage import acme, everything_is_served

__all__ = ["acme", "everything_is_served"]

PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()

Written = Callable[[], list[str]]


@pytest.fixture
def written() -> Iterator[Written]:
    """Whatever any logger says, as it would stand in the function's log, since it was last asked for."""
    said: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    def since() -> list[str]:
        found = [*said]
        said.clear()
        return found

    handler, root = Kept(), logging.getLogger()
    handler.setFormatter(journal.Lines())
    levels = {each: each.level for each in (root, journal.logger)}
    root.addHandler(handler)
    for logger in levels:
        logger.setLevel(logging.INFO)
    yield since
    root.removeHandler(handler)
    for logger, level in levels.items():
        logger.setLevel(level)


def of_requests(lines: list[str]) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, lines) if line["event"] == "request"]


def sent_to(function: Any, path: str, method: str = "GET", resource: str = "") -> Any:
    """An event that no route of ours is declared for may still come: API Gateway is configured by hand too."""
    context = {
        "httpMethod": method,
        "resourcePath": resource or path,
        "requestId": "r",
        "identity": {"sourceIp": "::1"},
    }
    event = {"requestContext": context, "headers": {}, "path": path, "multiValueQueryStringParameters": None}
    return function(event, Context())


# --- one line for each ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("V16.2.1", "V16.2.4")
def test_a_request_is_one_line_that_says_which_who_what_whence_and_what_became_of_it(
    moto_store: None, written: Written
) -> None:
    tenant = new_tenant("acme", "shop")
    written()
    events = [{"message": "one"}, {"message": "two"}, {"message": "old", "timestamp": 1_000_000_000_000}]
    assert Client().post("/api/ingest", {"events": events}, key=tenant.ingest_key).status == 202
    [line] = of_requests(written())
    assert line.keys() >= {"at", "request", "source", "method", "route", "status", "ms", "cold", "key", "Stage", "_aws"}
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/ingest", 202)
    assert line["source"] == "192.0.2.7"
    assert line["key"] in tenant.ingest_key
    assert (line["EventsAccepted"], line["EventsRejected"]) == (2, 1)
    assert line["StoreCalls"] >= 2
    assert line["IngestMilliseconds"] == line["ms"]


def test_who_is_signed_in_is_named_by_their_id_and_the_route_as_it_is_declared(
    acme: Tenant, everything_is_served: None, written: Written
) -> None:
    owner = signed_in("owner", acme.owner)
    written()
    assert owner.send("GET", f"/orgs/{acme.slug}/projects/{acme.project_slug}/explore?q=secret-search").status == 200
    [line] = of_requests(written())
    assert line["user"] == acme.owner.user.hex()
    assert line["route"] == "/orgs/{org}/projects/{project}/explore"


@pytest.mark.parametrize(
    ("method", "resource", "status"), [("GET", "/nothing/{here}", 404), ("PATCH", "/api/ingest", 405)]
)
def test_what_no_route_answers_is_a_line_too_and_names_nobody_of_before(
    method: str, resource: str, status: int, moto_store: None, written: Written
) -> None:
    Client().post("/api/ingest", {"events": []}, key=new_tenant("acme", "shop").ingest_key)
    written()
    assert sent_to(app, "/nothing/private", method, resource)["statusCode"] == status
    [line] = of_requests(written())
    assert (line["status"], line["route"], line["method"]) == (status, resource, method)
    assert "key" not in line
    assert "private" not in json.dumps(line)


@pytest.mark.requirement("V16.5.1", "V16.5.4")
def test_a_fault_is_told_in_the_log_and_not_to_the_client(
    moto_store: None, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = new_tenant("acme", "shop")
    monkeypatch.setattr("chalicelib.routes.ingest.append", lambda *_, **__: 1 / 0)
    written()
    answer = Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=tenant.ingest_key)
    lines = [json.loads(line) for line in written()]
    assert app.debug is False
    assert answer.status == 500
    assert b"ZeroDivisionError" not in answer.body
    assert [line["event"] for line in lines] == ["fault", "request"]
    assert "ZeroDivisionError" in lines[0]["trace"]
    assert lines[0]["request"] == lines[1]["request"]


def test_only_the_first_request_of_a_container_is_cold(written: Written) -> None:
    request_log._warm.clear()
    for _ in range(3):
        sent_to(app, "/nothing")
    assert [line["cold"] for line in of_requests(written())] == [True, False, False]


def test_a_run_of_the_upkeep_is_a_line_with_how_late_it_is(
    engine_store: None, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = new_tenant("acme", "shop")
    assert Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=tenant.ingest_key).status == 202
    written()
    app.handler_map["compact"](
        {"version": "0", "account": "", "region": "", "detail": {}, "detail-type": "", "source": "", "time": "",
         "id": "", "resources": []},
        Context(seconds=60.0),
    )  # fmt: skip
    [line] = [line for line in map(json.loads, written()) if line["event"] == "upkeep"]
    assert (line["projects"], line["failed"], line["UpkeepFailed"], line["UpkeepLag"]) == (1, 0, 0, 0)
    assert line["request"] == "function-request"


def test_work_is_late_once_it_waits_longer_than_an_hour_takes_to_be_indexed(engine_store: None) -> None:
    soon = time.monotonic() + 10
    now_ms = time.time_ns() // 1_000_000
    assert lag.overdue_ms(now_ms=now_ms, deadline=soon) == 0
    tenant = new_tenant("acme", "shop")
    assert Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=tenant.ingest_key).status == 202
    ended = (now_ms // 3_600_000 + 1) * 3_600_000
    assert lag.overdue_ms(now_ms=ended + lag.USUAL_MS, deadline=soon) == 0
    assert lag.overdue_ms(now_ms=ended + lag.USUAL_MS + 60_000, deadline=soon) == 60_000


# --- metrics ----------------------------------------------------------------------------------------------------------


def test_metrics_are_in_the_format_that_cloudwatch_reads(moto_store: None, written: Written) -> None:
    tenant = new_tenant("acme", "shop")
    Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=tenant.ingest_key)
    line = of_requests(written())[-1]
    told = line["_aws"]
    assert abs(told["Timestamp"] - time.time() * 1000) < 86_400_000
    [directive] = told["CloudWatchMetrics"]
    assert directive["Namespace"] == "Scrywatch"
    assert directive["Dimensions"] == [["Stage"]]
    assert isinstance(line["Stage"], str)
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]}.items() <= journal.METRICS.items()
    assert all(isinstance(line[each["Name"]], int | float) for each in directive["Metrics"])


def test_throttling_is_counted_in_the_request_that_met_it(moto_store: None, written: Written) -> None:
    tenant = new_tenant("acme", "shop")
    written()
    with faults.injected(faults.THROTTLED, at=1):
        assert Client().post("/api/ingest", {"events": [{"message": "x"}]}, key=tenant.ingest_key).status == 202
    [line] = of_requests(written())
    assert line["StoreThrottles"] == 1


def test_what_threads_of_a_request_count_is_the_requests() -> None:
    journal.begin()
    with Threads(4) as pool:
        for done in [pool.submit(journal.count, "StoreThrottles") for _ in range(50)]:
            done.result()
    assert journal.counted("StoreThrottles") == 50
    journal.begin()
    assert journal.counted("StoreThrottles") == 0


def test_a_metric_that_nobody_described_is_refused() -> None:
    with pytest.raises(KeyError):
        journal.count("Unknown")


# --- nothing of anybody's ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("I10", "I4", "S11", "V16.2.5", "V16.4.1", "V14.2.4")
def test_nothing_that_is_secret_or_somebodys_is_in_any_line(
    acme: Tenant, everything_is_served: None, written: Written
) -> None:
    owner = signed_in("owner", acme.owner)
    secrets = {
        "cookie": owner.binding,
        "ingest key": acme.ingest_key.rpartition("_")[2][8:],
        "query key": acme.query_key.rpartition("_")[2][8:],
        "access token": acme.connection.access_token,
        "refresh token": acme.connection.refresh_token,
        "password": "a long enough passphrase",
        "event, name, label": acme.canary,
        "address": "@acme.example",
        "another address": "somebody@else.example",
        "search": "CANARY-search",
        "event that is sent": "CANARY-sent",
        "header": "CANARY-header",
    }
    asking = [owner, holder("app", acme.connection.access_token)]
    written()
    for who in asking:
        for route in ROUTES:
            with undone(route.method):
                forget_limits()
                where = path(route, acme, owner.own) + "?q=CANARY-search&code=CANARY-search&state=CANARY-search"
                sent = body(route) if reads_json(route) else None
                who.send(route.method, where, sent, **{"User-Agent": "CANARY-header", "Referer": "CANARY-header"})
    hostile = {"events": [{"message": 'CANARY-sent\n{"event":"request"}', "level": "CANARY-sent\r\n"}]}
    holder("ingest", acme.ingest_key).send("POST", "/api/ingest", hostile)
    lines = written()
    assert len(of_requests(lines)) == len(ROUTES) * len(asking) + 1
    assert [name for name, secret in secrets.items() if any(secret in line for line in lines)] == []
    assert all(line.isascii() and "\n" not in line for line in lines)


# --- in a function on AWS ---------------------------------------------------------------------------------------------

FUNCTION = """
import logging
logging.getLogger().addHandler(logging.StreamHandler())  # as the runtime does before it imports the app
logging.getLogger().setLevel(logging.WARNING)
from app import app
from chalicelib.identity import security_log
logging.getLogger("chalicelib.jobs.upkeep").warning("a warning\\nin two lines of %s", "text")
logging.getLogger("chalicelib.jobs.upkeep").info("never")
security_log.write("done")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("elsewhere").exception("failed")
context = {"httpMethod": "GET", "resourcePath": "/nothing", "requestId": "r-1", "identity": {"sourceIp": "::1"}}
app({"requestContext": context, "headers": {}}, None)
"""


@pytest.mark.requirement("V16.4.3")
def test_on_aws_every_line_is_json_by_itself_with_nothing_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "scrywatch-dev")
    done = subprocess.run([sys.executable, "-c", FUNCTION], capture_output=True, text=True, check=True)
    warned, secured, failed, request = (json.loads(line) for line in done.stdout.splitlines())
    assert done.stderr == ""
    assert (warned["level"], warned["logger"]) == ("WARNING", "chalicelib.jobs.upkeep")
    assert warned["text"] == "a warning\nin two lines of text"
    assert secured["event"] == "done"
    assert "ZeroDivisionError" in failed["trace"]
    assert (request["event"], request["request"], request["status"]) == ("request", "r-1", 404)


JOB = """
import logging
from chalicelib.jobs import compact
from chalicelib import settings
logging.getLogger("chalicelib.jobs.upkeep").warning("from a job")
assert len(settings.current().secrets[0]) == 32
"""


def test_a_job_is_a_function_of_its_own_and_speaks_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins with its own module: whatever `app.py` prepares, it must have by itself."""
    monkeypatch.delenv("SCRY_SECRETS")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "scrywatch-dev-compact")
    monkeypatch.setenv("SCRY_SECRETS_PARAMETER", "none")
    done = subprocess.run([sys.executable, "-c", JOB], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["text"] == "from a job"


def test_elsewhere_nobodys_logging_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    before = [*logging.getLogger().handlers]
    journal.open_on_lambda()
    assert logging.getLogger().handlers == before


# --- documented -------------------------------------------------------------------------------------------------------


def test_every_metric_is_documented_with_its_unit_and_no_other() -> None:
    documented = dict(re.findall(r"^\| `([A-Z]\w+)` \| (\w+) \|", PAGE, re.MULTILINE))
    assert documented == journal.METRICS


def test_every_field_of_a_line_is_documented(acme: Tenant, everything_is_served: None, written: Written) -> None:
    owner = signed_in("owner", acme.owner)
    written()
    owner.send("GET", "/orgs")
    holder("app", acme.connection.access_token).send("GET", acme.logs)
    holder("key", acme.query_key).send("GET", acme.logs)
    said = {name for line in of_requests(written()) for name in line} - journal.METRICS.keys()
    documented = set(re.findall(r"^\| `([a-z_A-Z]+)` \| [a-z]", PAGE, re.MULTILINE))
    assert said <= documented
    assert security_log.EVENTS.keys() <= set(re.findall(r"`([a-z.]+)`", PAGE))

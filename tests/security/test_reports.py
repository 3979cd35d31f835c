"""Reports of content policies that were gone against: every page asks for them, and each is a short line in the log."""

import json
import time
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.storage import limits
from chalicelib.web import headers, request
from tests.api.client import Client, Response
from tests.permissions.cast import Tenant, forget_limits, signed_in
from tests.security.conftest import Lines

pytestmark = pytest.mark.usefixtures("moto_store")

HERE = "http://127.0.0.1:8000"
COLLECTED = "application/reports+json"
SINGLE = "application/csp-report"


def told(lines: Lines) -> list[tuple[str, str, str]]:
    """What was reported since somebody last looked: page, directive, what was blocked."""
    return [(each["page"], each["directive"], each["blocked"]) for each in lines() if each["event"] == "violation"]


def send(body: Any, media_type: str = COLLECTED, **more: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().send("POST", "/reports", body=content, headers={"Content-Type": media_type, **more})


def collected(
    page: str = f"{HERE}/orgs", directive: str = "script-src-elem", blocked: str = "inline", **more: Any
) -> Any:
    body = {"documentURL": page, "effectiveDirective": directive, "blockedURL": blocked, "sample": "SECRET", **more}
    return {"type": "csp-violation", "age": 10, "url": page, "user_agent": "SECRET", "body": body}


@pytest.mark.requirement("V3.4.7")
@pytest.mark.parametrize("path", ["/sign-in", "/", "/promises", "/reset?token=broken"])
def test_every_page_says_where_violations_are_reported(path: str) -> None:
    answer = Client().send("GET", path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith("; report-uri /reports; report-to csp")
    assert answer.headers["Reporting-Endpoints"] == 'csp="/reports"'


@pytest.mark.requirement("V3.4.7")
def test_below_a_stage_the_place_is_below_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_URL", "https://x.execute-api.example/api/")
    settings.current.cache_clear()
    said = headers.of_page()
    assert "report-uri /api/reports; " in said["Content-Security-Policy"]
    assert said["Reporting-Endpoints"] == 'csp="/api/reports"'


@pytest.mark.requirement("V3.4.7", "V16.3.3")
def test_a_report_is_a_line_in_the_log_without_query_and_sample(lines: Lines) -> None:
    answer = send([collected(f"{HERE}/orgs/acme?q=SECRET#SECRET", blocked="https://evil.example/x?SECRET")])
    assert (answer.status, answer.body) == (204, b"")
    [line] = lines()
    assert (line["event"], line["route"], line["source"]) == ("violation", "/reports", "192.0.2.7")
    assert (line["page"], line["directive"], line["blocked"]) == ("/orgs/acme", "script-src-elem", "evil.example")
    assert "SECRET" not in json.dumps(line)


def test_older_browsers_report_one_by_one(lines: Lines) -> None:
    report = {
        "document-uri": f"{HERE}/sign-in?next=SECRET", "violated-directive": "style-src 'self'", "blocked-uri": "eval",
        "script-sample": "SECRET", "original-policy": "SECRET",
    }  # fmt: skip
    assert send({"csp-report": report}, SINGLE).status == 204
    assert told(lines) == [("/sign-in", "style-src", "eval")]


def test_what_is_about_something_else_is_left_out(lines: Lines) -> None:
    other = {"type": "deprecation", "age": 1, "url": HERE, "user_agent": "x", "body": {"id": "y", "documentURL": 7}}
    assert send([other, {"type": "csp-violation"}]).status == 204
    assert told(lines) == [("other", "other", "other")]
    assert send([]).status == 204
    assert told(lines) == []


@pytest.mark.requirement("V16.4.1", "V16.2.5", "I10")
@pytest.mark.parametrize(
    ("page", "directive", "blocked"),
    [
        ("https://elsewhere.example/x", "script-src", "inline"),
        (f"{HERE}/a\r\nb", 'x"}\n{"event":"session.begin"', "inline\n"),
        (f"{HERE}/" + "x" * 900, "y" * 900, "https://" + "z" * 900 + "/"),
        (f"{HERE}/\u202e\u2028", "scrípt", "https://user:SECRET@evil.example:1/"),
        ("http://[", "", "http://["),
        ("", "", "\u0000"),
    ],
)
def test_what_is_in_no_usual_form_is_other_and_every_line_is_short(
    lines: Lines, page: str, directive: str, blocked: str
) -> None:
    assert send([collected(page, directive, blocked)]).status == 204
    [line] = lines()
    text = json.dumps(line)
    assert len(text) < 600
    assert line["page"] in ("other", "/ab")
    assert line["directive"] in ("other", "script-src")
    assert line["blocked"] in ("other", "inline", "evil.example:1")
    assert text.isascii()
    assert "SECRET" not in text


@pytest.mark.requirement("I9")
def test_of_one_request_at_most_five_lines_come_and_none_twice(lines: Lines) -> None:
    assert send([collected()] * 20).status == 204
    assert len(told(lines)) == 1
    assert send([collected(directive=f"d{'x' * number}") for number in range(20)]).status == 204
    assert len(told(lines)) == 5


@pytest.mark.requirement("I9", "V2.2.1")
@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"", COLLECTED, 400),
        (b"{}", COLLECTED, 400),
        (b"[[]]", COLLECTED, 400),
        (b'[{"type":"csp-violation","body":"x"}]', COLLECTED, 400),
        (b"[" * 16_000, COLLECTED, 400),
        (b'[{"type":"csp-violation","body":' + b"[" * 15_000, COLLECTED, 400),
        (b"\xff", SINGLE, 400),
        (b"{}", SINGLE, 400),
        (b"[]", "application/json", 415),
        (b"[]", "text/plain", 415),
        (b"[" + b" " * 16_384 + b"]", COLLECTED, 413),
    ],
)
def test_what_is_no_report_is_refused(lines: Lines, body: bytes, media_type: str, status: int) -> None:
    assert send(body, media_type).status == status
    assert told(lines) == []


@pytest.mark.requirement("S36", "V2.4.1")
def test_nobody_fills_the_log(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    at = time.time_ns()
    monkeypatch.setattr(request, "clock", lambda: at)  # what is sent slowly is let through again meanwhile
    forget_limits()
    statuses = [send([collected()]).status for _ in range(limits.LIMITS["report-source"].burst + 3)]
    assert statuses.count(204) == limits.LIMITS["report-source"].burst
    assert set(statuses[-3:]) == {429}


@pytest.mark.requirement("S22", "V3.5.1")
def test_a_report_says_nothing_of_who_is_signed_in(lines: Lines, acme: Tenant) -> None:
    who = signed_in("owner", acme.owner)
    assert send([collected()], COLLECTED, Origin="https://evil.example", **who.headers).status == 204
    [line] = [each for each in lines() if each["event"] == "violation"]
    assert "user" not in line

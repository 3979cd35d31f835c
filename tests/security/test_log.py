"""The security log: whatever was refused, changed or broke is one line that says who, what, when, from where."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity import second_factor, security_log, sessions
from chalicelib.storage import dynamodb
from chalicelib.storage.limits import LimitReached
from chalicelib.web import limiting
from chalicelib.web.cookies import SESSION
from tests.accounts.browser import Browser
from tests.accounts.people import EMAIL, PASSWORD
from tests.api.client import Client
from tests.permissions.cast import NOBODY, Somebody, Tenant, holder, now, signed_in
from tests.permissions.routes import ROUTES
from tests.permissions.test_matrix import asked
from tests.security.conftest import Lines

REGISTER = {"email": EMAIL, "password": PASSWORD, "name": "Ann", "orgName": "Ann Ltd"}
WRONG = {"email": EMAIL, "password": "not this one at all"}


@pytest.fixture
def ann(moto_store: None, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Ann's browser, signed in, where mail is not sent."""
    monkeypatch.setenv("SCRY_MAIL", "none")
    settings.current.cache_clear()
    browser = Browser("203.0.113.9")
    assert browser.post("/api/auth/register", REGISTER).status == 201
    return browser


def told(line: dict[str, Any]) -> tuple[str, str, str]:
    return line["event"], line["route"], line.get("problem", "")


@pytest.mark.requirement("V16.3.1", "V16.2.1")
def test_every_way_to_sign_in_and_out_leaves_a_line_with_whose_it_was(ann: Browser, lines: Lines) -> None:
    user = ann.get("/api/auth/me").json["user"]["id"]
    lines()
    browser = Browser("198.51.100.1")
    assert browser.post("/api/auth/login", WRONG).status == 401
    assert browser.post("/api/auth/login", WRONG | {"email": "nobody@example.com"}).status == 401
    assert browser.post("/api/auth/login", WRONG | {"password": PASSWORD}).status == 200
    assert browser.post("/api/auth/prove", {"password": "not this one at all"}).status == 401
    assert browser.post("/api/auth/logout").status == 200
    found = lines()
    assert [told(line) for line in found] == [
        ("refused", "/api/auth/login", "sign-in"),
        ("refused", "/api/auth/login", "sign-in"),
        ("session.begin", "/api/auth/login", ""),
        ("refused", "/api/auth/prove", "sign-in"),
        ("session.end", "/api/auth/logout", ""),
    ]
    assert [line.get("user") for line in found] == [user, None, user, user, user]
    assert found[2]["second_factor"] is False
    assert {(line["source"], line["method"], line["request"]) for line in found} == {("198.51.100.1", "POST", "r")}


@pytest.mark.requirement("V16.3.1")
def test_a_second_factor_is_told_from_a_password_and_so_is_a_wrong_code(
    ann: Browser, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.post("/api/auth/totp/enrol")
    with monkeypatch.context() as right_now:
        right_now.setattr(second_factor.totp, "matching_step", lambda *_, **__: 1)
        codes = ann.post("/api/auth/totp/confirm", {"code": "123456"}).json["recovery_codes"]
    lines()
    right = {"email": EMAIL, "password": PASSWORD}
    browser = Browser()
    for body in (right, right | {"code": "0000-0000"}, right | {"code": codes[0]}):
        browser.post("/api/auth/login", body)
    found = lines()
    assert [told(line)[::2] for line in found] == [
        ("refused", "code-needed"),
        ("refused", "code"),
        ("session.begin", ""),
    ]
    assert found[2]["second_factor"] is True
    assert len({line["user"] for line in found}) == 1


@pytest.mark.requirement("V16.3.1")
def test_a_page_that_shows_its_form_again_says_in_the_log_what_it_was_refused_for(acme: Tenant, lines: Lines) -> None:
    lines()
    answer = NOBODY.post_form("/sign-in", {"email": "owner@acme.example", "password": "not this one at all"})
    assert answer.status == 422
    [line] = lines()
    assert told(line) == ("refused", "/sign-in", "sign-in")
    assert line["user"] == acme.owner.user.hex()
    owner = signed_in("owner", acme.owner)
    for heir, code in (("nobody", "form"), (acme.owner.user.hex(), "role")):
        answer = owner.post_form("/orgs/acme/settings/owner", {"heir": heir})
        assert (answer.status, [each["problem"] for each in lines()]) == (422, [code])


@pytest.mark.requirement("V16.3.2", "V16.3.3")
def test_every_refusal_at_the_door_is_a_line_with_who_was_refused(acme: Tenant, evil: Tenant, lines: Lines) -> None:
    member, stale = signed_in("member", acme.member), signed_in("stale", acme.owner, at=now() - 3600)
    keys = "/api/orgs/acme/projects/shop/keys"
    lines()
    tries: list[tuple[Somebody, str, str, dict[str, str], str]] = [
        (NOBODY, "GET", "/api/orgs/acme", {}, "unauthorized"),
        (holder("guess", "scry_qry_" + "A" * 44), "GET", acme.logs, {}, "unauthorized"),
        (holder("ingest", acme.ingest_key), "GET", acme.logs, {}, "forbidden"),
        (holder("query", acme.query_key), "GET", evil.logs, {}, "not-found"),
        (member, "POST", keys, {}, "forbidden"),
        (member, "GET", "/api/orgs/evil", {}, "not-found"),
        (member, "DELETE", "/api/orgs/acme/membership", {"Origin": "https://evil.example"}, "csrf"),
        (stale, "POST", keys, {}, "reauthenticate"),
    ]
    for who, method, path, headers, code in tries:
        who.send(method, path, {} if method == "POST" else None, **headers)
        [line] = lines()
        assert (line["event"], line["problem"]) == ("refused", code), path
        person = {member.name: acme.member, stale.name: acme.owner}.get(who.name)
        assert line.get("user") == (person.user.hex() if person else None), path
        assert ("key" in line) == (who.name in ("ingest", "query")), path


@pytest.mark.requirement("V16.3.3")
def test_a_limit_that_is_reached_is_named_with_who_reached_it(
    acme: Tenant, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Any, name: str, __: Any) -> None:
        raise LimitReached(name, 7)

    monkeypatch.setattr(limiting, "_count", full)
    lines()
    signed_in("owner", acme.owner).send("GET", "/api/auth/me")
    holder("query", acme.query_key).send("GET", acme.logs)
    NOBODY.send("GET", "/api/auth/me")
    person, key, stranger = lines()
    assert {line["problem"] for line in (person, key, stranger)} == {"limit"}
    assert (person["limit"], person["user"]) == ("requests-person", acme.owner.user.hex())
    assert (key["limit"], key["key"]) == ("requests-key", acme.query_key.removeprefix("scry_qry_")[:8])
    assert (stranger["limit"], stranger["source"], "user" in stranger) == ("requests-source", "192.0.2.7", False)


@pytest.mark.requirement("V16.3.3")
def test_what_was_changed_is_a_line_and_what_was_read_or_sent_is_none(acme: Tenant, lines: Lines) -> None:
    owner = signed_in("owner", acme.owner)
    lines()
    assert owner.send("PATCH", "/api/orgs/acme", {"name": "Acme Inc"}).status == 200
    assert owner.send("GET", "/api/orgs/acme").status == 200
    assert holder("query", acme.query_key).send("GET", acme.logs).status == 200
    assert Client().post("/api/ingest", {"message": "x"}, key=acme.ingest_key).status == 202
    [line] = lines()
    assert (line["event"], line["route"], line["method"]) == ("done", "/api/orgs/{org}", "PATCH")
    assert line["user"] == acme.owner.user.hex()


@pytest.mark.requirement("V16.3.4", "V16.4.1", "V16.5.4")
def test_a_fault_is_one_line_with_its_trace_whatever_its_text_holds(
    acme: Tenant, lines: Lines, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = signed_in("owner", acme.owner)
    forged = '\n{"event": "session.begin"}\r\u2028\u0085\x1b[2Jé'

    def broken(*_: Any) -> Any:
        raise KeyError(forged)

    monkeypatch.setattr(dynamodb, "transport", broken)
    lines()
    assert owner.send("GET", "/api/auth/me").status == 500
    [message] = [record.getMessage() for record in caplog.records if record.name == security_log.logger.name]
    assert message.isascii()
    assert message.isprintable()
    [line] = lines()
    assert (line["event"], line["route"]) == ("fault", "/api/auth/me")
    assert "in broken" in line["trace"]


@pytest.mark.requirement("V16.4.1", "V16.2.5", "I10")
def test_nothing_that_a_client_writes_reaches_the_log(acme: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    mark = "m4rk"
    tries = [("GET", f"/api/orgs/{mark}"), ("GET", f"/api/orgs/acme?cursor={mark}"), ("POST", "/api/auth/login")]
    for who in (NOBODY, signed_in("owner", acme.owner), holder("key", f"scry_qry_{mark}")):
        for method, path in tries:
            body = {"email": f"{mark}@example.com", "password": mark * 4} if method == "POST" else None
            who.send(method, path, body, **{"User-Agent": mark, "X-Forwarded-For": mark, "Referer": mark})
    assert caplog.records
    assert mark not in caplog.text


@pytest.mark.requirement("V16.2.5", "I10")
def test_no_line_holds_a_secret_or_an_address(acme: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    owner = signed_in("owner", acme.owner)
    caplog.clear()
    for who in (NOBODY, owner, holder("ingest", acme.ingest_key), holder("query", acme.query_key)):
        for route in ROUTES:
            asked(who, route, acme)
    assert "refused" in caplog.text
    for secret in (owner.binding, acme.ingest_key, acme.query_key, "@acme.example", SESSION):
        assert secret not in caplog.text


@pytest.mark.requirement("V16.2.1", "V16.2.2", "V16.2.4")
def test_a_line_is_json_with_the_time_in_utc(lines: Lines) -> None:
    before = datetime.now(UTC)
    security_log.attend(request="r-1", source="192.0.2.7", method="GET", route="/x")
    security_log.known(user="ab")
    security_log.write("refused", problem="csrf")
    security_log.attend(request="r-2", source="192.0.2.8", method="GET", route="/y")
    security_log.write("done")
    first, second = lines()
    at = datetime.fromisoformat(first.pop("at"))
    assert at.utcoffset() is not None
    assert abs((at - before).total_seconds()) < 60
    assert first == {
        "event": "refused", "request": "r-1", "source": "192.0.2.7", "method": "GET", "route": "/x", "user": "ab",
        "problem": "csrf",
    }  # fmt: skip
    assert "user" not in second, "who the request before was is forgotten"


@pytest.mark.requirement("V16.2.4")
def test_lines_pass_where_only_warnings_do(caplog: pytest.LogCaptureFixture) -> None:
    """A function's root logger is set to WARNING."""
    caplog.set_level(logging.WARNING)
    caplog.handler.setLevel(logging.NOTSET)
    security_log.write("session.begin")
    assert json.loads(caplog.records[-1].getMessage())["event"] == "session.begin"


def test_an_event_that_is_not_listed_cannot_be_written() -> None:
    with pytest.raises(KeyError):
        security_log.write("something")


@pytest.mark.requirement("V16.2.1")
def test_an_answer_names_the_request_that_the_log_names(acme: Tenant, lines: Lines) -> None:
    lines()
    answer = NOBODY.send("GET", "/api/auth/me")
    [line] = lines()
    assert answer.headers["X-Request-Id"] == line["request"] == "gateway-request"


@pytest.mark.requirement("V16.3.1")
def test_what_happens_to_an_account_is_in_its_own_log_too(acme: Tenant, lines: Lines) -> None:
    owner = signed_in("owner", acme.owner)
    assert owner.send("POST", "/api/auth/sessions/end", {"session": "others"}).status == 200
    assert [told(line)[:2] for line in lines()] == [("done", "/api/auth/sessions/end")]
    assert sessions.session(owner.binding, now=now()) is not None

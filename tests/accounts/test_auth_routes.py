"""What `/api/auth/…` answers: to its owner everything, to everybody else nothing, and the same nothing."""

from typing import Any

import pytest

from app import app
from chalicelib.identity import second_factor, sessions, totp
from chalicelib.identity.sessions import SECONDS
from chalicelib.storage.limits import LIMITS
from chalicelib.storage.tables import keys
from chalicelib.storage.tables.models import UserItem
from chalicelib.web.cookies import SESSION
from chalicelib.web.request import Request
from tests.accounts.browser import Browser, set_cookies
from tests.accounts.people import EMAIL, NEW_PASSWORD, PASSWORD, letter, token_in
from tests.api.client import Response

REGISTER = {"email": EMAIL, "password": PASSWORD, "name": "Ann", "orgName": "Acme Ltd"}
LOGIN = {"email": EMAIL, "password": PASSWORD}


PATHS = sorted(path for path in app.routes if path.startswith("/api/auth/"))
POSTS = [path for path in PATHS if "POST" in app.routes[path]]


@pytest.fixture
def ann(moto_store: None) -> Browser:
    """Ann's browser, signed in."""
    browser = Browser()
    assert browser.post("/api/auth/register", REGISTER).status == 201
    return browser


def problem(answer: Response) -> tuple[int, str]:
    return answer.status, answer.json["type"].rpartition(":")[2]


def test_registering_answers_as_existing_clients_know_it_and_signs_in(moto_store: None) -> None:
    browser = Browser()
    answer = browser.post("/api/auth/register", REGISTER)
    assert answer.status == 201
    assert answer.json["success"] is True
    assert answer.json["user"]["email"] == EMAIL
    assert (answer.json["org"]["slug"], answer.json["project"]["slug"]) == ("acme-ltd", "app")
    assert answer.json["apiKey"].startswith("scry_ing_")
    assert answer.headers["Cache-Control"] == "no-store"
    me = browser.get("/api/auth/me")
    assert me.json["orgs"] == [{"slug": "acme-ltd", "name": "Acme Ltd", "role": "owner"}]


@pytest.mark.requirement("S19", "V3.3.4")
def test_the_session_cookie_is_for_this_host_and_for_no_script(ann: Browser) -> None:
    answer = Browser().post("/api/auth/login", LOGIN)
    session = next(value for value in set_cookies(dict(answer.headers)) if value.startswith("__Host-session="))
    value, *attributes = session.split("; ")
    assert len(value.partition("=")[2]) == 43
    assert sorted(attributes) == sorted(["Path=/", f"Max-Age={SECONDS}", "Secure", "HttpOnly", "SameSite=Lax"])


@pytest.mark.requirement("V7.4.1", "V14.3.1")
def test_signing_in_and_out(ann: Browser) -> None:
    browser = Browser()
    assert browser.post("/api/auth/login", LOGIN).status == 200
    copy = Browser()
    copy.cookies = dict(browser.cookies)
    assert copy.get("/api/auth/me").status == 200
    answer = browser.post("/api/auth/logout")
    assert answer.status == 200
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "__Host-session" not in browser.cookies
    assert "__Host-device" in browser.cookies
    assert copy.get("/api/auth/me").status == 401
    assert ann.get("/api/auth/me").status == 200


@pytest.mark.requirement("S18", "V6.3.8")
def test_a_wrong_password_and_an_unknown_address_have_one_answer(ann: Browser) -> None:
    wrong = Browser().post("/api/auth/login", LOGIN | {"password": "not this one at all"})
    unknown = Browser().post("/api/auth/login", LOGIN | {"email": "nobody@example.com"})
    both_wrong = Browser().post("/api/auth/login", {"email": "x@y.z", "password": "p"})
    assert (wrong.status, dict(wrong.headers), wrong.body) == (unknown.status, dict(unknown.headers), unknown.body)
    assert (wrong.status, dict(wrong.headers), wrong.body) == (
        both_wrong.status,
        dict(both_wrong.headers),
        both_wrong.body,
    )
    assert problem(wrong) == (401, "sign-in")
    assert not set_cookies(dict(wrong.headers))


@pytest.mark.requirement("S17", "S18", "V6.3.8")
def test_limited_answers_are_alike_and_say_when_to_come_back(ann: Browser) -> None:
    answers = {}
    for email in (EMAIL, "nobody@example.com"):
        for number in range(LIMITS["sign-in-account"].burst + 1):
            answers[email] = Browser(f"198.51.100.{number}").post("/api/auth/login", {"email": email, "password": "p"})
    known, unknown = answers.values()
    assert known.status == 429
    assert int(known.headers["Retry-After"]) > 0
    assert (dict(known.headers), known.body) == (dict(unknown.headers), unknown.body)


@pytest.mark.requirement("S18", "V6.3.8")
def test_a_reset_and_a_sign_up_answer_alike_whoever_has_the_address(ann: Browser, outbox: None) -> None:
    found = [
        [Browser(f"198.51.100.{number}").post(path, body | {"email": email}) for number, email in enumerate(_BOTH)]
        for path, body in (("/api/auth/reset", {}), ("/api/auth/register", REGISTER))
    ]
    for known, unknown in found:
        assert known.status == 202
        assert (known.status, dict(known.headers), known.body) == (unknown.status, dict(unknown.headers), unknown.body)
        assert not set_cookies(dict(known.headers))


_BOTH = (EMAIL, "nobody@example.com")


@pytest.mark.requirement("S21", "V7.2.4")
def test_a_planted_session_is_not_adopted(ann: Browser) -> None:
    browser = Browser()
    browser.cookies["__Host-session"] = "A" * 43
    browser.cookies["__Host-device"] = "B" * 32
    assert browser.post("/api/auth/login", LOGIN).status == 200
    assert browser.cookies["__Host-session"] != "A" * 43
    assert browser.cookies["__Host-device"] != "B" * 32


@pytest.mark.requirement("S22", "V3.5.1")
@pytest.mark.parametrize("path", POSTS)
def test_what_changes_something_is_not_done_for_another_site(ann: Browser, path: str) -> None:
    # What everybody may do needs no token: nobody's power is borrowed there.
    for headers in FOREIGN if path in PUBLIC else FOREIGN + FORGED:
        answer = ann.post(path, BODIES.get(path, {}), **headers)
        assert problem(answer) == (403, "csrf"), headers
    assert ann.get("/api/auth/me").json["user"]["name"] == "Ann"


FOREIGN: list[dict[str, Any]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]
FORGED: list[dict[str, Any]] = [{"X-CSRF-Token": None}, {"X-CSRF-Token": "forged"}]

PUBLIC = {
    "/api/auth/register", "/api/auth/login", "/api/auth/login/code", "/api/auth/confirm", "/api/auth/reset",
    "/api/auth/reset/confirm",
}  # fmt: skip

BODIES: dict[str, Any] = {
    "/api/auth/register": REGISTER,
    "/api/auth/login": LOGIN,
    "/api/auth/login/code": {"challenge": "x", "code": "123456"},
    "/api/auth/confirm": {"token": "x"},
    "/api/auth/reset": {"email": EMAIL},
    "/api/auth/reset/confirm": {"token": "x", "password": NEW_PASSWORD},
    "/api/auth/prove": {"password": PASSWORD},
    "/api/auth/name": {"name": "Mallory"},
    "/api/auth/email": {"email": "mallory@example.com"},
    "/api/auth/password": {"current": PASSWORD, "password": NEW_PASSWORD},
    "/api/auth/totp/confirm": {"code": "123456"},
    "/api/auth/totp/disable": {"code": "123456"},
    "/api/auth/totp/recovery": {"code": "123456"},
    "/api/auth/sessions/end": {"session": "all"},
}


@pytest.mark.requirement("S30", "V8.2.1")
@pytest.mark.parametrize("path", [path for path in PATHS if path not in PUBLIC])
def test_ones_own_account_is_for_who_is_signed_in(moto_store: None, path: str) -> None:
    stranger = Browser()
    answer = stranger.get(path) if "GET" in app.routes[path] else stranger.post(path, BODIES.get(path, {}))
    assert answer.status == 401


@pytest.mark.requirement("V8.2.3")
@pytest.mark.parametrize("path", sorted(BODIES))
def test_a_field_that_is_not_named_is_an_error(ann: Browser, path: str) -> None:
    """Mass assignment: nobody makes themselves somebody by a field that happens to be stored."""
    for extra in ({"role": "owner"}, {"epoch": 9}, {"user": "x"}, {"confirmed_at": 1}):
        answer = ann.post(path, BODIES[path] | extra)
        assert problem(answer) == (422, "field"), path


@pytest.mark.requirement("V2.2.1")
@pytest.mark.parametrize("path", sorted(BODIES))
def test_a_body_that_cannot_be_used_is_a_refusal_and_no_fault(ann: Browser, path: str) -> None:
    for body in (b"", b"[]", b"null", b"{", b'{"email":1}', b'{"email":"a","email":"b"}', b"\xff"):
        assert ann.post(path, body).status in (400, 422), body


@pytest.mark.requirement("V7.5.1", "V7.5.3")
def test_what_is_sensitive_wants_a_fresh_proof(ann: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, 3600)
    for path in ("email", "password", "totp/enrol", "totp/confirm", "totp/disable", "totp/recovery", "sessions/end"):
        answer = ann.post(f"/api/auth/{path}", BODIES.get(f"/api/auth/{path}", {}))
        assert problem(answer) == (403, "reauthenticate"), path
    assert ann.post("/api/auth/name", {"name": "Ann B."}).status == 200
    assert ann.post("/api/auth/prove", {"password": "not this one at all"}).status == 401
    assert ann.post("/api/auth/prove", {"password": PASSWORD}).status == 200
    assert ann.post("/api/auth/email", {"email": "ann@example.org"}).status == 200


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """As if so many seconds had passed since the session began."""
    now = Request.now.fget
    assert now is not None
    monkeypatch.setattr(Request, "now", property(lambda request: now(request) + seconds))


@pytest.mark.requirement("S20", "V7.3.2")
def test_a_cookie_of_yesterday_is_nobody(ann: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, SECONDS)
    assert ann.get("/api/auth/me").status == 401


@pytest.mark.requirement("S21", "V7.4.3", "V6.2.2")
def test_a_new_password_signs_everybody_else_out(ann: Browser) -> None:
    other = Browser()
    other.post("/api/auth/login", LOGIN)
    assert ann.post("/api/auth/password", {"current": PASSWORD, "password": NEW_PASSWORD}).status == 200
    assert other.get("/api/auth/me").status == 401
    assert ann.get("/api/auth/me").status == 200
    assert ann.post("/api/auth/name", {"name": "Still Ann"}).status == 200


@pytest.mark.requirement("V7.5.2")
def test_sessions_are_listed_and_ended(ann: Browser) -> None:
    other = Browser("203.0.113.9")
    other.post("/api/auth/login", LOGIN)
    listed = ann.get("/api/auth/sessions").json["sessions"]
    assert {(each["source"], each["current"]) for each in listed} == {("192.0.2.7", True), ("203.0.113.9", False)}
    begun = sessions.session(ann.cookies[SESSION], now=listed[0]["created_at"] // 1000)
    assert begun is not None
    [own] = [each for each in listed if each["current"]]
    assert (own["created_at"], own["expires_at"]) == (begun.created_at * 1000, begun.expires_at * 1000)
    that = next(each["id"] for each in listed if not each["current"])
    assert ann.post("/api/auth/sessions/end", {"session": that}).status == 200
    assert problem(ann.post("/api/auth/sessions/end", {"session": that})) == (404, "not-found")
    assert other.get("/api/auth/me").status == 401
    other.post("/api/auth/login", LOGIN)
    assert ann.post("/api/auth/sessions/end", {"session": "others"}).status == 200
    assert other.get("/api/auth/me").status == 401
    assert ann.post("/api/auth/sessions/end", {"session": "all"}).status == 200
    assert ann.get("/api/auth/me").status == 401


def test_a_second_factor_from_enrolment_to_the_end(ann: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_factor.limits, "allow", lambda *_, **__: None)
    given = ann.post("/api/auth/totp/enrol").json
    assert given["uri"].startswith("otpauth://totp/Scrywatch")
    codes = iter(range(-1, 2))
    shown = ann.post("/api/auth/totp/confirm", {"code": code(next(codes))})
    assert len(shown.json["recovery_codes"]) == 10
    browser = Browser()
    asked = browser.post("/api/auth/login", LOGIN)
    assert problem(asked) == (401, "code-needed")
    assert not browser.cookies
    answer = browser.post("/api/auth/login/code", {"challenge": asked.json["challenge"], "code": code(next(codes))})
    assert answer.json["second_factor"] is True
    recovery = shown.json["recovery_codes"][0]
    assert Browser().post("/api/auth/login", LOGIN | {"code": recovery}).status == 200
    assert problem(Browser().post("/api/auth/login", LOGIN | {"code": recovery})) == (401, "code")
    assert len(browser.post("/api/auth/totp/recovery", {"code": code(next(codes))}).json["recovery_codes"]) == 10
    assert problem(ann.post("/api/auth/totp/disable", {"code": recovery})) == (401, "code")


def code(away: int) -> str:
    import time

    seed = next(bytes(row.secret) for row in UserItem.scan() if row.s == keys.SECOND_FACTOR)
    return totp.code(seed, totp.step_of(int(time.time())) + away)


def test_a_forgotten_password_from_the_letter_to_the_new_one(ann: Browser, outbox: None) -> None:
    stranger = Browser("203.0.113.9")
    assert stranger.post("/api/auth/reset", {"email": EMAIL}).status == 202
    token = token_in(letter().text)
    assert problem(stranger.post("/api/auth/reset/confirm", {"token": token, "password": "short"})) == (422, "field")
    assert stranger.post("/api/auth/reset/confirm", {"token": token, "password": NEW_PASSWORD}).status == 200
    assert "__Host-session" not in stranger.cookies
    assert ann.get("/api/auth/me").status == 401
    assert stranger.post("/api/auth/login", LOGIN | {"password": NEW_PASSWORD}).status == 200
    answer = stranger.post("/api/auth/reset/confirm", {"token": token, "password": "yet another password"})
    assert problem(answer) == (410, "link")


def test_a_sign_up_from_the_letter_to_the_key(ann: Browser, outbox: None) -> None:
    bob = Browser("203.0.113.9")
    assert bob.post("/api/auth/register", REGISTER | {"email": "bob@example.com"}).status == 202
    token = token_in(letter().text)
    made = bob.post("/api/auth/confirm", {"token": token, "password": PASSWORD})
    assert made.status == 201
    assert made.json["apiKey"].startswith("scry_ing_")
    assert bob.get("/api/auth/me").json["user"]["email_confirmed"] is True


def test_a_new_address_is_confirmed_by_its_letter(ann: Browser, outbox: None) -> None:
    assert ann.post("/api/auth/email", {"email": "ann@example.org"}).status == 202
    assert ann.get("/api/auth/me").json["user"]["email"] == EMAIL
    assert Browser().post("/api/auth/confirm", {"token": token_in(letter().text)}).status == 200
    assert ann.get("/api/auth/me").json["user"]["email"] == "ann@example.org"


def test_a_taken_address_is_said_where_no_letter_could_say_it(ann: Browser) -> None:
    assert problem(Browser().post("/api/auth/register", REGISTER)) == (409, "email-taken")
    assert problem(Browser().post("/api/auth/reset", {"email": EMAIL})) == (501, "no-mailer")


@pytest.mark.requirement("I10")
def test_no_answer_repeats_a_password(ann: Browser) -> None:
    for path, body in BODIES.items():
        if "password" in body:
            assert PASSWORD.encode() not in ann.post(path, body).body
    assert b"argon2" not in ann.get("/api/auth/me").body


@pytest.mark.requirement("V4.1.3", "V15.3.4")
def test_a_header_or_a_field_does_not_say_where_a_request_is_from(ann: Browser) -> None:
    browser = Browser("203.0.113.9")
    browser.post("/api/auth/login", LOGIN, **{"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4"})
    assert {each["source"] for each in ann.get("/api/auth/sessions").json["sessions"]} == {"192.0.2.7", "203.0.113.9"}


def test_every_route_of_accounts_is_tried_here() -> None:
    elsewhere = {"/api/auth/delete"}  # tests/deletion
    assert set(POSTS) - set(BODIES) == {"/api/auth/logout", "/api/auth/totp/enrol"} | elsewhere

"""Requests that a browser was talked into."""

import pytest

from chalicelib import settings
from chalicelib.web import csrf
from chalicelib.web.problems import CsrfRefused
from tests.web.requests import request

HERE = "http://127.0.0.1:8000"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.requirement("S22")
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"origin": HERE},
        {"sec_fetch_site": "same-origin", "origin": HERE, "content_type": FORM, "cookie": "a=b"},
        {"sec_fetch_site": "same-origin", "origin": "null", "content_type": FORM, "cookie": "a=b"},
        {"content_type": JSON},
        {"content_type": "Application/JSON; charset=utf-8"},
    ],
)
def test_what_a_page_of_ours_or_a_program_sends_is_taken(headers: dict[str, str]) -> None:
    csrf.check_origin(request(**headers))


@pytest.mark.requirement("S22", "V3.5.1")
@pytest.mark.parametrize("more", [{}, {"cookie": "a=b"}, {"content_type": JSON}, {"x_http_method_override": "GET"}])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": ""},
        {"sec_fetch_site": "cross-site", "origin": HERE},
        {"sec_fetch_site": "same-origin", "origin": "https://evil.example"},
        {"sec_fetch_site": "same-origin", "repeated": "sec-fetch-site"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site", "origin": "null"},
        {"sec_fetch_site": "same-site", "origin": "null"},
        {"sec_fetch_site": "none", "origin": "null"},
        {"sec_fetch_site": "same-origin", "origin": "null", "repeated": "origin"},
        {"sec_fetch_site": "same-origin", "origin": "null, null"},
        {"origin": ""},
        {"origin": "https://127.0.0.1:8000"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:8001"},
        {"origin": "http://127.0.0.1:8000.evil.example"},
        {"origin": HERE + "/"},
        {"origin": HERE.upper()},
        {"origin": HERE, "repeated": "origin"},
    ],
)
def test_what_another_site_sends_is_refused_with_cookies_or_without(
    headers: dict[str, str], more: dict[str, str]
) -> None:
    with pytest.raises(CsrfRefused):
        csrf.check_origin(request(**headers, **more))


@pytest.mark.requirement("S22", "V3.5.2")
@pytest.mark.parametrize(
    "headers", [{}, {"content_type": FORM}, {"content_type": "text/plain"}, {"content_type": JSON, "cookie": "a=b"}]
)
def test_who_says_nothing_of_where_it_comes_from_may_only_be_a_program_without_cookies(headers: dict[str, str]) -> None:
    with pytest.raises(CsrfRefused):
        csrf.check_origin(request(**headers))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Logs.Example", "https://logs.example"),
        ("https://logs.example:443/stage", "https://logs.example"),
        ("http://logs.example:80", "http://logs.example"),
        ("https://logs.example:8443", "https://logs.example:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_own_origin_is_written_as_browsers_write_it(url: str, origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRY_URL", url)
    settings.current.cache_clear()
    assert csrf.own_origin() == origin


@pytest.mark.requirement("S22", "V3.5.1")
def test_a_token_is_good_for_its_binding_and_its_purpose_alone() -> None:
    token = csrf.token("alice", csrf.FORM)
    csrf.check_token(token, "alice", csrf.FORM)
    for binding, purpose in (("bob", csrf.FORM), ("alice", csrf.API), (None, csrf.FORM), ("", csrf.FORM)):
        with pytest.raises(CsrfRefused):
            csrf.check_token(token, binding, purpose)


@pytest.mark.requirement("S22", "V3.5.1")
@pytest.mark.parametrize("forge", [lambda _: None, lambda _: "", lambda t: t[:-1], lambda t: t + "=", str.swapcase])
def test_a_missing_or_forged_token_is_refused(forge) -> None:
    with pytest.raises(CsrfRefused):
        csrf.check_token(forge(csrf.token("alice", csrf.FORM)), "alice", csrf.FORM)


@pytest.mark.parametrize("presented", ["é", "\ud800", "\0", "x" * 100_000])
def test_a_token_that_is_no_token_is_refused_like_any_other(presented: str) -> None:
    with pytest.raises(CsrfRefused):
        csrf.check_token(presented, "alice", csrf.FORM)


@pytest.mark.requirement("V11.2.2")
def test_a_token_outlives_a_change_of_the_signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    token = csrf.token("alice", csrf.FORM)
    monkeypatch.setenv("SCRY_SECRETS", "6d" * 32 + "," + "5c" * 32)
    settings.current.cache_clear()
    csrf.check_token(token, "alice", csrf.FORM)
    assert csrf.token("alice", csrf.FORM) != token
    monkeypatch.setenv("SCRY_SECRETS", "6d" * 32)
    settings.current.cache_clear()
    with pytest.raises(CsrfRefused):
        csrf.check_token(token, "alice", csrf.FORM)

"""Cookies: what is read of them, and how they are set."""

import pytest

from chalicelib.web.cookies import DEVICE, PRE, SESSION, THEME, cookie, dropped, kept
from chalicelib.web.problems import HeaderWrong
from chalicelib.web.templates import static_files
from tests.web.requests import request


@pytest.mark.requirement("V3.3.1", "V3.3.3")
def test_the_theme_is_for_this_host_alone_and_kept_over_tls() -> None:
    assert THEME.startswith("__Host-")
    assert (
        f"`{THEME}=${{chosen}}; Path=/; Max-Age=${{YEAR}}; SameSite=Lax; Secure`"
        in static_files()["theme.js"].content.decode()
    )


@pytest.mark.requirement("S19", "V3.3.1", "V3.3.2", "V3.3.3", "V3.3.4")
@pytest.mark.parametrize("name", [SESSION, PRE, DEVICE])
def test_every_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts(name: str) -> None:
    for text in (kept(name, "abc", seconds=60), dropped(name)):
        attributes = text.split("; ")[1:]
        assert name.startswith("__Host-")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"} <= set(attributes)
        assert not any(each.lower().startswith("domain") for each in attributes)
    assert kept(name, "abc", seconds=60).startswith(f"{name}=abc; ")
    assert "Max-Age=60" in kept(name, "abc", seconds=60)
    assert "Max-Age=0" in dropped(name)


@pytest.mark.parametrize("value", ["", "a;b", "a b", "a\r\nSet-Cookie: x=y", "é", "a,b", "x" * 513])
def test_a_value_that_would_be_more_than_a_value_is_not_sent(value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        kept(SESSION, value, seconds=60)


def test_cookies_are_found_among_others() -> None:
    sent = request(cookie=f'a=b; {SESSION}=abc_-; x; y="z=1";{PRE}=p')
    assert (cookie(sent, SESSION), cookie(sent, PRE), cookie(sent, DEVICE)) == ("abc_-", "p", None)


@pytest.mark.parametrize("value", ["", "a b", '"abc"', "é", "x" * 513])
def test_a_value_that_we_never_set_is_none(value: str) -> None:
    assert cookie(request(cookie=f"{SESSION}={value}"), SESSION) is None


def test_names_are_told_apart_by_case() -> None:
    assert cookie(request(cookie="__host-session=abc"), SESSION) is None


@pytest.mark.requirement("V15.3.7")
@pytest.mark.parametrize("header", [f"{SESSION}=a; {SESSION}=b", f"{SESSION}=a; x=y; {SESSION}=a"])
def test_a_cookie_of_ours_that_comes_twice_is_refused(header: str) -> None:
    with pytest.raises(HeaderWrong):
        cookie(request(cookie=header), SESSION)


def test_two_cookie_headers_are_refused() -> None:
    with pytest.raises(HeaderWrong):
        cookie(request(cookie="a=b", repeated="cookie"), SESSION)

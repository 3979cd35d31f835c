"""Which redirect addresses there may be, and when two of them are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.oauth import redirects
from chalicelib.oauth.redirects import RedirectRefused, check_registrable, matches

GOOD = [
    "https://app.example/callback",
    "https://app.example:8443/cb?tenant=1",
    "https://app.example",
    "http://localhost:33418/",
    "http://localhost/callback",
    "http://127.0.0.1:7777/oauth/callback",
    "http://[::1]:1/cb",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "com.example.app:/oauth2redirect",
    "com.example.my-app://callback",
]

BAD = {
    "": "1 to 2000",
    "https://app.example/" + "x" * 2000: "1 to 2000",
    "https://app.example/cb#": "fragment",
    "https://app.example/cb#x": "fragment",
    "https://app.example/c b": "percent-encoded",
    "https://app.example\\@evil.example/": "percent-encoded",
    "https://app.example/\u00fc": "percent-encoded",
    "https://app.example/\n": "percent-encoded",
    "https://user@app.example/cb": "no user",
    "https://user:word@app.example/cb": "no user",
    "https:///cb": "names a host",
    "https://:443/cb": "names a host",
    "http://app.example/cb": "http redirect URI leads to localhost",
    "http://127.0.0.2/cb": "leads to localhost",
    "http://localhost.evil.example/cb": "leads to localhost",
    "http://localhost@evil.example/cb": "leads to localhost",
    "http://127.0.0.1:80@evil.example/cb": "leads to localhost",
    "http://2130706433/cb": "leads to localhost",
    "http://0.0.0.0/cb": "leads to localhost",
    "javascript:alert(1)": "reverse domain",
    "JavaScript:alert(1)": "reverse domain",
    "javascript://app.example/%0aalert(1)": "reverse domain",
    "data:text/html,x": "reverse domain",
    "vbscript:x": "reverse domain",
    "file:///etc/passwd": "reverse domain",
    "blob:https://app.example/x": "reverse domain",
    "about:blank": "reverse domain",
    "ftp://app.example/cb": "reverse domain",
    "myapp://callback": "reverse domain",
    "cursor://anysphere.cursor-mcp/oauth/callback2": "reverse domain",
    "cursor://anysphere.cursor-mcp/oauth/callback?x=1": "reverse domain",
    "com.example.app:callback": "reverse domain",
    "HTTPS://app.example/cb": "reverse domain",
    "//app.example/cb": "reverse domain",
    "/cb": "reverse domain",
}


@pytest.mark.requirement("O2", "O22")
@pytest.mark.parametrize("uri", GOOD)
def test_these_may_be_registered(uri: str) -> None:
    check_registrable(uri)


@pytest.mark.requirement("O2", "O22", "V1.2.2")
@pytest.mark.parametrize("uri", BAD, ids=lambda uri: uri[:40] or "empty")
def test_these_may_not_and_it_says_why(uri: str) -> None:
    with pytest.raises(RedirectRefused, match=BAD[uri]):
        check_registrable(uri)


@pytest.mark.requirement("O2")
@pytest.mark.parametrize("uri", GOOD)
def test_an_address_matches_itself(uri: str) -> None:
    assert matches([uri], uri)


@pytest.mark.requirement("O2")
@pytest.mark.parametrize(
    "presented",
    [
        "https://app.example/callback/",
        "https://app.example/callback?",
        "https://app.example/callback?x=1",
        "https://app.example/Callback",
        "https://APP.example/callback",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example/%63allback",
        "https://app.example/x/../callback",
        "https://app.example/callback#",
        "https://app.example.evil.example/callback",
        "https://sub.app.example/callback",
        "http://app.example/callback",
        "https://app.example",
        "",
    ],
)
def test_nothing_matches_that_differs_in_any_way(presented: str) -> None:
    assert not matches(["https://app.example/callback"], presented)


@pytest.mark.requirement("O2")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_on_loopback_any_port_matches_and_nothing_else_may_differ(host: str) -> None:
    registered = [f"http://{host}:1000/cb?a=1"]
    assert matches(registered, f"http://{host}:65000/cb?a=1")
    assert matches(registered, f"http://{host}/cb?a=1")
    assert matches([f"http://{host}/cb"], f"http://{host}:5/cb")
    for other in ("/cb", "/cb?a=2", "/cb/?a=1", "?a=1"):
        assert not matches(registered, f"http://{host}:1000{other}")
    assert not matches(registered, f"https://{host}:65000/cb?a=1")


@pytest.mark.requirement("O2")
def test_one_name_of_loopback_is_not_another() -> None:
    assert not matches(["http://localhost/cb"], "http://127.0.0.1:1/cb")
    assert not matches(["http://127.0.0.1/cb"], "http://[::1]:1/cb")


@pytest.mark.requirement("O2")
@pytest.mark.parametrize(
    "presented",
    [
        "http://127.0.0.1:1@evil.example/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:123456/cb",
        "http://127.0.0.1:x/cb",
    ],
)
def test_what_only_looks_like_a_port_is_none(presented: str) -> None:
    assert not matches(["http://127.0.0.1/cb"], presented)


@pytest.mark.requirement("O2")
def test_elsewhere_the_port_counts() -> None:
    assert not matches(["https://app.example:1/cb"], "https://app.example:2/cb")
    assert not matches(["https://localhost:1/cb"], "https://localhost:2/cb")


@pytest.mark.requirement("O2")
@given(st.text(max_size=60))
def test_nothing_matches_that_could_not_be_registered(text: str) -> None:
    try:
        check_registrable(text)
    except RedirectRefused:
        assert not matches([text], text)


@pytest.mark.requirement("O8", "O9")
@pytest.mark.parametrize(
    ("uri", "host", "origin", "loopback"),
    [
        ("https://app.example/cb", "app.example", "https://app.example", False),
        ("https://app.example:8443/cb?x=/y", "app.example:8443", "https://app.example:8443", False),
        ("http://localhost:33418/", "localhost:33418", "http://localhost:33418", True),
        ("http://127.0.0.1:9/cb?https://x", "127.0.0.1:9", "http://127.0.0.1:9", True),
        ("http://[::1]:9/cb", "[::1]:9", "http:", True),
        ("https://localhost:9/cb", "localhost:9", "https://localhost:9", True),
        ("https://localhost.example/cb", "localhost.example", "https://localhost.example", False),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp", "cursor:", False),
        ("com.example.app:/cb", "com.example.app:", "com.example.app:", False),
    ],
)
def test_what_people_and_policies_are_told_of_an_address(uri: str, host: str, origin: str, loopback: bool) -> None:
    assert redirects.host_of(uri) == host
    assert redirects.origin_of(uri) == origin
    assert redirects.is_loopback(uri) is loopback

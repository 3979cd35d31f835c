"""Resources: the addresses that tokens are for, in all the ways in which they are written, and nobody else's."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import settings
from chalicelib.identity.slugs import SLUG
from chalicelib.oauth.errors import OAuthError
from chalicelib.oauth.resources import Resource, parse_resource, written

ANY = Resource()
SHOP = Resource("acme", "shop")


@pytest.fixture(params=["https://logs.example", "http://127.0.0.1:8000"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SCRY_URL", request.param)
    settings.current.cache_clear()
    return str(request.param)


@pytest.mark.requirement("O6")
@pytest.mark.parametrize("path", ["", "/", "/mcp", "/mcp/", "//"])
def test_the_site_itself_and_what_is_left_out_mean_any_project(url: str, path: str):
    assert parse_resource(url + path) == ANY
    assert parse_resource("") == ANY
    assert written(ANY) == f"{url}/mcp"


@pytest.mark.requirement("O6")
@pytest.mark.parametrize("path", ["/mcp/acme/shop", "/mcp/acme/shop/"])
def test_an_address_of_a_project_means_that_project(url: str, path: str):
    assert parse_resource(url + path) == SHOP
    assert written(SHOP) == f"{url}/mcp/acme/shop"


@pytest.mark.requirement("O6")
def test_the_case_of_the_host_and_a_port_that_goes_without_saying_mean_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCRY_URL", "https://logs.example")
    settings.current.cache_clear()
    for text in ("HTTPS://Logs.Example/mcp/acme/shop", "https://logs.example:443/mcp/acme/shop"):
        assert parse_resource(text) == SHOP


@pytest.mark.requirement("O6")
def test_this_machine_has_several_names(monkeypatch: pytest.MonkeyPatch):
    assert parse_resource("http://localhost:8000/mcp/acme/shop") == SHOP
    assert parse_resource("http://[::1]:8000/mcp") == ANY


@pytest.mark.requirement("O6", "S6")
@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/mcp/acme/shop",
        "https://logs.example.evil.example/mcp",
        "https://evil.example@logs.example/mcp",
        "https://logs.example@evil.example/mcp",
        "http://logs.example/mcp",
        "https://logs.example:8443/mcp",
        "https://logs.example:x/mcp",
        "https://logs.example/mcp?x=1",
        "https://logs.example/mcp?",
        "https://logs.example/mcp#x",
        "https://logs.example/mcp#",
        "https://logs.example/MCP",
        "https://logs.example/mcp/acme",
        "https://logs.example/mcp/acme/shop/x",
        "https://logs.example/mcp/acme/%73hop",
        "https://logs.example/mcp/../mcp",
        "https://logs.example/mcp/acme/Shop",
        "https://logs.example/mcp/-/shop",
        "https://logs.example/api",
        "https://logs.example\\mcp",
        "//logs.example/mcp",
        "/mcp/acme/shop",
        "mcp",
        "urn:scrywatch:mcp",
        "https://[::1/mcp",
        "\ud800",
        "*",
    ],
)
def test_what_is_not_ours_is_refused(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SCRY_URL", "https://logs.example")
    settings.current.cache_clear()
    with pytest.raises(OAuthError) as refused:
        parse_resource(text)
    assert refused.value.code == "invalid_target"


@pytest.mark.requirement("O6")
@given(org=st.from_regex(SLUG, fullmatch=True), project=st.from_regex(SLUG, fullmatch=True))
def test_what_is_written_is_read_as_what_it_was(org: str, project: str):
    assert parse_resource(written(Resource(org, project))) == Resource(org, project)


@given(st.text())
def test_no_text_does_anything_but_be_read_or_refused(text: str):
    with suppress(OAuthError):
        found = parse_resource(text)
        assert parse_resource(written(found)) == found

"""One source of configuration at a time: a key goes only where it was said to go."""

import json

import pytest

from scry.configuration import configuration
from scry.errors import NotConfigured

ENVIRONMENT = {"SCRY_URL": "https://logs.example.com/", "SCRY_KEY": "ing", "SCRY_QUERY_KEY": "qry", "SCRY_ORG": "o",
               "SCRY_PROJECT": "p"}  # fmt: skip
READY = {"url": "http://127.0.0.1:8000", "ingest_key": "local", "query_key": "localq", "org": "lo", "project": "lp",
         "password": "secret"}  # fmt: skip


@pytest.fixture
def ready(here):
    path = here / ".local/ready.json"
    path.parent.mkdir()
    path.write_text(json.dumps(READY))
    return path


def test_the_ready_file_beside_make_run_needs_no_word(ready):
    found = configuration({})
    assert (found.url, found.ingest_key, found.query_key, found.org, found.project) == (
        "http://127.0.0.1:8000", "local", "localq", "lo", "lp",
    )  # fmt: skip


def test_the_environment_comes_before_it_as_a_whole(ready):
    found = configuration({"SCRY_URL": "https://logs.example.com", "SCRY_KEY": "ing"})
    assert (found.url, found.ingest_key, found.query_key, found.org) == ("https://logs.example.com", "ing", "", "")


def test_a_named_ready_file_comes_before_the_environment_as_a_whole(ready):
    assert configuration(ENVIRONMENT, ready=ready).ingest_key == "local"


def test_a_key_without_an_address_goes_nowhere(ready):
    for variable in ("SCRY_KEY", "SCRY_QUERY_KEY"):
        with pytest.raises(NotConfigured, match=f"{variable} is set but SCRY_URL is not"):
            configuration({variable: "x"})


def test_organisation_and_project_can_be_others(ready):
    found = configuration({}, org="other", project="site")
    assert (found.org, found.project) == ("other", "site")


def test_what_is_missing_is_named(here):
    found = configuration({"SCRY_URL": "https://logs.example.com"})
    with pytest.raises(NotConfigured, match=r"the environment gives no query key \(set SCRY_QUERY_KEY"):
        found.needed("query_key", "SCRY_QUERY_KEY")


@pytest.mark.parametrize(
    "url", ["logs.example.com", "ftp://x", "http://", "https://x:port", "https://[", "file:///etc"]
)
def test_an_address_that_is_none_is_refused(here, url):
    with pytest.raises(NotConfigured, match="no usable URL"):
        configuration({"SCRY_URL": url})


@pytest.mark.parametrize("key", ["a\r\nX: y", "a b", "schlüssel"])
def test_a_key_that_would_break_a_header_is_refused_and_not_shown(here, key):
    with pytest.raises(NotConfigured) as refused:
        configuration({"SCRY_URL": "https://x", "SCRY_KEY": key})
    assert key not in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{", "nonsense"])
def test_a_broken_ready_file_is_named(here, content):
    path = here / "ready.json"
    path.write_text(content)
    with pytest.raises(NotConfigured, match=r"ready\.json"):
        configuration({}, ready=path)


def test_a_ready_file_that_is_not_there_is_named(here):
    with pytest.raises(NotConfigured, match="No such file"):
        configuration({}, ready=here / "none.json")


@pytest.mark.parametrize(
    ("url", "unencrypted"),
    [
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("https://x.example", False),
        ("http://x.example", True),
    ],
)
def test_only_a_key_that_leaves_the_machine_in_the_clear_is_unencrypted(here, url, unencrypted):
    assert configuration({"SCRY_URL": url}).unencrypted is unencrypted

"""What pages are made of: examples that run, promises that exist, prices that add up, codes that can be scanned."""

import ast
import json
import re
import shlex
from pathlib import Path

import pytest

from chalicelib.identity.api_keys import KEY
from chalicelib.routes.pages import prices, promises
from chalicelib.routes.pages.agents import agent_name
from chalicelib.routes.pages.examples import examples
from chalicelib.routes.pages.qr import QUIET, qr_code
from infra.preview.frames import KEY as SAMPLE_KEY

ROOT = Path(__file__).parents[2]
URL = "https://scry.example.com"


def test_every_example_holds_the_address_and_the_key():
    for example in examples(URL, SAMPLE_KEY):
        assert URL in example.text
        assert SAMPLE_KEY in example.text


def test_without_a_key_no_example_holds_one():
    for example in examples(URL, ""):
        assert KEY.search(example.text) is None


def test_the_curl_is_one_command_with_an_event_in_it():
    [curl] = [example.text for example in examples(URL, SAMPLE_KEY) if example.id == "curl"]
    words = shlex.split(curl)
    assert words[:2] == ["curl", f"{URL}/api/ingest"]
    assert json.loads(words[-1])["message"]


def test_the_python_example_is_python():
    [python] = [example.text for example in examples(URL, SAMPLE_KEY) if example.id == "python"]
    ast.parse(python)


def test_all_promises_are_shown_by_their_numbers():
    written = re.findall(r"^- \*\*([SIWOM]\d+)\*\*", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE)
    assert [each.number for group in promises.groups() for each in group.promises] == written
    assert {each.number for each in promises.first()} <= set(written)


def test_prices_are_those_that_were_measured():
    table = (ROOT / "docs" / "benchmarks.md").read_text()
    for measured in prices.MEASURED:
        figures = re.findall(
            rf"dollars a million, stored for a month, N={measured.batch}(?:, merged)? +([\d.]+)", table
        )
        assert str(measured.dollars) in [figures[-1], figures[-1].rstrip("0")]


def test_more_events_in_a_request_cost_less():
    totals = [price.total for price in prices.table()]
    assert totals == sorted(totals, reverse=True)


def test_a_qr_code_has_its_three_eyes():
    code = qr_code("otpauth://totp/Scrywatch:ada@example.com?secret=JBSWY3DPEHPK3PXP&issuer=Scrywatch")
    last = code.size - QUIET - 7
    for x, y in ((QUIET, QUIET), (last, QUIET), (QUIET, last)):
        assert f"M{x} {y}h7v1h-7z" in code.path
    assert not re.search(r"[^Mhvz\d -]", code.path)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0.0.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        ("curl/8.5.0", "curl"),
        ("something else", "something else"),
        ("", "Unnamed program"),
    ],
)
def test_a_session_is_listed_under_a_name_that_its_owner_knows(agent, name):
    assert agent_name(agent) == name

"""What is written about the protocol and its tools is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.events.patterns import LOOKED_AT
from chalicelib.events.query.fields import FIELDS
from chalicelib.events.query.language import parse
from chalicelib.events.query.patterns import MOST_PATTERNS
from chalicelib.mcp.catalogue import REGISTRY
from chalicelib.mcp.errors import LEGACY_STATUS, STATUS
from chalicelib.mcp.protocol import LARGEST
from chalicelib.mcp.resources import LANGUAGE
from chalicelib.mcp.text import BYTES_PER_TOKEN, MOST_MEMBERS, TOKENS
from chalicelib.mcp.versions import LEGACY, MODERN

PAGE = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
SHORT = LANGUAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\| `(.+?)` \|", SHORT, re.MULTILINE)


def test_the_page_lists_the_tools_in_their_order():
    listed = re.findall(r"^\| `(\w+)` \| \w", PAGE, re.MULTILINE)
    assert listed == [tool.name for tool in REGISTRY.tools]
    assert len(listed) <= 8


def test_the_page_names_every_resource_prompt_version_and_code():
    named = [*(each.uri for each in REGISTRY.resources), *(each.name for each in REGISTRY.prompts), *MODERN, *LEGACY]
    assert not [name for name in named if name not in PAGE]
    told = dict(re.findall(r"^\| (-\d+) \| ([\d, ]+) \|", PAGE, re.MULTILINE))
    assert told.keys() == {str(code) for code in STATUS}
    assert all(str(status) in told[str(code)] for code, status in STATUS.items())
    assert set(LEGACY_STATUS.values()) == {200}


def test_the_page_tells_the_limits_as_they_are():
    limits = (
        f"{LARGEST // 1024} KB", f"{TOKENS:,} tokens", f"divided by {BYTES_PER_TOKEN}", f"{MOST_MEMBERS} members",
        f"first {LOOKED_AT} characters", f"{MOST_PATTERNS:,} patterns",
    )  # fmt: skip
    for told in limits:
        assert told in " ".join(PAGE.split()), told


@pytest.mark.parametrize("query", EXAMPLES)
def test_an_example_that_models_read_is_understood(query):
    parse(query)


def test_models_are_told_every_field():
    assert len(EXAMPLES) > 10
    assert not [field.name for field in FIELDS if not re.search(rf"\b{field.name}\b", SHORT)]


@pytest.mark.requirement("W2")
def test_nothing_of_it_is_imported_before_the_first_message():
    loaded = "*[name for name in sys.modules if name.startswith('chalicelib.mcp')]"
    program = f"import app, chalicelib.routes.mcp, sys; print({loaded})"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert finished.stdout.split() == []

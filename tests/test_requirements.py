"""Every promise of docs/promises.md is tested, or stands here as not due yet."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

NOT_DUE_YET = {
    "assistants: OAuth and MCP": (
        "S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 S13 S32 " + " ".join(f"O{number}" for number in range(1, 30)) + " M1 M2 M3 M4"
    ),
    "deployed, kept, purged, erased": "S33 S38 S39 S40 S41 S42 S43 I8",
    "OpenTelemetry logs": "W5",
}
"""Ids by the work that brings them. This list only shrinks."""


def promised() -> set[str]:
    return set(re.findall(r"^- \*\*([SIWOM]\d+)\*\*", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE))


def named_by_tests() -> dict[str, list[str]]:
    """Requirement ids, each with the tests that name it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement":
                for argument in node.args:
                    assert isinstance(argument, ast.Constant), f"{path}: requirement ids are written out"
                    found.setdefault(str(argument.value), []).append(f"{path.name}:{node.lineno}")
    return found


def not_due_yet() -> list[str]:
    return [each for ids in NOT_DUE_YET.values() for each in ids.split()]


def test_every_promise_is_tested_or_not_due_yet():
    missing = promised() - set(named_by_tests()) - set(not_due_yet())
    assert not missing, f"no test names {sorted(missing)}"


def test_tests_name_promises_that_exist():
    unknown = {each: places for each, places in named_by_tests().items() if each not in promised()}
    assert not unknown


def test_what_is_not_due_yet_is_promised_once():
    listed = not_due_yet()
    assert len(listed) == len(set(listed))
    assert set(listed) <= promised()


@pytest.mark.parametrize("kind", "SIWOM")
def test_promises_are_numbered_without_gaps(kind):
    numbers = sorted(int(each[1:]) for each in promised() if each[0] == kind)
    assert numbers == list(range(1, len(numbers) + 1))

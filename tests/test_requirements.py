"""Every promise of docs/promises.md and every item of the ASVS is tested, does not apply, or is not due yet."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

NOT_DUE_YET = {
    "OpenTelemetry logs": "W5",
}
"""Ids by the work that brings them. This list only shrinks."""

ASVS_NOT_DUE_YET: dict[str, str] = {}
"""Items of the standard, or whole chapters, by the work that brings them: nothing is left."""

ASVS_LEVEL_3 = (
    "V3.4.7 V3.4.8 V3.5.5 V3.5.6 V3.5.7 V3.5.8 V6.3.7 V6.3.8 V7.5.3 V8.3.2 V8.3.3 V10.4.12 V11.2.4 V13.3.4 V14.2.5 "
    "V14.2.7 V15.4.1 V15.4.2 V15.4.3 V16.5.4"
)
"""Those of level 3 that are promised. All of levels 1 and 2 are, where they apply."""

SECURITY = (ROOT / "docs" / "security.md").read_text()
MANIFEST, DOES_NOT_APPLY = SECURITY.partition("\n## Manifest\n")[2].split("\n## Does not apply\n")


def promised() -> set[str]:
    """What docs/promises.md promises, and the manifest of docs/security.md."""
    return promises() | set(manifest())


def promises() -> set[str]:
    return set(re.findall(r"^- \*\*([SIWOM]\d+)\*\*", (ROOT / "docs" / "promises.md").read_text(), re.MULTILINE))


def manifest() -> list[str]:
    return re.findall(r"^- \*\*(V[\d.]+)\*\*", MANIFEST.partition("\n### Deviations\n")[0], re.MULTILINE)


def does_not_apply() -> list[str]:
    return re.findall(r"\bV\d+\.\d+\.\d+", DOES_NOT_APPLY)


def standard() -> dict[str, int]:
    """Every item of OWASP ASVS 5.0 with its level."""
    rows = (line.split() for line in (ROOT / "tests" / "asvs.txt").read_text().splitlines())
    return {f"V{number}": int(level) for number, level in rows}


def asvs_not_due_yet() -> list[str]:
    """Item by item, those of whole chapters too."""
    named = [each for ids in ASVS_NOT_DUE_YET.values() for each in ids.split()]
    return [item for item in standard() for each in named if item == each or item.startswith(f"{each}.")]


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
    assert set(listed) <= promises()


def test_every_item_of_the_standard_is_promised_or_does_not_apply_or_is_not_due_yet():
    wanted = {item for item, level in standard().items() if level < 3} | set(ASVS_LEVEL_3.split())
    missing = wanted - set(manifest()) - set(does_not_apply()) - set(asvs_not_due_yet())
    assert not missing, f"docs/security.md says nothing of {sorted(missing)}"


def test_an_item_of_the_standard_stands_in_one_place():
    listed = manifest() + does_not_apply() + asvs_not_due_yet()
    assert {each for each in listed if listed.count(each) > 1} == set()
    assert set(listed) <= standard().keys()


def test_whatever_does_not_apply_has_its_reason():
    reasons = [line for line in DOES_NOT_APPLY.splitlines() if line]
    assert reasons
    for line in reasons:
        assert re.fullmatch(r"- [^:]{10,}: V\d+\.\d+\.\d+(, V\d+\.\d+\.\d+)*\.", line), line


def test_the_manifest_is_in_the_order_of_the_standard_and_in_few_words():
    order = list(standard())
    assert manifest() == sorted(manifest(), key=order.index)
    for words in re.findall(r"^- \*\*V[\d.]+\*\* (.+)$", MANIFEST.partition("\n### Deviations\n")[0], re.MULTILINE):
        assert len(words.split()) <= 12, words


def test_whatever_deviates_is_promised():
    deviating = re.findall(r"\*\*(V[\d.]+)\*\*", MANIFEST.partition("\n### Deviations\n")[2])
    assert deviating
    assert set(deviating) <= set(manifest())


@pytest.mark.parametrize("kind", "SIWOM")
def test_promises_are_numbered_without_gaps(kind):
    numbers = sorted(int(each[1:]) for each in promises() if each[0] == kind)
    assert numbers == list(range(1, len(numbers) + 1))

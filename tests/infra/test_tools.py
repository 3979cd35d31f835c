"""What npm and pip bring for tests is pinned to the version, npm's to the byte, and what is missing says so."""

import json
import re

import pytest

from infra import browser, clients
from infra.tools import NpmTools, PythonTools, ToolUnavailable, run

NPM = [browser.TOOLS, clients.NPM]
PYTHON = list(clients.PYTHON.values())


@pytest.mark.parametrize("tools", NPM, ids=lambda tools: tools.name)
def test_every_npm_package_is_pinned_by_version_and_digest(tools):
    package, lock = (json.loads(path.read_text()) for path in tools.pins)
    assert all(re.fullmatch(r"\d+(\.\d+)+(-alpha\.\d+)?", version) for version in package["dependencies"].values())
    assert lock["packages"].pop("")["dependencies"] == package["dependencies"]
    assert len(lock["packages"]) > len(package["dependencies"])
    assert all(pinned["integrity"].startswith("sha512-") for pinned in lock["packages"].values())


@pytest.mark.parametrize("tools", NPM, ids=lambda tools: tools.name)
def test_no_pin_names_a_registry(tools):
    _, lock = (json.loads(path.read_text()) for path in tools.pins)
    assert not any("resolved" in pinned for pinned in lock["packages"].values())


@pytest.mark.parametrize("tools", PYTHON, ids=lambda tools: tools.name)
def test_every_python_package_is_pinned_with_all_that_it_needs(tools):
    asked, *pins = tools.requirements.read_text().splitlines()
    assert asked.startswith("# ")
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    tools.installed()
    named = {re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins}
    there = {re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower() for path in tools.folder.glob("*.dist-info")}
    assert there == named


def test_other_pins_are_another_folder(tmp_path):
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("left-pad==1.0\n")
    before = PythonTools("pads", "pads", requirements).folder
    requirements.write_text("left-pad==1.1\n")
    assert PythonTools("pads", "pads", requirements).folder != before


def test_what_is_missing_says_what_installs_it(tmp_path):
    for name in ("package.json", "package-lock.json"):
        (tmp_path / name).write_text("{}")
    tools = NpmTools("pads", "clients", tmp_path)
    with pytest.raises(ToolUnavailable, match=r"pads-[0-9a-f]{8} is not installed: `make clients` does it"):
        tools.installed()


@pytest.mark.parametrize(
    ("command", "said"),
    [(["no-such-installer"], "no-such-installer cannot be run"), (["false"], "false failed: exit status 1")],
)
def test_an_installer_that_fails_is_an_error_in_one_line(command, said):
    with pytest.raises(ToolUnavailable, match=said):
        run(command)

"""Moves every pin to the newest version: the Python requirements, the embedded engine, the tools that only tests use.

It only rewrites the files; `make upgrade` installs afterwards, and `make test` says whether that was wise.
"""

import datetime as dt
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra import browser, clients
from infra.deploy.ages import looked_through_on
from infra.deploy.bundle import PINS as SHIPPED
from infra.engine_binary import PINS, ROOT
from infra.tools import NPM_OPTIONS, NpmTools, PythonTools

REQUIREMENTS: Final = tuple(ROOT / f"requirements{kind}.txt" for kind in ("", "-function", "-dev", "-bench"))

CLIENTS: Final = {
    "mcp-1": "mcp<2",
    "mcp-2": "mcp",
    "authlib": "authlib httpx",
    "mcp-authlab": "mcp-authlab",
    "ministack": "ministack",
    "schemathesis": "schemathesis",
    "wapiti": "wapiti3",
}
"""What is asked for in each folder of Python packages; what that needs in its turn is pinned beside it."""

_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^]]*])?==(?P<version>[^;\s]+)", re.MULTILINE)


def repinned(text: str, newest: Mapping[str, str]) -> str:
    """A requirements file with newer versions, where there are any. Markers, extras and comments stay."""

    def pin(found: re.Match[str]) -> str:
        version = newest.get(canonical(found["name"]), found["version"])
        return f"{found['name']}{found['extras'] or ''}=={version}"

    return _PIN.sub(pin, text)


def canonical(name: str) -> str:
    """PEP 503: the one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Rewrites the pins and prints what moved."""
    newest = _newest_packages()
    for path in REQUIREMENTS:
        _rewrite(path, repinned(path.read_text(), newest))
    _rewrite(SHIPPED, looked_through_on(SHIPPED.read_text(), dt.datetime.now(dt.UTC).date()))
    _rewrite(PINS, _repinned_engine(PINS.read_text()))
    for tools in (browser.TOOLS, clients.NPM):
        _upgrade_node(tools)
    for name, wanted in CLIENTS.items():
        _upgrade_python(clients.PYTHON[name], wanted.split())
    return 0


def _upgrade_node(tools: NpmTools) -> None:
    package, lock = tools.pins
    _rewrite(package, _repinned_tools(package.read_text()))
    # What the tools need in their turn. A digest is enough to know it by: registries have mirrors.
    lock.unlink()
    relock = ["npm", "install", "--package-lock-only", "--omit-lockfile-registry-resolved", *NPM_OPTIONS]
    subprocess.run(relock, check=True, cwd=package.parent)


def _upgrade_python(tools: PythonTools, wanted: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", "--target", folder, *wanted], check=True)
        listed = [*pip, "list", "--path", folder, "--format=freeze"]
        pins = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    what_it_is = tools.requirements.read_text().partition("\n")[0]
    _rewrite(tools.requirements, f"{what_it_is}\n{pins}")


def _newest_packages() -> dict[str, str]:
    pip = [sys.executable, "-m", "pip", "list", "--outdated", "--format=json", "--disable-pip-version-check"]
    outdated = json.loads(subprocess.run(pip, check=True, capture_output=True, text=True).stdout)
    return {canonical(package["name"]): package["latest_version"] for package in outdated}


def _repinned_engine(text: str) -> str:
    pins = json.loads(text)
    for package in pins["packages"].values():
        found = json.loads(_npm_view(package["package"], "version", "dist.integrity"))
        pins["version"], package["integrity"] = found["version"], found["dist.integrity"]
    return json.dumps(pins, indent=2) + "\n"


def _repinned_tools(text: str) -> str:
    pins = json.loads(text)
    for name, pinned in pins["dependencies"].items():
        # A package that is only published as a prerelease has an older `latest`.
        if "-" not in pinned:
            pins["dependencies"][name] = json.loads(_npm_view(name, "version"))
    return json.dumps(pins, indent=2) + "\n"


def _npm_view(package: str, *fields: str) -> str:
    npm = ["npm", "view", package, *fields, "--json", "--silent"]
    return subprocess.run(npm, check=True, capture_output=True, text=True).stdout


def _rewrite(path: Path, text: str) -> None:
    before = path.read_text()
    moved = [line for line in text.splitlines() if line not in before.splitlines()]
    path.write_text(text)
    print(*(f"{path.name}: {line.strip()}" for line in moved), sep="\n", end="\n" if moved else "")


if __name__ == "__main__":
    sys.exit(main())

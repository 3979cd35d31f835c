"""The import contracts know every room: one that is added and not listed would be free to import anything."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

ALLOWED = {
    "chalice": {"web", "routes", "jobs"},
    "jinja2": {"web"},
    "boto3": {"storage", "outside"},
    "pynamodb": {"storage"},
}


def rooms() -> set[str]:
    inside = (ROOT / "chalicelib").iterdir()
    return {path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}


@pytest.mark.parametrize("library", ALLOWED)
def test_every_room_but_the_allowed_ones_is_forbidden_the_library(library):
    [contract] = [contract for contract in CONTRACTS if contract.get("forbidden_modules", [""])[0] == library]
    listed = {module.removeprefix("chalicelib.") for module in contract["source_modules"]} & rooms()
    assert listed == rooms() - ALLOWED[library]


def test_every_room_has_its_layer():
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    placed = {room.strip().strip("()") for layer in layers for room in layer.split("|")}
    assert rooms() <= placed

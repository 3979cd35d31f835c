"""Clients, suites and scanners that strangers wrote, each in its pinned version: what the product is tried with.

`make clients` installs them. The Node that runs some of them is the one that Playwright brings.
"""

from pathlib import Path
from typing import Final

from infra.browser import NODE
from infra.tools import NpmTools, PythonTools

__all__ = ["NODE", "NPM", "PYTHON"]

_PINNED_IN: Final = Path(__file__).parent

NPM: Final = NpmTools("clients", "clients", _PINNED_IN)

PYTHON: Final = {
    name: PythonTools(name, "clients", _PINNED_IN / f"requirements-{name}.txt")
    for name in ("mcp-1", "mcp-2", "authlib", "mcp-authlab", "ministack", "schemathesis", "wapiti")
}
"""Each in a folder of its own: no environment holds two versions of the SDK."""

"""The routes of the app as these tests walk them, and what the parameters in their paths stand for."""

import re
from collections.abc import Mapping

from app import app
from chalicelib.web.declaration import Declaration
from chalicelib.web.routing import declarations
from tests.permissions.cast import Tenant

ROUTES = sorted(declarations(app), key=lambda each: (each.path, each.method))
ANYTHING = re.compile(r"/[^/{]+/{\w+}|/{\w+}")
"""A parameter with the word before it, which says what it names: `/keys/{key}`."""


def title(route: Declaration) -> str:
    return f"{route.method} {route.path}"


def named(route: Declaration) -> list[str]:
    """What the path names, in its order."""
    return ANYTHING.findall(route.path)


def path(route: Declaration, tenant: Tenant, swapped: Mapping[str, str] | None = None) -> str:
    """The path with everything as it is called there. Raises `KeyError` for a parameter that no tenant has."""
    values = {**tenant.parameters, **(swapped or {})}

    def value(found: re.Match[str]) -> str:
        return re.sub(r"{\w+}", values[found[0]], found[0])

    return ANYTHING.sub(value, route.path)

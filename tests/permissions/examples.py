"""Bodies that a route takes, made from what it declares that it reads."""

from typing import Any

from msgspec import Struct

from chalicelib.web.bodies import JSON
from chalicelib.web.declaration import Body, Declaration
from chalicelib.web.parameters import schema

KNOWN: dict[str, Any] = {
    "email": "somebody@else.example",
    "password": "a long enough passphrase 7",
    "current": "a long enough passphrase 6",
    "code": "123456",
    "slug": "other",
    "events": [],
}
"""What fields of these names hold. Others are told by their types."""


def body(route: Declaration) -> dict[str, Any] | None:
    """All fields of what the route reads, in JSON's own types; None if it reads nothing."""
    shape = route.body.shape if isinstance(route.body, Body) else route.body
    if shape is None or not issubclass(shape, Struct):
        return None
    described = schema(shape)
    return {name: _example(name, one) for name, one in described["properties"].items()}


def reads_json(route: Declaration) -> bool:
    return isinstance(route.body, type) or (route.body is not None and JSON in route.body.media_types)


def _example(name: str, described: dict[str, Any]) -> Any:
    if name in KNOWN:
        return KNOWN[name]
    if "anyOf" in described:
        return _example(name, described["anyOf"][0])
    if "enum" in described:
        return described["enum"][0]
    match described.get("type"):
        case "integer" | "number":
            return described.get("minimum", 1)
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return {}
        case _:
            return "x".ljust(described.get("minLength", 1), "x")

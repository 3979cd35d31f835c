"""Query parameters, read into a struct that says what each may be. What is refused says what would be accepted."""

import re
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from chalicelib.web.problems import ParameterWrong
from chalicelib.web.request import Request

Shape = TypeVar("Shape", bound=Struct)


def parameters(request: Request, shape: type[Shape]) -> Shape:
    """The request's parameters. An empty one counts as absent. Raises `ParameterWrong`.

    An unknown parameter is refused: leaving it out would answer another question than the one that was asked.
    """
    known = schema(shape)["properties"]
    for name in request.query:
        if name not in known:
            raise ParameterWrong(name, _unknown(name, list(known)))
        if name in request.repeated:
            raise ParameterWrong(name, f"`{name}` was given more than once.")
    given = {name: value for name, value in request.query.items() if value != ""}
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as refusal:
        name = _named(refusal)
        raise ParameterWrong(
            name, f"`{name}` must be {_accepted(known[name])}, not `{given.get(name, '')[:80]}`."
        ) from refusal


@cache
def schema(shape: type[Struct]) -> dict[str, Any]:
    """The JSON Schema of the parameters: properties by name, and which are required."""
    _, components = msgspec.json.schema_components([shape], ref_template="#/{name}")
    found: dict[str, Any] = components[shape.__name__]
    return found


def _unknown(name: str, known: list[str]) -> str:
    import difflib  # 1 ms of a cold start, for those alone who mistype

    near = difflib.get_close_matches(name[:64], known, n=1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    return f"There is no parameter `{name[:64]}`.{meant} There are: {', '.join(known)}."


def _named(refusal: msgspec.ValidationError) -> str:
    place = re.search(r"\$\.(\w+)", str(refusal)) or re.search(r"field `(\w+)`", str(refusal))
    assert place is not None, "every parameter has a name"
    return place[1]


def _accepted(described: dict[str, Any]) -> str:
    if "enum" in described:
        return "one of " + ", ".join(map(str, described["enum"]))
    if described.get("type") == "integer":
        return f"a whole number from {described['minimum']} to {described['maximum']}"
    return f"at most {described['maxLength']} characters" if "maxLength" in described else "text"

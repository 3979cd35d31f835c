"""Arguments of tools, described and read by one struct: what a schema says is what is checked.

Models make small mistakes that mean only one thing: a number in quotes, a time as a number, a list as text with commas.
Those are understood. Everything else is refused with what to write instead.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from chalicelib.events.query.fields import closest
from chalicelib.mcp.errors import ArgumentsWrong
from chalicelib.mcp.text import shown

Shape = TypeVar("Shape", bound=Struct)


def schema(shape: type[Struct]) -> dict[str, Any]:
    """JSON Schema 2020-12 of a struct, whose root is an object (MCP: `inputSchema`, `outputSchema`)."""
    (root,), components = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    name = root["$ref"].removeprefix("#/$defs/")
    described = {key: value for key, value in components.pop(name).items() if key != "title"}
    for part in (described, *components.values()):
        _name_types(part)
    return described | ({"$defs": components} if components else {})


def output_schema(shape: type[Struct]) -> dict[str, Any]:
    """The same of an answer, in few words: hosts put it before a model with every conversation."""
    bare: dict[str, Any] = _bare(schema(shape))
    return bare


def read_arguments(given: Mapping[str, Any], shape: type[Shape]) -> Shape:
    """The arguments as a struct. Raises `ArgumentsWrong`."""
    known = schema(shape)["properties"]
    for name in given:
        if name not in known:
            raise ArgumentsWrong(_unknown(name, known))
    meant = {name: _meant(value, known[name]) for name, value in given.items() if value is not None}
    try:
        return msgspec.convert(meant, shape, strict=False)
    except msgspec.ValidationError as refusal:
        found = re.search(r"\$\.(\w+)", str(refusal)) or re.search(r"field `(\w+)`", str(refusal))
        name = found[1] if found else ""
        raise ArgumentsWrong(f"`{name}` {_wanted(known.get(name, {}), meant.get(name))}") from refusal


def _bare(described: Any) -> Any:
    """Without what only explains. Names of fields stay, whatever they are."""
    if not isinstance(described, dict):
        return described
    kept = {key: value for key, value in described.items() if key not in ("description", "default", "title")}
    fields = {name: _bare(part) for name, part in kept.get("properties", {}).items()}
    return {key: _bare(value) for key, value in kept.items()} | ({"properties": fields} if fields else {})


def _name_types(described: Any) -> None:
    """Some hosts read the type alone, which msgspec leaves out beside an enumeration."""
    if isinstance(described, dict):
        if "enum" in described:
            described["type"] = "string"
        for part in described.values():
            _name_types(part)


def _meant(value: Any, described: Mapping[str, Any]) -> Any:
    if described.get("type") == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if described.get("type") == "array" and isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    near = _OTHER_NAMES.get(name.lower()) or closest(name, known)
    meant = f"did you mean `{near}`? " if near in known else ""
    return f"no argument {shown(name)}; {meant}There are: {', '.join(known)}."


_OTHER_NAMES: Final = {
    "query": "q", "filter": "q", "search": "q", "start": "from", "start_time": "from", "end": "to", "end_time": "to",
    "until": "to", "range": "since", "period": "since", "group_by": "by", "event_id": "id", "max": "limit",
    "size": "limit",
}  # fmt: skip
"""What other tools call the same."""


def _wanted(described: Mapping[str, Any], value: Any) -> str:
    if value is None:
        return "is needed."
    if "enum" in described:
        return f"must be one of {', '.join(described['enum'])}."
    if described.get("type") == "integer":
        return f"must be a whole number from {described['minimum']} to {described['maximum']}."
    if described.get("type") == "array":
        return f"must be a list of at most {described.get('maxItems')} texts."
    return f"must be text of at most {described.get('maxLength', 'some')} characters."

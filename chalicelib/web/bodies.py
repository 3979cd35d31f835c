"""Bodies of account requests, JSON or a form, read into a struct that says what each field may be.

What the struct does not name is refused, and so is a name that comes twice: between two readings of one body an
attacker would choose. Control characters are refused too, in all but passwords: none belongs into a name, an address or
a label, and each of those reaches a header, a log or a mail somewhere.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from chalicelib.web.csrf import FIELD
from chalicelib.web.parameters import schema
from chalicelib.web.problems import BodyTooLong, BodyWrong, FieldWrong, FormWrong, MediaWrong
from chalicelib.web.request import Request

LARGEST: Final = 64 * 1024
MOST_FIELDS: Final = 100

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

Secret = Annotated[str, Meta(max_length=1024, extra_json_schema={"format": "password"})]
"""A field that no page shows again, and that may hold any character."""

Shape = TypeVar("Shape", bound=Struct)


def json_body(request: Request, shape: type[Shape]) -> Shape:
    """The request's JSON. Raises `MediaWrong`, `BodyTooLong`, `BodyWrong` or `FieldWrong`."""
    given = _object(_content(request, JSON))
    known = schema(shape)["properties"]
    for name, value in given.items():
        if name not in known:
            raise FieldWrong(name, _unknown(name, known))
        _check_text(name, value, known[name])
    try:
        return msgspec.convert(given, shape)
    except msgspec.ValidationError as refusal:
        name = _named(refusal)
        raise FieldWrong(name, f"`{name}` {_complaint(known.get(name, {}), given.get(name))}") from refusal


def form_body(request: Request, shape: type[Shape]) -> Shape:
    """The request's form. An empty field counts as absent.

    Raises `MediaWrong`, `BodyTooLong` and `BodyWrong` for what no form of ours sends; `FormWrong`, with a sentence for
    each field to mend, for what people do.
    """
    given = form_fields(request)
    known = schema(shape)["properties"]
    for name in given:
        if name not in known and name != FIELD:
            raise BodyWrong(_unknown(name, known))
    filled = {name: value for name, value in given.items() if value != "" and name != FIELD}
    errors = {name: _sentence(text) for name, value in filled.items() if (text := _control(value, known[name]))}
    while True:
        try:
            form = msgspec.convert({k: v for k, v in filled.items() if k not in errors}, shape, strict=False)
        except msgspec.ValidationError as refusal:
            name = _named(refusal)
            if name in errors:  # left out above, and now found missing
                break
            errors[name] = _sentence(_complaint(known.get(name, {}), filled.get(name)))
            continue
        if not errors:
            return form
        break
    shown = {name: value for name, value in filled.items() if known[name].get("format") != "password"}
    raise FormWrong(errors, shown)


def form_fields(request: Request) -> Mapping[str, str]:
    """The fields of a form as they were sent. Raises `MediaWrong`, `BodyTooLong` or `BodyWrong`."""
    content = _content(request, FORM)
    try:
        pairs = parse_qsl(
            content.decode("ascii"), keep_blank_values=True, strict_parsing=bool(content), errors="strict",
            max_num_fields=MOST_FIELDS,
        )  # fmt: skip
    except ValueError as refusal:
        raise BodyWrong("The form cannot be read.") from refusal
    return _unique(pairs)


def _content(request: Request, media_type: str) -> bytes:
    if request.media_type != media_type:
        raise MediaWrong(media_type)
    if len(request.body) > LARGEST:
        raise BodyTooLong(LARGEST)
    return request.body


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content.decode(), object_pairs_hook=_unique, parse_constant=_refused_constant)
    except (ValueError, RecursionError) as refusal:
        raise BodyWrong("The body is no JSON in UTF-8.") from refusal
    if not isinstance(found, dict):
        raise BodyWrong("The body must be a JSON object.")
    return found


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BodyWrong(f"`{_shown(name)}` was given more than once.")
        found[name] = value
    return found


def _refused_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _check_text(name: str, value: Any, described: Mapping[str, Any]) -> None:
    """Looks through the whole of a field: lists and objects hold text too, however deep they are."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str) and (text := _control(each, described if each is value else {})):
            raise FieldWrong(name, f"`{name}` {text}")
        if isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            left += (*each, *each.values())


def _control(value: str, described: Mapping[str, Any]) -> str:
    """What is wrong with the characters of a text; empty if nothing is."""
    if _SURROGATE.search(value):
        return "has half of a character in it."
    if described.get("format") != "password" and _CONTROL.search(value):
        return "must be one line, without control characters."
    return ""


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Line breaks of every kind, and the marks that make text read as other text than it is."""


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    import difflib  # 1 ms of a cold start, for those alone who mistype

    near = difflib.get_close_matches(name[:64], known, n=1)
    meant = f" Did you mean `{near[0]}`?" if near else ""
    return f"There is no field `{_shown(name)}`.{meant} There are: {', '.join(known)}."


def _shown(name: str) -> str:
    return _SURROGATE.sub("?", name[:64])


def _named(refusal: msgspec.ValidationError) -> str:
    place = re.search(r"\$\.(\w+)", str(refusal)) or re.search(r"field `(\w+)`", str(refusal))
    return place[1] if place else "body"


def _complaint(described: Mapping[str, Any], value: Any) -> str:
    """What a field must be; never what it was, which may be a secret."""
    if value is None:
        return "is missing."
    if "enum" in described:
        return f"must be one of {', '.join(map(str, described['enum']))}."
    if described.get("type") == "integer" and "minimum" in described:
        return f"must be a whole number from {described['minimum']} to {described['maximum']}."
    if isinstance(value, str) and len(value) < described.get("minLength", 0):
        return f"must have at least {described['minLength']} characters."
    if isinstance(value, str) and len(value) > described.get("maxLength", len(value)):
        return f"must have at most {described['maxLength']} characters."
    kind = {"string": "text", "integer": "a whole number", "boolean": "true or false"}.get(described.get("type", ""))
    return f"must be {kind}." if kind and "pattern" not in described else "is not in the right form."


def _sentence(complaint: str) -> str:
    return "This " + complaint

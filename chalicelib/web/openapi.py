"""The description of the API in OpenAPI 3.1, made from what the routes declare."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from chalicelib.identity.permissions import Permission
from chalicelib.web import VERSION
from chalicelib.web.parameters import schema
from chalicelib.web.problems import MEDIA_TYPE
from chalicelib.web.routing import Body, Declaration

REF: Final = "#/components/schemas/{name}"

REFUSALS: Final = {
    400: "What was sent cannot be used. `detail` says how to mend it.",
    401: "No key was sent, or one that does not work.",
    403: "The key is not for this.",
    404: "There is nothing here, or nothing for this key.",
    413: "The body is too large.",
    415: "The body is in no format that is read here.",
    422: "What was sent contradicts what was sent before.",
    503: "The store did not answer in time, so nothing may be taken for done. `Retry-After` says when to try again.",
}

PROBLEM: Final = {
    "type": "object",
    "description": "RFC 9457. Further members depend on the type.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:scrywatch:problem:query"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what would be right."},
    },
}


def document(declarations: Iterable[Declaration]) -> dict[str, Any]:
    """The whole description, as JSON values. It is the same in whatever order the declarations come."""
    served = sorted((each for each in declarations if each.method != "HEAD"), key=lambda each: (each.path, each.method))
    paths: dict[str, Any] = {}
    for declaration in served:
        paths.setdefault(declaration.path, {})[declaration.method.lower()] = _operation(declaration)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Scrywatch", "version": VERSION, "description": "Events in over HTTPS, answers out."},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "`scry_ing_…` writes, `scry_qry_…` reads."}
            },
            "schemas": {"Problem": PROBLEM, **_schemas(served)},
        },
    }


def _operation(declaration: Declaration) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": declaration.summary}
    if declaration.description:
        operation["description"] = declaration.description
    if declaration.permission is not Permission.PUBLIC:
        operation["security"] = [{"key": []}]
        operation["x-permission"] = str(declaration.permission)
    parameters = [*_path_parameters(declaration), *_query_parameters(declaration), *_header_parameters(declaration)]
    if parameters:
        operation["parameters"] = parameters
    if declaration.body:
        operation["requestBody"] = _request_body(declaration.body)
    operation["responses"] = _answers(declaration) | _refusals(declaration)
    return operation


def _path_parameters(declaration: Declaration) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", declaration.path)
    ]


def _query_parameters(declaration: Declaration) -> list[dict[str, Any]]:
    if declaration.query is None:
        return []
    return [_query_parameter(name, dict(one)) for name, one in schema(declaration.query)["properties"].items()]


def _query_parameter(name: str, described: dict[str, Any]) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": "query"}
    if "description" in described:
        parameter["description"] = described.pop("description")
    return parameter | {"schema": described}


def _header_parameters(declaration: Declaration) -> list[dict[str, Any]]:
    headers = declaration.body.headers if declaration.body else {}
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in headers.items()
    ]


def _request_body(body: Body) -> dict[str, Any]:
    described = {"schema": {"$ref": REF.format(name=body.shape.__name__)}}
    opaque: dict[str, Any] = {}
    content = {kind: described if kind.endswith("/json") else opaque for kind in body.media_types}
    return {"required": True, "description": body.description, "content": content}


def _answers(declaration: Declaration) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, shape in declaration.answers.items():
        described = {} if shape is bytes else {"schema": {"$ref": REF.format(name=shape.__name__)}}
        answers[str(status)] = {
            "description": (shape.__doc__ or "").strip().partition("\n")[0] if shape is not bytes else "The content.",
            "content": dict.fromkeys(declaration.media_types, described),
        }
    return answers


def _refusals(declaration: Declaration) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}}}
    return {str(status): {"description": REFUSALS[status], "content": content} for status in declaration.refusals}


def _schemas(declarations: Iterable[Declaration]) -> dict[str, Any]:
    shapes = {shape for each in declarations for shape in each.answers.values() if shape is not bytes}
    shapes |= {each.body.shape for each in declarations if each.body}
    ordered = sorted(shapes, key=lambda shape: str(shape.__name__))
    _, components = msgspec.json.schema_components(ordered, ref_template=REF)
    return dict(sorted(components.items()))

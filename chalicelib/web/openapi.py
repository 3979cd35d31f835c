"""The description of the API in OpenAPI 3.1, made from what the routes declare."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from chalicelib.identity.permissions import BY_SCOPE, GRANTS, MAY, Permission
from chalicelib.web import VERSION
from chalicelib.web.bodies import FORM
from chalicelib.web.cookies import SESSION
from chalicelib.web.csrf import SAFE_METHODS
from chalicelib.web.declaration import ORG, Body, Declaration
from chalicelib.web.parameters import schema
from chalicelib.web.problems import MEDIA_TYPE
from chalicelib.web.responses import JSON

REF: Final = "#/components/schemas/{name}"

REFUSALS: Final = {
    400: "What was sent cannot be used. `detail` says how to mend it.",
    401: "No key and no session was sent, or one that does not work.",
    403: "Who asks may not do this, or not yet: `type` says what is missing.",
    404: "There is nothing here, or nothing for who asks.",
    409: "It stands in contradiction to what there is, or to what somebody else did at the same moment.",
    410: "The link or the challenge was used, or is too old.",
    412: "It is not what `If-Match` names any more.",
    413: "The body is too large.",
    415: "The body is in no format that is read here.",
    422: "What was sent can be read, and not used as it is.",
    429: "Too many requests. `Retry-After` says when there is room again.",
    501: "This deployment does not do that.",
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
    described = (each for each in declarations if each.kind == "api" and each.method != "HEAD")
    served = sorted(described, key=lambda each: (each.path, each.method))
    paths: dict[str, Any] = {}
    for declaration in served:
        paths.setdefault(declaration.path, {})[declaration.method.lower()] = _operation(declaration)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Scrywatch", "version": VERSION, "description": "Events in over HTTPS, answers out."},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "`scry_ing_…` writes, `scry_qry_…` reads."},
                "connection": {
                    "type": "oauth2",
                    "description": "An app that somebody let in (`docs/oauth.md`): `scry_at_…`, with PKCE.",
                    "flows": {
                        "authorizationCode": {
                            "authorizationUrl": "/oauth/authorize",
                            "tokenUrl": "/oauth/token",
                            "refreshUrl": "/oauth/token",
                            "scopes": dict.fromkeys(BY_SCOPE, "Read the events of one project."),
                        }
                    },
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION,
                    "description": "From `POST /api/auth/login`. What changes something needs `X-CSRF-Token` too, and "
                    "`Origin` or `Sec-Fetch-Site`.",
                },
            },
            "schemas": {"Problem": PROBLEM, **_schemas(served)},
        },
    }


def _operation(declaration: Declaration) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": declaration.summary}
    if declaration.description:
        operation["description"] = declaration.description
    if schemes := _security(declaration):
        operation["security"] = schemes
        operation["x-permission"] = str(declaration.permission)
    parameters = [*_path_parameters(declaration), *_query_parameters(declaration), *_header_parameters(declaration)]
    if parameters:
        operation["parameters"] = parameters
    if declaration.body:
        operation["requestBody"] = _request_body(declaration.body)
    operation["responses"] = _answers(declaration) | _refusals(declaration)
    return operation


def _security(declaration: Declaration) -> list[dict[str, list[str]]]:
    """The ways to show who one is, any of which will do: those of whoever can have the permission."""
    if declaration.permission is Permission.PUBLIC:
        return []
    keys: list[dict[str, list[str]]] = [{"key": []}] if _is_for(declaration, MAY.values()) else []
    scopes = [scope for scope, may in BY_SCOPE.items() if declaration.permission in may]
    keys += [{"connection": scopes}] if scopes else []
    return keys + ([{"session": []}] if _is_for(declaration, GRANTS.values()) else [])


def _is_for(declaration: Declaration, granted: Iterable[frozenset[Permission]]) -> bool:
    return any(declaration.permission in each for each in granted)


def _path_parameters(declaration: Declaration) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in declaration.parameters
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
    headers = dict(declaration.body.headers) if isinstance(declaration.body, Body) else {}
    if declaration.method not in SAFE_METHODS and {"session": []} in _security(declaration):
        headers["X-CSRF-Token"] = "`csrf_token` of `/api/auth/login` or `/api/auth/me`."
    return [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in headers.items()
    ]


def _request_body(body: Body | type[Struct]) -> dict[str, Any]:
    if isinstance(body, type):
        body = Body((body.__doc__ or "").partition("\n")[0], ("application/json",), body)
    described = {"schema": {"$ref": REF.format(name=body.shape.__name__)}}
    opaque: dict[str, Any] = {}
    content = {kind: described if kind.endswith("/json") or kind == FORM else opaque for kind in body.media_types}
    return {"required": True, "description": body.description, "content": content}


def _answers(declaration: Declaration) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, shape in declaration.answers.items():
        if shape is None:
            answers[str(status)] = {"description": "Done."}
            continue
        described = {} if shape is bytes else {"schema": {"$ref": REF.format(name=shape.__name__)}}
        answers[str(status)] = {
            "description": (shape.__doc__ or "").strip().partition("\n")[0] if shape is not bytes else "The content.",
            "content": dict.fromkeys(declaration.media_types, described),
        }
    return answers


def _refusals(declaration: Declaration) -> dict[str, Any]:
    name, media_type = (declaration.refusal.__name__, JSON) if declaration.refusal else ("Problem", MEDIA_TYPE)
    content = {media_type: {"schema": {"$ref": REF.format(name=name)}}}
    statuses = sorted({*declaration.refusals, *_of_the_door(declaration)})
    return {str(status): {"description": REFUSALS[status], "content": content} for status in statuses}


def _of_the_door(declaration: Declaration) -> set[int]:
    """The statuses of refusals before a handler is asked (`web.guard`)."""
    if declaration.permission is Permission.PUBLIC:
        asks_nobody = declaration.ignores_cookies or declaration.method in SAFE_METHODS
        return {429} if asks_nobody else {400, 403, 429, 503}
    return {400, 401, 403, 429, 503} | ({404} if ORG in declaration.parameters else set())


def _schemas(declarations: Iterable[Declaration]) -> dict[str, Any]:
    shapes = {shape for each in declarations for shape in each.answers.values() if shape not in (bytes, None)}
    shapes |= {each.refusal for each in declarations if each.refusal}
    bodies = [each.body for each in declarations if each.body]
    shapes |= {body.shape if isinstance(body, Body) else body for body in bodies}
    ordered = sorted(shapes, key=lambda shape: str(shape.__name__))
    _, components = msgspec.json.schema_components(ordered, ref_template=REF)
    return dict(sorted(components.items()))

"""Calls the app as API Gateway does: with a REST API's proxy event, all bodies in base64."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chalice import Chalice

from app import app
from chalicelib.events.scope import Scope
from chalicelib.identity.accounts import create_project
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject
from infra.proxy import Routes

ROUTES = Routes(app.routes, stage="test")


@dataclass(frozen=True)
class Tenant:
    """A project of its own and its keys."""

    org: str
    project: str
    scope: Scope
    ingest_key: str
    query_key: str

    @property
    def logs(self) -> str:
        return f"/api/orgs/{self.org}/projects/{self.project}/logs"


def new_tenant(org: str, project: str, retention_days: int = 30) -> Tenant:
    new = NewProject(project, project.title(), retention_days)
    created = create_project(NewOrg(org, org.title()), new, now=1_700_000_000)
    scope = Scope(created.org, created.project, retention_days)
    return Tenant(org, project, scope, created.ingest_key.text, created.query_key.text)


@dataclass(frozen=True)
class Response:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Context:
    aws_request_id: str = "function-request"
    seconds: float = 29.0

    def get_remaining_time_in_millis(self) -> float:
        return self.seconds * 1000


class Client:
    """Of the product, or of another app that has its door. Headers are a mapping, or pairs where one repeats."""

    def __init__(self, served: Chalice = app) -> None:
        self._app = served
        self._routes = ROUTES if served is app else Routes(served.routes, stage="test")

    def post(self, path: str, body: Any = b"", *, key: str | None = None, headers: Any = ()) -> Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, body=content, key=key, headers=headers)

    def get(self, path: str, *, key: str | None = None, headers: Any = ()) -> Response:
        return self.send("GET", path, key=key, headers=headers)

    def send(self, method: str, path: str, *, body: bytes = b"", key: str | None = None, headers: Any = ()) -> Response:
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if key is not None:
            pairs.append(("Authorization", f"Bearer {key}"))
        answer = self._app(proxy_event(self._routes, method, path, body, pairs), Context())
        content = answer["body"]
        decoded = base64.b64decode(content) if answer.get("isBase64Encoded") else content.encode()
        return Response(answer["statusCode"], {**answer["headers"], **answer["multiValueHeaders"]}, decoded)


def proxy_event(routes: Routes, method: str, path: str, body: bytes, headers: list[tuple[str, str]]) -> dict[str, Any]:
    url = urlsplit(path)
    match = routes.match(url.path)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    many: dict[str, list[str]] = {}
    for name, value in headers:
        many.setdefault(name, []).append(value)
    return {
        "path": url.path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in many.items()} or None,
        "multiValueHeaders": many or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(match.parameters) if match else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": match.resource if match else None,
            "httpMethod": method,
            "path": url.path,
            "requestId": "gateway-request",
            "identity": {"sourceIp": "192.0.2.7"},
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }

"""A browser, as far as `/api/auth` can tell: it keeps cookies, and says where its requests come from."""

import base64
import json
from typing import Any

from app import app
from tests.api.client import ROUTES, Context, Response

ORIGIN = "http://127.0.0.1:8000"


class Browser:
    """Its own cookies, its own address."""

    def __init__(self, source: str = "192.0.2.7") -> None:
        self.source = source
        self.cookies: dict[str, str] = {}
        self.csrf_token = ""

    def post(self, path: str, body: Any = None, **changed: Any) -> Response:
        headers = {"Origin": ORIGIN, "Content-Type": "application/json", "X-CSRF-Token": self.csrf_token}
        content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        return self._send("POST", path, headers | changed, content)

    def get(self, path: str) -> Response:
        return self._send("GET", path, {}, b"")

    def _send(self, method: str, path: str, headers: dict[str, str | None], body: bytes) -> Response:
        many = {name: [value] for name, value in headers.items() if value}
        if self.cookies:
            many["Cookie"] = ["; ".join(f"{name}={value}" for name, value in self.cookies.items())]
        match = ROUTES.match(path)
        assert match is not None, path
        event = {
            "path": path, "httpMethod": method, "headers": {name: values[-1] for name, values in many.items()},
            "multiValueHeaders": many, "multiValueQueryStringParameters": None, "pathParameters": None,
            "stageVariables": None, "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
            "requestContext": {
                "resourcePath": match.resource, "httpMethod": method, "path": path, "requestId": "r",
                "identity": {"sourceIp": self.source},
            },
        }  # fmt: skip
        answer = app(event, Context())
        for value in set_cookies(answer["multiValueHeaders"]):
            self._keep(value)
        found = Response(
            answer["statusCode"],
            {**answer["headers"], **answer["multiValueHeaders"]},
            base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode(),
        )
        if found.status < 300 and "csrf_token" in found.json:
            self.csrf_token = found.json["csrf_token"]
        return found

    def _keep(self, value: str) -> None:
        name, _, rest = value.partition("=")
        kept, _, attributes = rest.partition(";")
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = kept


def set_cookies(headers: dict[str, list[str]]) -> list[str]:
    return next((values for name, values in headers.items() if name.lower() == "set-cookie"), [])

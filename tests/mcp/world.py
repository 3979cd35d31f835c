"""A furnished project, and an assistant that speaks with it: messages as bytes, as they come through the door."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from chalicelib.events.event import Event
from chalicelib.ids import HOUR_MS
from chalicelib.mcp.catalogue import INSTRUCTIONS, REGISTRY
from chalicelib.mcp.context import Context
from chalicelib.mcp.protocol import Reply, answer
from chalicelib.mcp.registry import Registry, Server
from chalicelib.mcp.versions import CAPABILITIES_KEY, MODERN, VERSION_KEY
from tests.conftest import NOW_MS, new_scope
from tests.engine.project import Project, soon

META = {
    VERSION_KEY: MODERN[0],
    CAPABILITIES_KEY: {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
}
NAMES = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


def server(
    project: Project | None = None, *, registry: Registry = REGISTRY, org: str = "acme", name: str = "Web shop"
) -> Server:
    context = Context(
        scope=project.scope if project else new_scope(),
        org=org,
        project="shop",
        name=name,
        url="https://scry.example",
        now_ms=project.now_ms if project else NOW_MS,
        deadline=soon(),
    )
    return Server(registry=registry, context=context, version="1.2.3", instructions=INSTRUCTIONS)


def modern(method: str, params: Mapping[str, Any] | None = None, **changed: Any) -> tuple[bytes, dict[str, str]]:
    """A request as it should be, but for what is changed: `headers`, `meta`, `message`. None takes a thing away."""
    whole = {"_meta": META | changed.get("meta", {}), **(params or {})}
    whole["_meta"] = {key: value for key, value in whole["_meta"].items() if value is not None}
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": whole} | changed.get("message", {})
    headers: dict[str, Any] = {"mcp-protocol-version": MODERN[0], "mcp-method": method}
    if method in NAMES:
        headers["mcp-name"] = whole[NAMES[method]]
    headers |= changed.get("headers", {})
    return json.dumps(message).encode(), {name: value for name, value in headers.items() if value is not None}


def legacy(method: str, params: Mapping[str, Any] | None = None, *, version: str | None = None) -> tuple[bytes, dict]:
    message = {"jsonrpc": "2.0", "id": "a", "method": method} | ({} if params is None else {"params": params})
    return json.dumps(message).encode(), {} if version is None else {"mcp-protocol-version": version}


def document(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)


class Assistant:
    """Calls tools of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def ask(self, tool: str, **arguments: Any) -> Any:
        """The result, which must not be a refusal. `start` and `end` are the arguments `from` and `to`."""
        for name, real in (("start", "from"), ("end", "to")):
            if name in arguments:
                arguments[real] = arguments.pop(name)
        reply = answer(*modern("tools/call", {"name": tool, "arguments": arguments}), server(self.project))
        assert reply.status == 200, reply.body
        return document(reply)["result"]

    def facts(self, tool: str, **arguments: Any) -> Any:
        """What a call that goes well is answered, structured."""
        result = self.ask(tool, **arguments)
        assert "isError" not in result, result["content"][0]["text"]
        return result["structuredContent"]

    def text(self, tool: str, **arguments: Any) -> str:
        return self.ask(tool, **arguments)["content"][0]["text"]

    def mistake(self, tool: str, **arguments: Any) -> str:
        """What a call is told that cannot be carried out."""
        result = self.ask(tool, **arguments)
        assert result["isError"] is True
        assert "structuredContent" not in result
        return result["content"][0]["text"]


def furnished() -> Project:
    """A shop of three services over two hours: quiet in the first, and in the second payments break."""
    project = Project(now_ms=NOW_MS)
    project.send(_hour(NOW_MS - 2 * HOUR_MS, broken=False), _hour(NOW_MS - HOUR_MS, broken=True))
    return project


def _hour(start: int, *, broken: bool) -> list[Event]:
    step = HOUR_MS // 240
    found: list[Event] = []
    for number in range(240):
        at = start + number * step
        found.append(
            Event(
                timestamp=at, service="checkout", environment="prod", user_id=f"u-{number % 17}",
                message=f"order {1000 + number} placed by user {number % 17} in {20 + number % 50}ms",
                trace_id=f"trace-{start}-{number}",
                metadata={"order_id": 1000 + number, "duration_ms": 20 + number % 50, "http": {"status": 200}},
            )
        )  # fmt: skip
        if number % 4 == 0:
            found.append(
                Event(
                    timestamp=at + 5, level="warn", service="search", environment="prod", message='cache miss for "x"'
                )
            )
        if broken and number >= 120:
            found.append(
                Event(
                    timestamp=at + 40, level="error", service="payments", environment="prod",
                    message=f"card processor timed out after {5000 + number}ms for order {1000 + number}",
                    trace_id=f"trace-{start}-{number}", span_id="s2",
                    metadata={"order_id": 1000 + number, "http": {"status": 504}, "duration_ms": 5000 + number},
                )
            )  # fmt: skip
        if not broken and number == 3:
            found.append(Event(timestamp=at, service="search", message="index rebuilt from scratch", level="info"))
    return found

"""Requests that Schemathesis makes from the descriptions of all routes, as everybody: nothing undeclared, no fault."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.identity.permissions import Permission
from chalicelib.web.bodies import FORM, JSON
from chalicelib.web.declaration import Declaration
from chalicelib.web.headers import SECURITY_HEADERS
from chalicelib.web.openapi import document
from infra import lifeline
from infra.clients import PYTHON
from infra.openapi import COMMITTED
from tests.attack.target import STRANGERS, WHO, Target, headers
from tests.long_form import FULL
from tests.permissions.routes import ROUTES, named
from tests.permissions.test_headers import FOR_FILES, FOR_PAGES

EXAMPLES = 20 if FULL else 1
PARAMETER = re.compile(r"{(\w+)}")
DRIVER = Path(__file__).with_name("drivers") / "schemas.py"

LAST = ["/api/auth/logout", "/sign-out", "/api/orgs/{org}/membership", "/orgs/{org}/settings/leave"]
"""What ends all that somebody may do."""

OF_THE_GATEWAY = {
    "RequestTooLargeException": "a request line longer than API Gateway takes never reaches a route",
    "URITooLong": "one of more than 64 KB is not even read by the server that stands for the gateway here",
    "MissingAuthenticationTokenException": "a path with nothing where a name belongs is the path of no route",
}
"""Answers that no route could declare, by the name that the gateway gives them."""

MESSAGE = {
    "type": "object",
    "required": ["jsonrpc", "id", "method"],
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"type": ["integer", "string"]},
        "method": {"enum": ["initialize", "ping", "tools/list", "tools/call", "prompts/get", "resources/read"]},
        "params": {
            "type": "object",
            "properties": {
                "name": {"enum": ["search_events", "project_overview", "get_event"]},
                "uri": {"type": "string"},
                "arguments": {"type": "object", "properties": {"query": {"type": "string"}}},
            },
        },
    },
}
"""A message to `/mcp`, as assistants send it."""


def described(*, reading: bool) -> dict[str, Any]:
    """The committed description of what reads, or of the rest. Who asks is for this test to say, so it says nothing."""
    found: dict[str, Any] = json.loads(COMMITTED.read_bytes())
    for path, methods in found["paths"].items():
        found["paths"][path] = {name: one for name, one in methods.items() if (name == "get") == reading}
    for operation in operations(found):
        operation.pop("security", None)
    return found


def of_people() -> dict[str, Any]:
    """What people and assistants meet, described in the same way: what is sent, and nothing of what is answered."""
    shown = [each for each in ROUTES if each.kind != "api"]
    found = document([
        msgspec.structs.replace(each, kind="api", permission=Permission.PUBLIC, fresh=False, answers={}, refusals=())
        for each in shown
    ])  # fmt: skip
    kinds = {(each.path, each.method): each.kind for each in shown}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            operation["responses"] = {"default": {"description": "What people or assistants are told."}}
            if kinds[path, method.upper()] == "form":
                read = operation["requestBody"]["content"]
                read[FORM] = read.pop(JSON)
            if (path[:4], method) == ("/mcp", "post"):
                operation["requestBody"] = {"content": {JSON: {"schema": MESSAGE}}}
    return found


def operations(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in described["paths"].values() for operation in methods.values()]


PARTS = {
    "what programs ask": lambda: described(reading=True),
    "what programs change": lambda: described(reading=False),
    "what people and assistants meet": of_people,
}


@pytest.mark.requirement("I4", "S29", "S35", "W6", "W7")
@pytest.mark.parametrize("part", PARTS)
def test_no_request_meets_a_fault_or_an_answer_that_was_not_declared(part: str, at: Target, tmp_path: Path) -> None:
    told = attacked(at, PARTS[part](), tmp_path)
    assert told["failures"] == []
    assert told["untried"] == []
    for who, statuses in told["answers"].items():
        unknown = [status for status in statuses if not status.isdigit() and status not in OF_THE_GATEWAY]
        assert unknown == [], who
        assert "429" not in statuses, f"{who} was kept out by a limit, which proves nothing"
    assert min(told["answers"]["the owner"]) < "400", "not even the owner was let in"


def attacked(at: Target, description: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What the driver tells of its attack."""
    task = {
        "document": description, "url": at.url, "examples": EXAMPLES, "last": LAST,
        "headers": {name: value for name, value in SECURITY_HEADERS.items() if name not in FOR_PAGES | FOR_FILES},
        "parameters": {each.path: named_there(each, at) for each in ROUTES},
        "who": [
            {"name": name, "headers": headers(who(at)), "never": [at.acme.canary] if name in STRANGERS else []}
            for name, who in WHO.items()
        ],
    }  # fmt: skip
    packages = {"PYTHONPATH": str(PYTHON["schemathesis"].installed()), "PYTHONDONTWRITEBYTECODE": "1"}
    process = lifeline.start(
        [sys.executable, "-S", "-X", "utf8", DRIVER],
        cwd=folder, env={"PATH": os.environ["PATH"], "HOME": str(folder), **packages}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    said, complaints = process.communicate(json.dumps(task).encode())
    assert process.returncode == 0, complaints.decode(errors="replace")[-4_000:]
    told: dict[str, Any] = json.loads(said)
    return told


def named_there(route: Declaration, at: Target) -> dict[str, str]:
    """What the parameters of the path are called in Acme."""
    return {PARAMETER.findall(each)[0]: at.acme.parameters[each] for each in named(route)}

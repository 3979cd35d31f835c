"""What strangers' suites say of the running product's authorization, and of how it answers an assistant."""

import json
import sys

import pytest

from infra.clients import PYTHON
from infra.gateway import claim
from tests.clients.client import Kind, client
from tests.clients.conftest import World
from tests.clients.consent import send
from tests.clients.programs import Ended, program, run
from tests.long_form import FULL

REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25") if FULL else ("2025-11-25",)
"""Those that MCPJam knows: `make test` takes the newest."""


def registered(world: World, redirect: str) -> str:
    """A client that registered itself with that redirect URI."""
    wanted = json.dumps({"client_name": "Suite", "redirect_uris": [redirect], "token_endpoint_auth_method": "none"})
    answer = send(
        "POST", f"{world.running.url}/oauth/register", body=wanted, headers={"Content-Type": "application/json"}
    )
    assert answer.status == 201, answer.text
    client_id: str = answer.json["client_id"]
    return client_id


@pytest.mark.requirement("O20", "O11")
def test_the_conformance_suites_authorization_set_passes(world, tmp_path):
    redirect = "http://127.0.0.1:3000/callback"
    suite = program(
        "conformance", "authorization", "--url", world.running.url, "--client-id", registered(world, redirect),
        "--resource", world.resource, "--port", str(claim(0)),
    )  # fmt: skip
    judged = run(suite, tmp_path, person=world.somebody())
    assert judged.status == 0, judged.said


@pytest.mark.requirement("M4")
@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_the_inspector_connects_and_finds_no_fault_with_the_tools(world, tmp_path, era):
    server = ["--server-url", world.resource, "--transport", "http", "--protocol-era", era, "--format", "json"]
    # It signs in only where it may open a browser, which here is a program that does nothing.
    variables = {
        "MCP_AUTO_OPEN_ENABLED": "true",
        "MCP_INSPECTOR_SECRET_STORE": "file",
        "MCP_OAUTH_CALLBACK_URL": f"http://127.0.0.1:{claim(0)}/oauth/callback",
    }

    def inspector(*arguments: str) -> Ended:
        command = program("mcp-inspector", "--cli", *server, *arguments)
        return run(command, tmp_path, person=world.somebody(), variables=variables)

    listed = inspector("--method", "tools/list", "--strict")
    assert listed.status == 0, listed.said
    called = inspector("--stored-auth-only", "--method", "tools/call", "--tool-name", "project_overview")
    assert called.status == 0, called.said
    assert '"isError": true' not in called.said


@pytest.mark.requirement("O23", "O24", "O25", "O29")
def test_authlab_gives_the_best_grade(distributed, tmp_path):
    """The token that must be refused is one of the same person, for another project."""
    world, person = distributed, distributed.somebody()
    org, project = world.running.account["org"], "elsewhere"
    made = person.asks("POST", f"/api/orgs/{org}/projects", {"name": "Elsewhere", "slug": project})
    assert made.status == 201, made.text
    variables = {"PYTHONPATH": str(PYTHON["mcp-authlab"].installed()), "PYTHONDONTWRITEBYTECODE": "1"}

    def authlab(*arguments: str) -> Ended:
        command = [sys.executable, "-S", "-u", "-m", "mcp_authlab", *arguments]
        return run(command, tmp_path, person=person, variables=variables)

    foreign = f"{world.running.url}/mcp/{org}/{project}"
    signed_in = authlab("login", world.resource, "--foreign-resource", foreign)
    assert signed_in.status == 0, signed_in.said
    graded = authlab("scan", world.resource, "--format", "json", "--fail-under", "A", "-o", "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    unmet = {each["id"]: each["message"] for each in report["results"] if each["status"] not in ("pass", "skip")}
    assert graded.status == 0, unmet
    assert report["grade"] == "A"
    # It is served over plain HTTP here, and asks who somebody is before it says anything about a request.
    assert set(unmet) == {"TLS-01", "ASF-01"}


@pytest.mark.requirement("O2", "O12", "O22")
@pytest.mark.parametrize("revision", REVISIONS)
def test_mcpjams_suite_passes(world, tmp_path, revision):
    kind = Kind("MCPJam", "mcpjam.mjs", era=revision)
    person = world.somebody()
    with client(kind, resource=world.resource, clock=world.clock, folder=tmp_path, answered=person.answered) as suite:
        suite.connect()

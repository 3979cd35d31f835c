"""The packaged zip, deployed as people deploy it, runs behind a gateway with nothing but what is in it.

The gateway, the functions' runtime and every other service are MiniStack's; the store is the embedded engine.
"""

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib import settings
from chalicelib.identity.accounts import create_project
from chalicelib.identity.orgs import NewOrg
from chalicelib.identity.project_changes import NewProject
from chalicelib.storage import dynamodb
from chalicelib.storage.tables.creation import create_tables
from chalicelib.web.headers import SECURITY_HEADERS
from tests.deploy.aws import HERE, NOBODYS, ON_LINUX, Aws, described, import_routes, ministack

pytestmark = ON_LINUX


@dataclass(frozen=True)
class Deployed:
    aws: Aws
    url: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        content = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, content, {"Accept": "*/*", **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, dict(answer.headers), _decoded(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, dict(refused.headers), _decoded(refused)


def _decoded(answer: Any) -> bytes:
    """MiniStack cannot be told that all types are binary, so that it passes on what the function gave it, in base64."""
    body: bytes = answer.read()
    return base64.b64decode(body, validate=True) if "X-Request-Id" in answer.headers else body


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, engine_endpoint: str) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("ministack")
    with ministack(folder) as aws:
        config = described()
        config["lambda_architecture"] = HERE
        config["minimum_compression_size"] = 10 * 1024 * 1024  # it stumbles over an empty one
        stage = config["stages"]["dev"]
        # The store of its own tests cannot keep what a transaction means; ours can.
        stage["environment_variables"] |= {"AWS_ENDPOINT_URL": aws.endpoint, "SCRY_DYNAMODB_ENDPOINT": engine_endpoint}
        aws.describe(config)
        aws.run("deploy")
        import_routes(aws)
        with _operating(engine_endpoint):
            create_tables()
        yield Deployed(aws, f"{aws.endpoint}/_aws/execute-api/{aws.api}/dev")


@contextmanager
def _operating(engine_endpoint: str) -> Iterator[None]:
    """As an operator's commands see the deployment."""
    with pytest.MonkeyPatch.context() as patched:
        own = {"SCRY_STAGE": "dev", "SCRY_DYNAMODB_ENDPOINT": engine_endpoint, "SCRY_SECRETS": "5c" * 32}
        for name, value in (NOBODYS | own).items():
            patched.setenv(name, value)
        patched.setattr(dynamodb, "transport", kept_alive := dynamodb.KeptAlive())
        settings.current.cache_clear()
        yield
        kept_alive.close()
    settings.current.cache_clear()


@dataclass(frozen=True)
class Project:
    slug: str
    ingest: str
    query: str


@pytest.fixture
def project(deployed: Deployed, engine_endpoint: str) -> Project:
    """Made as an operator makes it, in the deployment's own tables."""
    slug = f"acme-{secrets.token_hex(4)}"
    with _operating(engine_endpoint):
        made = create_project(NewOrg(slug, "Acme"), NewProject("shop", "Shop", 30), now=1_790_000_000)
    return Project(slug, made.ingest_key.text, made.query_key.text)


@pytest.mark.requirement("W1", "S33", "S34")
def test_an_event_goes_in_and_comes_out(deployed: Deployed, project: Project) -> None:
    event = {"message": "hello from a zip", "level": "error", "metadata": {"order": 7}}
    bearer = {"Authorization": f"Bearer {project.ingest}", "Content-Type": "application/json"}
    status, headers, body = deployed.send("POST", "/api/ingest", {"events": [event]}, **bearer)
    assert status == 202, body
    assert json.loads(body)["accepted"] == 1
    assert SECURITY_HEADERS.items() <= headers.items()
    found = f"/api/orgs/{project.slug}/projects/shop/logs?q=zip"
    status, _, body = deployed.send("GET", found, Authorization=f"Bearer {project.query}")
    assert status == 200, body
    [row] = json.loads(body)["data"]
    assert (row["message"], row["metadata"]) == ("hello from a zip", {"order": 7})
    assert deployed.send("GET", found, Authorization=f"Bearer {project.ingest}")[0] == 403


def test_a_page_is_served_with_templates_from_the_zip(deployed: Deployed) -> None:
    status, headers, body = deployed.send("GET", "/sign-in")
    assert status == 200, body
    assert headers["Content-Type"].startswith("text/html")
    assert b"<form" in body


@pytest.mark.requirement("S14")
def test_what_is_compiled_works_there_signing_up_hashes_and_signs(deployed: Deployed) -> None:
    """argon2, cryptography and the secret from its parameter: a sign-in needs all of them."""
    who = {"email": f"{secrets.token_hex(4)}@acme.example", "password": secrets.token_urlsafe(20)}
    told = {"Content-Type": "application/json"}
    made = deployed.send("POST", "/api/auth/register", {**who, "name": "Ann", "orgName": "Ann"}, **told)
    assert made[0] == 201, made[2]
    status, _, body = deployed.send("POST", "/api/auth/login", who, **told)
    assert status == 200, body
    assert json.loads(body)["csrf_token"]


@pytest.mark.requirement("S35")
def test_what_the_gateway_says_itself_has_our_headers(deployed: Deployed) -> None:
    status, headers, _ = deployed.send("GET", "/no/such/path")
    assert status == 403
    assert SECURITY_HEADERS.items() <= headers.items()


@pytest.mark.requirement("S33")
@pytest.mark.parametrize("job", ["compact", "purge"])
def test_each_job_runs_as_a_function_of_its_own(deployed: Deployed, project: Project, job: str) -> None:
    event = {
        "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "1",
        "time": "2026-11-24T00:00:00Z", "region": "us-east-1", "resources": [], "detail": {},
    }  # fmt: skip
    answer = deployed.aws.client("lambda").invoke(FunctionName=f"scrywatch-dev-{job}", Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()


@pytest.mark.requirement("V13.3.1")
def test_the_secret_is_in_its_parameter_and_nowhere_else(deployed: Deployed) -> None:
    ssm = deployed.aws.client("ssm")
    secret = ssm.get_parameter(Name="/scrywatch/dev/secrets", WithDecryption=True)["Parameter"]
    assert secret["Type"] == "SecureString"
    assert len(bytes.fromhex(secret["Value"])) == 32
    for name in ("scrywatch-dev", "scrywatch-dev-compact", "scrywatch-dev-purge"):
        configured = deployed.aws.client("lambda").get_function_configuration(FunctionName=name)
        assert secret["Value"] not in json.dumps(configured, default=str)
    files = deployed.aws.config.parent.rglob("*.json")
    assert [path for path in files if secret["Value"] in path.read_text()] == []

"""What stands for AWS here: moto's server, which remembers what it is told, and MiniStack, which runs functions too."""

import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from chalice.deploy.swagger import SwaggerGenerator

from app import app
from infra import clients, lifeline
from infra.deploy.stage import CONFIG
from infra.engine_binary import ROOT
from infra.gateway import claim

REGION = "us-east-1"
NOBODYS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip
"""Credentials that are worth nothing anywhere."""

START_SECONDS = 60

HERE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
"""The architecture of this machine, in Lambda's words."""

ON_LINUX = pytest.mark.skipif(platform.system() != "Linux", reason="what ships is compiled for Linux")


class Aws:
    """One of them, and a configuration to deploy from, which is thrown away."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self.endpoint = endpoint
        self.config = folder / "config.json"

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint, **keys)

    def describe(self, described: Mapping[str, Any]) -> None:
        self.config.write_text(json.dumps(described))

    def run(self, command: str, *, typed: str = "") -> str:
        """What a command says that is done. Raises `CalledProcessError`."""
        arguments = ["-m", "infra.deploy", command, "dev", "--config", str(self.config)]
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **NOBODYS, "AWS_ENDPOINT_URL": self.endpoint},
            input=typed, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def api(self) -> str:
        """The id of the deployed REST API."""
        remembered = json.loads((self.config.parent / "deployed" / "dev.json").read_text())["resources"]
        return str(next(each["rest_api_id"] for each in remembered if "rest_api_id" in each))


def described() -> dict[str, Any]:
    """The project's own configuration, to be changed."""
    found: dict[str, Any] = json.loads(CONFIG.read_text())
    return found


@contextmanager
def moto(folder: Path, *, concurrent: int = 1000) -> Iterator[Aws]:
    command = [sys.executable, "-m", "tests.deploy.moto_server"]
    variables = {**os.environ, "CONCURRENT": str(concurrent)}
    process = lifeline.start(
        command, env=variables, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield Aws(process.stdout.readline().strip(), folder)
    finally:
        _end(process)


@contextmanager
def ministack(folder: Path) -> Iterator[Aws]:
    """It runs functions with its own interpreter, which is one that knows nothing of this environment's packages."""
    port = claim(0)
    endpoint = f"http://127.0.0.1:{port}"
    variables = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), **NOBODYS,
        "PYTHONPATH": str(clients.PYTHON["ministack"].installed()), "PYTHONDONTWRITEBYTECODE": "1",
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    outside = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
    with (folder / "ministack.log").open("w") as log:
        process = lifeline.start([outside, "-m", "ministack"], env=variables, cwd=folder, stdout=log, stderr=log)
        try:
            _wait_until_it_answers(endpoint, process)
            yield Aws(endpoint, folder)
        finally:
            _end(process)


def _wait_until_it_answers(endpoint: str, process: Any) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("MiniStack does not start")


def _end(process: Any) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


class _Swagger(SwaggerGenerator):
    def __init__(self, function: str) -> None:
        super().__init__(REGION, {"api_handler_arn": function})


def import_routes(aws: Aws) -> None:
    """What MiniStack leaves out of `ImportRestApi`: the resources, methods and integrations of the description."""
    client, api = aws.client("apigateway"), aws.api
    function = aws.client("lambda").get_function(FunctionName="scrywatch-dev")["Configuration"]["FunctionArn"]
    paths = _Swagger(function).generate_swagger(app)["paths"]
    made = {"/": client.get_resources(restApiId=api)["items"][0]["id"]}
    for path, methods in sorted(paths.items()):
        resource = _resource(client, api, path, made)
        for method, said in methods.items():
            into = {"restApiId": api, "resourceId": resource, "httpMethod": method.upper()}
            integration = said["x-amazon-apigateway-integration"]
            client.put_method(**into, authorizationType="NONE")
            if integration["type"] == "aws_proxy":
                client.put_integration(**into, type="AWS_PROXY", integrationHttpMethod="POST", uri=integration["uri"])
    client.create_deployment(restApiId=api, stageName="dev")


def _resource(client: Any, api: str, path: str, made: dict[str, str]) -> str:
    if path not in made:
        before, _, part = path.rpartition("/")
        parent = _resource(client, api, before or "/", made)
        made[path] = client.create_resource(restApiId=api, parentId=parent, pathPart=part)["id"]
    return made[path]

"""Where a function's secrets come from when it starts: a parameter of SSM, and nothing else."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chalicelib.settings import from_environment
from chalicelib.storage import parameters
from chalicelib.storage.parameters import SecretsUnavailable

SECRET = "ab" * 32
NAME = "/scrywatch/dev/secrets"


class Ssm:
    """A server that answers as SSM does: in turn, with these statuses and bodies."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[dict[str, str], Any]] = []

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "AWS_LAMBDA_FUNCTION_NAME": "scrywatch-dev", "AWS_ENDPOINT_URL": self.endpoint,
            "SCRY_SECRETS_PARAMETER": NAME, "AWS_REGION": "eu-central-1",
        } | more  # fmt: skip


@pytest.fixture
def ssm() -> Iterator[Ssm]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((dict(self.headers), json.loads(body)))
            status, answer = told.answers.pop(0)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Not on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Ssm(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def value(text: str = SECRET) -> tuple[int, Any]:
    return 200, {"Parameter": {"Name": NAME, "Type": "SecureString", "Value": text, "Version": 1}}


def test_the_secrets_are_read_from_their_parameter_once_and_decrypted(ssm: Ssm) -> None:
    ssm.answers = [value(f"{SECRET},{'cd' * 32}")]
    environment = ssm.environment()
    parameters.enter(environment)
    parameters.enter(environment)
    assert from_environment(environment).secrets == (b"\xab" * 32, b"\xcd" * 32)
    [(headers, asked)] = ssm.asked
    assert asked == {"Name": NAME, "WithDecryption": True}
    assert headers["x-amz-target"] == "AmazonSSM.GetParameter"
    assert "/eu-central-1/ssm/aws4_request" in headers["authorization"]


def test_what_passes_is_tried_again(ssm: Ssm) -> None:
    ssm.answers = [(500, {"__type": "InternalServerError"}), (400, {"__type": "ThrottlingException"}), value()]
    environment = ssm.environment()
    parameters.enter(environment)
    assert environment["SCRY_SECRETS"] == SECRET


@pytest.mark.parametrize("answer", [(400, {"__type": "AccessDeniedException"}), (400, ["nonsense"]), (502, "")])
def test_a_function_without_its_secret_does_not_start_and_says_why(ssm: Ssm, answer: tuple[int, Any]) -> None:
    ssm.answers = [answer] * parameters.ATTEMPTS
    environment = ssm.environment()
    with pytest.raises(SecretsUnavailable, match=f"{NAME} could not be read: {answer[0]}"):
        parameters.enter(environment)
    assert "SCRY_SECRETS" not in environment


def test_nobody_there_is_said_too() -> None:
    environment = {
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "SCRY_SECRETS_PARAMETER": NAME,
        "AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:9",
    }
    with pytest.raises(SecretsUnavailable, match="ConnectionRefusedError"):
        parameters.enter(environment)


def test_a_function_that_signs_nothing_has_a_secret_that_nobody_has() -> None:
    made = []
    for _ in range(2):
        environment = {"AWS_LAMBDA_FUNCTION_NAME": "f", "SCRY_SECRETS_PARAMETER": "none"}
        parameters.enter(environment)
        made.append(environment["SCRY_SECRETS"])
    assert len({*made}) == 2
    assert all(len(bytes.fromhex(each)) == 32 for each in made)


@pytest.mark.parametrize(
    "environment",
    [
        {"SCRY_SECRETS_PARAMETER": NAME},  # Chalice imports the app with these variables to package it
        {"AWS_LAMBDA_FUNCTION_NAME": "f"},
        {"AWS_LAMBDA_FUNCTION_NAME": "f", "SCRY_SECRETS_PARAMETER": NAME, "SCRY_SECRETS": "own"},
    ],
)
def test_elsewhere_and_where_there_are_some_nothing_is_read(environment: dict[str, str]) -> None:
    before = dict(environment)
    parameters.enter(environment)
    assert environment == before


@pytest.mark.requirement("I10")
def test_the_value_is_not_shown_where_a_failure_shows_what_it_had() -> None:
    assert SECRET not in repr(parameters.Answer(parameters.Parameter(SECRET)))

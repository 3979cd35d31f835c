"""What `make run` starts, as its user meets it: ready, used, killed, started again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def running(data: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The product, from the moment it says that it serves."""
    variables = {**os.environ, "PORT": str(port), "DATA": str(data), "ENDPOINT": "", "DEMO": ""}
    command = [sys.executable, "-m", "infra.local"]
    with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == f"Scrywatch is at http://127.0.0.1:{port}\n"
            assert process.stdout.readline() == f"The first account and its keys are in {data / 'ready.json'}\n"
            yield process
        finally:
            process.terminate()


def ask(account: dict[str, Any], key: str, path: str, body: Any = None) -> tuple[int, Any]:
    request = urllib.request.Request(account["url"] + path, headers={"Authorization": f"Bearer {account[key]}"})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.load(answer)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.requirement("I1", "I12")
def test_what_was_acknowledged_is_found_after_everything_was_killed(tmp_path, port):
    data = tmp_path / "data"
    event = {"timestamp": int(time.time() * 1000), "level": "error", "message": "the last words before the crash"}
    with running(data, port) as process:
        account = json.loads((data / "ready.json").read_text())
        assert ask(account, "ingest_key", "/api/ingest", {"events": [event]})[0] == 202
        os.kill(process.pid, signal.SIGKILL)
    with running(data, port):
        assert json.loads((data / "ready.json").read_text()) == account
        path = f"/api/orgs/{account['org']}/projects/{account['project']}/logs?since=1h"
        found = ask(account, "query_key", path)[1]["data"]
    assert [row["message"] for row in found] == [event["message"]]


@pytest.mark.requirement("I10")
def test_ready_json_is_private_complete_and_gone_with_the_server(tmp_path, port):
    ready = tmp_path / "data" / "ready.json"
    with running(ready.parent, port) as process:
        assert ready.stat().st_mode & 0o777 == 0o600
        account = json.loads(ready.read_text())
        assert set(account) == {
            "url", "email", "password", "org", "project", "ingest_key", "query_key", "mcp_url"
        }  # fmt: skip
        process.terminate()
        assert process.stdout.read() == ""
        assert process.wait() == 0
    assert not ready.exists()

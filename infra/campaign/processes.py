"""What is started, killed and started again: the engine, the product, and jobs."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from infra import engine, engine_binary, lifeline

SECONDS: Final = 60.0
"""How long something may take to start or to end."""

PRODUCT: Final = "infra.local"


class NotUp(Exception):
    """Something did not start; the message is what it said."""


class Engine:
    """The embedded DynamoDB, on a port that it keeps."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        program = engine_binary.installed()
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        self._command = [str(program), "serve", "--db-path", str(folder / engine.DATABASE), *address]
        self._log = folder / "engine.log"

    @contextmanager
    def running(self) -> Iterator["Engine"]:
        self.start()
        try:
            yield self
        finally:
            _end(self._process)

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = lifeline.start(self._command, stdout=log, stderr=subprocess.STDOUT)
        _wait_for(self.port, self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Served:
    """The product, on a port and with data that it keeps."""

    def __init__(self, folder: Path, *, endpoint: str, module: Sequence[str] = (PRODUCT,)) -> None:
        self.port = free_port()
        self.clock = folder / "clock"
        self._data = folder / "product"
        self._log = folder / "product.log"
        self._command = [sys.executable, "-m", *module]
        self._environment = {
            **os.environ, "PORT": str(self.port), "DATA": str(self._data), "ENDPOINT": endpoint, "DEMO": "",
            "TEST_CLOCK": str(self.clock), "TEST_EDGE": "", "TEST_HOSTS": "",
        }  # fmt: skip
        self.set_clock(0)

    @contextmanager
    def running(self) -> Iterator["Served"]:
        self.start()
        try:
            yield self
        finally:
            _end(self._process)

    def start(self) -> None:
        ready = self._data / "ready.json"
        ready.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = lifeline.start(self._command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        gives_up_at = time.monotonic() + SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > gives_up_at:
                raise NotUp(self._log.read_text()[-2_000:])
            time.sleep(0.02)
        _wait_for(self.port, self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """As before a deployment: what is under way may end."""
        _end(self._process)

    def set_clock(self, ahead: int) -> None:
        """From the next request on, in seconds."""
        unfinished = self.clock.with_suffix(".new")
        unfinished.write_text(str(ahead))
        unfinished.replace(self.clock)

    @property
    def is_up(self) -> bool:
        return self._process.poll() is None

    @property
    def settings(self) -> dict[str, str]:
        """Those that an operator's shell works with."""
        known: dict[str, str] = json.loads((self._data / "deployment.json").read_text())
        return {**os.environ, **known}

    def operator(self, *arguments: str) -> Any:
        """What a command of `infra.admin` answers."""
        command = [sys.executable, "-m", "infra.admin", *arguments, "--json"]
        said = subprocess.run(command, env=self.settings, capture_output=True, check=True)
        return json.loads(said.stdout)

    def job(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """A run of the upkeep, in a process of its own."""
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "infra.campaign.job", *arguments]
            return lifeline.start(command, env=self.settings, stdout=log, stderr=subprocess.STDOUT)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    gives_up_at = time.monotonic() + SECONDS
    while time.monotonic() < gives_up_at and process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            return
        time.sleep(0.01)
    raise NotUp(f"nothing answers on port {port}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

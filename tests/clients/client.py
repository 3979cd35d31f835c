"""A client as a program of its own, told what to do line by line; `drivers/story.mjs` describes the lines."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import lifeline
from infra.clients import NODE, NPM, PYTHON

DRIVERS = Path(__file__).with_name("drivers")
SECONDS = 60
"""After that long without a word the client is taken for stuck."""

LEAVING_SECONDS = 10

Answered = Callable[[str], str | None]
"""What somebody does with an address that a client asks to open: where the answer leads, or None."""


@dataclass(frozen=True)
class Kind:
    """One stranger's client: who drives it, with what it is installed with, and how it is to speak."""

    name: str
    script: str
    packages: str = "npm"
    era: str = ""
    can_revoke: bool = False

    def command(self) -> list[str | Path]:
        if self.packages == "npm":
            return [NODE, "--import", (DRIVERS / "preload.mjs").as_uri(), DRIVERS / self.script]
        return [sys.executable, "-S", "-X", "utf8", DRIVERS / self.script]

    def variables(self) -> dict[str, str]:
        if self.packages == "npm":
            return {"TOOLS": str(NPM.installed())}
        return {"PYTHONPATH": str(PYTHON[self.packages].installed()), "PYTHONDONTWRITEBYTECODE": "1"}


class ClientFailed(Exception):
    """The client could not do what it was told; the message is what it said."""


class Client:
    """A running client."""

    def __init__(self, process: "subprocess.Popen[bytes]", answered: Answered, complaints: Path) -> None:
        self._process = process
        self._complaints = complaints
        self.answered = answered
        self.asked: list[str] = []
        """The addresses that it asked somebody to open."""

    def connect(self) -> None:
        self._does({"do": "connect"})

    def calls(self, times: int = 1) -> list[str]:
        """What came of so many calls of a tool at once: `ok`, or what the client says."""
        outcomes: list[str] = self._does({"do": "call", "times": times})["outcomes"]
        return outcomes

    def tokens(self) -> dict[str, str]:
        known: dict[str, str] = self._does({"do": "tokens"})
        return known

    def revoke(self) -> None:
        self._does({"do": "revoke"})

    def _does(self, task: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._told(task)
        while "consent" in answer:
            self.asked.append(answer["consent"])
            answer = self._told({"callback": self.answered(answer["consent"])})
        if "failed" in answer:
            raise ClientFailed(answer["failed"])
        return answer

    def _told(self, line: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        stuck = threading.Timer(SECONDS, kill_with_children, [self._process])
        stuck.start()
        try:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        finally:
            stuck.cancel()
        if not said:
            complaints = self._complaints.read_text(errors="replace")[-4000:]
            raise ClientFailed(f"it ended without an answer to {line}: {complaints}")
        answer: dict[str, Any] = json.loads(said)
        return answer


@contextmanager
def client(kind: Kind, *, resource: str, clock: Path, folder: Path, answered: Answered) -> Iterator[Client]:
    """Starts a client that keeps whatever it keeps in the folder; it ends with the block."""
    variables = {
        **{name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ},
        **kind.variables(),
        "RESOURCE": resource,
        "TEST_CLOCK": str(clock),
        "ERA": kind.era,
        "HOME": str(folder),
        "MCP_REMOTE_CONFIG_DIR": str(folder),
        "BROWSER": "true",  # the program of that name: whatever would open a browser opens nothing
    }
    complaints = folder / "complaints"
    with complaints.open("wb") as stderr:
        process = lifeline.start(
            kind.command(), env=variables, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
    try:
        yield Client(process, answered, complaints)
    finally:
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=LEAVING_SECONDS)
        kill_with_children(process)
        process.communicate()


def kill_with_children(process: "subprocess.Popen[bytes]") -> None:
    """Whatever of its group still runs: `lifeline` made the process the leader of one."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)

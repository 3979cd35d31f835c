"""A scripted server, and `scry` run against it in a folder of its own."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scry.commands import main
from tests.cli.scripted_server import ScriptedServer

Run = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    found = ScriptedServer()
    yield found
    found.close()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, in a world without configuration, whose clocks are in UTC."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("SCRY_URL", "SCRY_KEY", "SCRY_QUERY_KEY", "SCRY_ORG", "SCRY_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def scry(here: Path, server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command beside a `ready.json` that leads to the scripted server."""
    ready = {
        "url": server.url, "ingest_key": "scry_ing_1", "query_key": "scry_qry_1", "org": "acme", "project": "shop",
    }  # fmt: skip
    (here / ".local").mkdir()
    (here / ".local/ready.json").write_text(json.dumps(ready))

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


class Terminal(io.StringIO):
    """A stream at which a person looks."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()

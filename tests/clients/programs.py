"""Programs of strangers that print where somebody should go, listen for them to come back, and end with a judgement."""

import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra import lifeline
from infra.clients import NODE, NPM
from tests.clients.client import kill_with_children
from tests.clients.consent import Person, send

SECONDS: Final = 120
AUTHORIZE: Final = re.compile(r"http://[\w.:]+/oauth/authorize\?[^\s\x1b]+")


@dataclass(frozen=True)
class Ended:
    """How a program ended, and everything that it said."""

    status: int
    said: str


def program(name: str, *arguments: str) -> list[str | Path]:
    """The command of a program that npm brought."""
    return [NODE, NPM.installed() / "node_modules" / ".bin" / name, *arguments]


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    person: Person | None = None,
    variables: Mapping[str, str] | None = None,
) -> Ended:
    """Runs a program that keeps its files in the folder, until it ends; `person` opens what it asks to open."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "BROWSER": "true", "NO_COLOR": "1"}
    process = lifeline.start(
        command,
        cwd=folder,
        env={**inherited, **own, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    stuck = threading.Timer(SECONDS, kill_with_children, [process])
    stuck.start()
    said = []
    try:
        for line in process.stdout or ():
            said.append(line.decode(errors="replace"))
            if person and (asked := AUTHORIZE.search(said[-1])):
                assert send("GET", person.answered(asked[0])).status < 400
        return Ended(process.wait(), "".join(said))
    finally:
        stuck.cancel()
        kill_with_children(process)
        process.communicate()

"""Programs of others that tests need beside the product: what npm and pip bring into `.tools/`, and nowhere else.

A set of tools is known by the digest of its pins: other pins are another folder, and a folder is there whole or not at
all. npm takes exactly what a lock file lists, by its digests, and runs none of the install scripts.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra import engine_binary
from infra.engine_binary import TOOLS, EngineUnavailable

NPM_OPTIONS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
PIP_OPTIONS: Final = ("--quiet", "--quiet", "--disable-pip-version-check", "--no-compile")


class ToolUnavailable(Exception):
    """A tool cannot be had on this machine; the message says why and what helps."""


@dataclass(frozen=True, slots=True)
class _Tools(ABC):
    name: str
    target: str
    """What of the Makefile installs them."""

    @property
    @abstractmethod
    def pins(self) -> Sequence[Path]:
        """The files that decide what is installed."""

    @abstractmethod
    def fill(self, folder: Path) -> None:
        """Installs into an empty folder. Raises `ToolUnavailable`."""

    @property
    def folder(self) -> Path:
        """Where they are, installed or not."""
        digest = hashlib.sha256(b"".join(pin.read_bytes() for pin in self.pins))
        digest.update(self.made_for())
        return TOOLS / f"{self.name}-{digest.hexdigest()[:8]}"

    def made_for(self) -> bytes:
        """What else than the pins decides what is installed."""
        return b""

    def installed(self) -> Path:
        """That folder, once it is complete. Raises `ToolUnavailable`."""
        if not self.folder.exists():
            raise ToolUnavailable(f"{self.folder.name} is not installed: `make {self.target}` does it")
        return self.folder

    def install(self) -> None:
        """Installs them unless they are there. Raises `ToolUnavailable`."""
        if self.folder.exists():
            return
        print(f"Installing {self.folder.name} ...", flush=True)
        TOOLS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as unfinished:
            complete = Path(unfinished) / self.name
            complete.mkdir()
            self.fill(complete)
            if not self.folder.exists():  # unless somebody else was faster
                complete.rename(self.folder)


@dataclass(frozen=True, slots=True)
class NpmTools(_Tools):
    """Tools in a `node_modules`, pinned by the `package.json` and `package-lock.json` of a folder of the project."""

    pinned_in: Path

    @property
    def pins(self) -> Sequence[Path]:
        return [self.pinned_in / name for name in ("package.json", "package-lock.json")]

    def fill(self, folder: Path) -> None:
        for pin in self.pins:
            shutil.copy(pin, folder)
        try:
            npm = engine_binary.npm()
        except EngineUnavailable as error:
            raise ToolUnavailable(str(error)) from error
        run([*npm, "ci", *NPM_OPTIONS], cwd=folder)


@dataclass(frozen=True, slots=True)
class PythonTools(_Tools):
    """Python packages beside the environment's own, which two versions of one package cannot share.

    A program sees them, and nothing of the environment, with the folder in PYTHONPATH and `python -S`.
    """

    requirements: Path

    @property
    def pins(self) -> Sequence[Path]:
        return [self.requirements]

    def made_for(self) -> bytes:
        return repr((sys.version_info[:2], sys.platform, platform.machine())).encode()

    def fill(self, folder: Path) -> None:
        run([sys.executable, "-m", "pip", "install", *PIP_OPTIONS, "--target", folder, "-r", self.requirements])


def run(command: Sequence[str | Path], cwd: Path | None = None) -> None:
    """Runs an installer. Raises `ToolUnavailable` with the last lines of what it said."""
    try:
        subprocess.run(
            command,
            check=True,
            cwd=cwd,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except FileNotFoundError as error:
        raise ToolUnavailable(f"{command[0]} cannot be run") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or error.stdout.strip() or f"exit status {error.returncode}").splitlines()
        raise ToolUnavailable(f"{Path(command[0]).name} failed: {' '.join(said[-3:])}") from error

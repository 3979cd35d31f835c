"""Installs the browser and the tools that check pages, where they are missing: what `make browser` runs.

Chromium comes with apt-get where that is there and may be used; elsewhere its absence is an error that says what to
do. The tools come with npm, by the digests of package-lock.json; none of their install scripts runs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra import engine_binary
from infra.browser import PINS, BrowserUnavailable, chromium, tools
from infra.engine_binary import TOOLS, EngineUnavailable

NPM_OPTIONS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
LOCK_SECONDS: Final = 300
"""How long apt-get waits for another one to finish."""


def main() -> int:
    """Installs what is missing. Returns 1 if something cannot be had, and says what."""
    try:
        _install_chromium()
        _install_tools()
    except BrowserUnavailable as reason:
        print(f"No browser to test with: {reason}.", file=sys.stderr)
        return 1
    return 0


def _install_chromium() -> None:
    try:
        chromium()
    except BrowserUnavailable:
        if "CHROMIUM" in os.environ or not shutil.which("apt-get") or os.geteuid() != 0:
            raise
        print("Installing Chromium with apt-get ...", flush=True)
        apt = ["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}"]
        _run([*apt, "update"])
        _run([*apt, "install", "--yes", "--no-install-recommends", "chromium"])
        chromium()


def _install_tools() -> None:
    if tools().exists():
        return
    print("Installing the tools that check pages ...", flush=True)
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        complete = Path(folder) / "browser"
        complete.mkdir()
        for pin in PINS:
            shutil.copy(pin, complete)
        try:
            npm = engine_binary.npm()
        except EngineUnavailable as error:
            raise BrowserUnavailable(str(error)) from error
        _run([*npm, "ci", *NPM_OPTIONS], cwd=complete)
        if not tools().exists():  # unless somebody else was faster
            complete.rename(tools())


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
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
        raise BrowserUnavailable(f"{command[0]} cannot be run") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or error.stdout.strip() or f"exit status {error.returncode}").splitlines()
        raise BrowserUnavailable(f"{Path(command[0]).name} failed: {' '.join(said[-3:])}") from error


if __name__ == "__main__":
    sys.exit(main())

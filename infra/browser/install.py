"""Installs the browser and the tools that check pages, where they are missing: what `make browser` runs.

Chromium comes with apt-get where that is there and may be used; elsewhere its absence is an error that says what to
do. The tools come with npm, by the digests of package-lock.json; none of their install scripts runs.
"""

import os
import shutil
import sys
from typing import Final

from infra.browser import TOOLS, BrowserUnavailable, chromium
from infra.tools import ToolUnavailable, run

LOCK_SECONDS: Final = 300
"""How long apt-get waits for another one to finish."""


def main() -> int:
    """Installs what is missing. Returns 1 if something cannot be had, and says what."""
    try:
        _install_chromium()
        TOOLS.install()
    except ToolUnavailable as reason:
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
        run([*apt, "update"])
        run([*apt, "install", "--yes", "--no-install-recommends", "chromium"])
        chromium()


if __name__ == "__main__":
    sys.exit(main())

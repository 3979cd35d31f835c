"""A real browser to look at the pages with, and the tools that judge what it shows.

`make browser` installs them. Chromium comes from the system, since no package registry has it; the rest is pinned:
Playwright, and the Node that runs the tools, in requirements-dev.txt, the tools in package-lock.json.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import playwright

from infra.tools import NpmTools, ToolUnavailable

TOOLS: Final = NpmTools("browser", "browser", Path(__file__).parent)
NODE: Final = Path(playwright.__file__).with_name("driver") / "node"

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS: Final = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

QUIET: Final = (
    # Nothing but this machine is asked for anything, neither at the start nor while it runs.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    # The same picture on every machine, whether it has a graphics card or not.
    "--disable-gpu",
    "--force-color-profile=srgb",
)


class BrowserUnavailable(ToolUnavailable):
    """The browser cannot be had on this machine; the message says why and what helps."""


def chromium() -> Path:
    """The browser's program: what CHROMIUM names, else the first one known. Raises `BrowserUnavailable`."""
    named = os.environ.get("CHROMIUM")
    candidates = [named] if named else [*PROGRAMS, *APPLICATIONS]
    for candidate in candidates:
        if found := shutil.which(candidate):
            return Path(found)
    raise BrowserUnavailable(
        f"there is no {named}, which CHROMIUM names"
        if named
        else "Chromium is not installed: `apt-get install chromium` brings it on Debian, and CHROMIUM= names another"
    )


def arguments() -> list[str]:
    """What Chromium is started with, besides what drives it."""
    # Its sandbox refuses to work for root, which is who runs in most containers.
    return [*QUIET, "--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [*QUIET]

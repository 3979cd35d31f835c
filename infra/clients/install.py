"""Installs the clients and suites of strangers, where they are missing: what `make clients` runs."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from infra.clients import NPM, PYTHON
from infra.tools import ToolUnavailable

AT_ONCE: Final = 3
"""They wait for disk and registry, and hardly for the processor. The largest are the last that are listed."""


def main() -> int:
    """Installs what is missing. Returns 1 if something cannot be had, and says what."""
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in pool.map(lambda tools: tools.install(), (*reversed(PYTHON.values()), NPM)):
                pass
    except ToolUnavailable as reason:
        print(f"No clients to test with: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

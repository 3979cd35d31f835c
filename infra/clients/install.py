"""Installs the clients and suites of strangers, where they are missing: what `make clients` runs."""

import sys

from infra.clients import NPM, PYTHON
from infra.tools import ToolUnavailable


def main() -> int:
    """Installs what is missing. Returns 1 if something cannot be had, and says what."""
    try:
        for tools in (NPM, *PYTHON.values()):
            tools.install()
    except ToolUnavailable as reason:
        print(f"No clients to test with: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs tests against the DynamoDB that ENDPOINT names, LocalStack say: what `make test-localstack` does.

Without ENDPOINT the embedded engine stands for it, and is found in the same way, through `localstack_client`: so that
this works on the day that somebody has a LocalStack.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from infra.engine import engine
from infra.engine_binary import EngineUnavailable


def main(arguments: Sequence[str]) -> int:
    """The exit status of pytest with these arguments."""
    try:
        with _endpoint() as endpoint:
            print(f"Testing against {endpoint}", flush=True)
            variables = {**os.environ, "SCRY_TEST_ENDPOINT": endpoint}
            return subprocess.run([sys.executable, "-m", "pytest", *arguments], env=variables, check=False).returncode
    except EngineUnavailable as reason:
        print(f"scrywatch: {reason}: say which DynamoDB with ENDPOINT=", file=sys.stderr)
        return 2


@contextmanager
def _endpoint() -> Iterator[str]:
    named = os.environ.get("ENDPOINT")
    if named:
        yield named
        return
    with engine() as endpoint:
        yield endpoint


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

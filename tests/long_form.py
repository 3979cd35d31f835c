"""The short form of the tests, which is `make test`, and the long one: `make test-full`."""

import os

FULL = os.environ.get("HYPOTHESIS_PROFILE") == "full"


def examples(count: int) -> int:
    """How many examples a test looks at that looks at so many in the long form."""
    return count if FULL else (count + 1) // 2

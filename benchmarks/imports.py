"""CPU of importing what serves a request, in a fresh interpreter: a cold start pays it before anything else."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Beside, Figure
from benchmarks.run import Run

APP: Final = "import app"
BOTO3: Final = "import boto3"
CLIENT: Final = "import boto3; boto3.client('dynamodb', region_name='us-east-1')"
CHALICE: Final = "import chalice"


def measure(run: Run) -> Iterator[Figure]:
    # The best of several: everything slower is the machine's doing.
    best = {
        code: min(_milliseconds(code) for _ in range(run.scale.repeats + 1)) for code in (APP, BOTO3, CLIENT, CHALICE)
    }
    yield Figure(
        name="import of the app",
        value=best[APP],
        unit="ms",
        beside=(
            Beside("boto3 and its client", best[CLIENT]),
            Beside("boto3 alone", best[BOTO3]),
            Beside("chalice alone", best[CHALICE]),
        ),
    )


def _milliseconds(code: str) -> float:
    timed = f"import time; at = time.process_time(); {code}; print((time.process_time() - at) * 1000)"
    finished = subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True, text=True)
    return float(finished.stdout)

"""`make help` tells of everything that can be asked for."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # These tests run under `make test` too: what that make tells its children would make this one talk of folders.
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=outside, capture_output=True, text=True, check=False)


def test_help_lists_every_target():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = {line.split()[0] for line in make("help").stdout.splitlines()}
    assert listed == targets
    assert {"run", "test", "test-full", "test-localstack", "check", "bench", "help", "upgrade", "clean"} <= targets


def test_testing_against_another_dynamodb_asks_which(monkeypatch):
    monkeypatch.delenv("ENDPOINT", raising=False)
    refused = make("test-localstack")
    assert refused.returncode != 0
    assert "ENDPOINT=http://" in refused.stdout


def test_an_old_python_is_told_what_is_needed():
    pretending = "import sys; sys.version_info = (3, 9); from infra.environment import main; sys.exit(main())"
    told = subprocess.run([sys.executable, "-c", pretending], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "Python 3.11 or newer is needed" in told.stderr

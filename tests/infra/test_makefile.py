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
    assert {"deploy", "destroy", "package"} <= targets


def test_tests_run_against_whatever_localstack_there_is_and_else_against_the_engine_in_its_place(monkeypatch):
    monkeypatch.delenv("ENDPOINT", raising=False)
    monkeypatch.delenv("SCRY_TEST_ENDPOINT", raising=False)
    done = subprocess.run(
        [sys.executable, "-m", "infra.localstack", "-q", "-m", "engine", "tests/storage/test_leases.py"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "Testing against http://127.0.0.1:" in done.stdout
    assert " passed" in done.stdout
    assert "infra.localstack -m engine" in make("--dry-run", "test-localstack").stdout


def test_deploying_wants_to_know_the_stage():
    for target in ("deploy", "destroy", "package"):
        told = subprocess.run(
            [sys.executable, "-m", "infra.deploy", target, ""], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert told.returncode == 1
        assert "STAGE must be" in told.stderr
        assert f"infra.deploy {target} dev" in make("--dry-run", target, "STAGE=dev").stdout


def test_an_old_python_is_told_what_is_needed():
    pretending = "import sys; sys.version_info = (3, 9); from infra.environment import main; sys.exit(main())"
    told = subprocess.run([sys.executable, "-c", pretending], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "Python 3.11 or newer is needed" in told.stderr

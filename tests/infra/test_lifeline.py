"""A program started on a lifeline is gone when whoever started it is, and only then."""

import os
import signal
import subprocess
import sys

import pytest

from infra import lifeline

# The program holds the writing end of our pipe: reading from it ends when the program is gone.
OWNER = """
import sys
from infra import lifeline
start = getattr(lifeline, sys.argv[1])
command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
program = start(command, stdout=int(sys.argv[2]), pass_fds=[int(sys.argv[2])])
sys.stdin.read()
"""


@pytest.mark.parametrize("start", ["start", "start_guarded"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_program_ends_with_its_owner(start, number):
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, start, str(writing)], stdin=subprocess.PIPE, pass_fds=[writing]
    ) as owner:
        os.close(writing)
        with os.fdopen(reading, "rb") as output:
            assert output.readline() == b"up\n"
            os.kill(owner.pid, number)
            assert output.read() == b""


@pytest.mark.parametrize("start", [lifeline.start, lifeline.start_guarded])
def test_its_exit_status_is_the_programs(start):
    with start([sys.executable, "-c", "raise SystemExit(7)"]) as program:
        assert program.wait() == 7


@pytest.mark.parametrize("start", [lifeline.start, lifeline.start_guarded])
def test_it_can_be_told_to_end(start):
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with start(command, stdout=subprocess.PIPE) as program:
        assert program.stdout.read(3) == b"up\n"
        program.terminate()
        assert program.wait() != 0

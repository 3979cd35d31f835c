"""Starts programs that never outlive this process, however it ends: return, exception, or `kill -9`.

On Linux the kernel does it (`PR_SET_PDEATHSIG`). Elsewhere a small guard process stands between: it holds the reading
end of a pipe that only this process can write to, and ends the program when the pipe closes.
"""

import ctypes
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

PR_SET_PDEATHSIG: Final = 1
MODULE: Final = "infra.lifeline"


def start(command: Sequence[str | os.PathLike[str]], **options: Any) -> subprocess.Popen[bytes]:
    """Starts the program in a process group of its own: a Ctrl-C in the terminal reaches only whoever started it.

    On Linux it must be called from a thread that lives as long as the program should: the kernel watches that thread.
    """
    if platform.system() == "Linux":
        dying_with_parent = partial(_die_with, os.getpid(), ctypes.CDLL(None, use_errno=True))
        # Safe here: between fork and exec it calls the kernel only, and takes no lock.
        return subprocess.Popen(command, process_group=0, preexec_fn=dying_with_parent, **options)  # noqa: PLW1509
    return start_guarded(command, **options)


def start_guarded(command: Sequence[str | os.PathLike[str]], **options: Any) -> subprocess.Popen[bytes]:
    """The same for every system with pipes and signals, for the price of a second process."""
    guard = [sys.executable, "-m", MODULE, *command]
    return subprocess.Popen(guard, process_group=0, stdin=subprocess.PIPE, **options)


def _die_with(parent: int, libc: ctypes.CDLL) -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def main() -> int:
    """The guard: runs the command of its arguments until that ends, or until its own standard input does."""
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, close_fds=False)
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    threading.Thread(target=_kill_at_end_of_input, args=(program,), daemon=True).start()
    return program.wait()


def _kill_at_end_of_input(program: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    program.kill()


if __name__ == "__main__":
    sys.exit(main())

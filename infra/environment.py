"""Makes a fresh checkout ready: the virtual environment, the pinned packages, the embedded engine.

It needs nothing but Python, does nothing when everything is there, and may run several times at once. It must be
readable by old Pythons, if only to tell them so.
"""

import fcntl
import hashlib
import os
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
TOOLS = os.path.join(ROOT, ".tools")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "requirements.sha256")
PINS = ("requirements.txt", "requirements-function.txt", "requirements-dev.txt", os.path.join("infra", "engine.json"))


def main():
    # type: () -> int
    if sys.version_info < OLDEST:
        found = sys.version.split()[0]
        return _fail("Python %d.%d or newer is needed and this is %s: make PYTHON=path/to/it" % (OLDEST + (found,)))
    if not os.path.isdir(TOOLS):
        os.makedirs(TOOLS, exist_ok=True)
    with open(os.path.join(TOOLS, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _prepared()
        except subprocess.CalledProcessError as error:
            return _fail("`%s` failed, see above" % " ".join(error.cmd[:4]))


def _prepared():
    # type: () -> int
    if _read(STAMP) != _wanted():
        if subprocess.call([PYTHON, "-c", ""], stderr=subprocess.DEVNULL) if os.path.exists(PYTHON) else True:
            print("Creating .venv ...")
            subprocess.check_call([sys.executable, "-m", "venv", "--clear", VENV])
        print("Installing the pinned packages ...")
        pip = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        # What ships is the same here as there, with all that it needs in its turn.
        shipped = os.path.join(ROOT, "requirements-function.txt")
        subprocess.check_call(pip + ["-r", os.path.join(ROOT, "requirements-dev.txt"), "-c", shipped])
        if subprocess.call([PYTHON, "-m", "infra.engine_binary"], cwd=ROOT):
            return 1
        _write(STAMP, _wanted())
    return 0


def _wanted():
    # type: () -> str
    """A digest of everything that decides what must be installed."""
    digest = hashlib.sha256(repr(sys.version_info[:2]).encode())
    for pin in PINS:
        with open(os.path.join(ROOT, pin), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def _read(path):
    # type: (str) -> str
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _write(path, text):
    # type: (str, str) -> None
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def _fail(message):
    # type: (str) -> int
    sys.stderr.write(message + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

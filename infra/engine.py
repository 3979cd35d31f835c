"""Runs the embedded DynamoDB engine for as long as a block of code needs it.

    with engine(Path(".local")) as endpoint: ...   # on disk, one file, synced at every write
    with engine() as endpoint: ...                 # in memory, for tests

The engine ends with this process, also when that is killed, and the data folder is locked as long as either lives.
"""

import fcntl
import http.client
import os
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import IO, Final
from urllib.parse import urlsplit

from infra import engine_binary, lifeline

DATABASE: Final = "dynamodb.sqlite"
START_SECONDS: Final = 20.0
LOCK_SECONDS: Final = 2.0
CHECK_SECONDS: Final = 2.0

LOCAL_CREDENTIALS: Final[Mapping[str, str]] = MappingProxyType(
    {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
)
"""What an AWS client wants to have before it talks to an engine that asks for nothing."""


class EngineFailed(Exception):
    """The engine does not run. The message says in one line what to do."""


class DataFolderInUse(EngineFailed):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is in use by another run: stop that one, or take another folder with DATA=")


class DataFolderCorrupt(EngineFailed):
    def __init__(self, database: Path, reason: str) -> None:
        super().__init__(
            f"{database} is damaged ({reason}): put a copy of it back, or move the folder away to start empty"
        )


@contextmanager
def engine(data: Path | None = None) -> Iterator[str]:
    """Gives the endpoint's URL. `data` is the folder that keeps the tables; None keeps them in memory.

    Raises `EngineFailed`, and `engine_binary.EngineUnavailable` if the program is not installed.
    """
    program = engine_binary.installed()
    if data is None:
        with tempfile.TemporaryFile() as log, _running([str(program), "serve"], log) as endpoint:
            yield endpoint
        return
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = data / DATABASE
    with _locked(data) as lock, (data / "engine.log").open("w+b") as log:
        _check(database)
        with _running([str(program), "serve", "--db-path", str(database)], log, keeps=lock) as endpoint:
            yield endpoint


@contextmanager
def memory_only() -> Iterator[str]:
    """Gives the endpoint of moto's server in this process, for machines without the engine: it forgets everything."""
    from moto.server import ThreadedMotoServer  # a second of imports that only this path needs

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    finally:
        server.stop()


def is_local(endpoint: str) -> bool:
    """True for an endpoint on this machine, the only kind that may be given `LOCAL_CREDENTIALS`."""
    return urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    with (folder / "lock").open("wb") as file:
        gives_up_at = time.monotonic() + LOCK_SECONDS
        while not _lock(file):
            # A run that was killed a moment ago holds it until the kernel has taken its engine down.
            if time.monotonic() > gives_up_at:
                raise DataFolderInUse(folder)
            time.sleep(0.05)
        yield file.fileno()


def _lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _check(database: Path) -> None:
    """Raises `DataFolderCorrupt` if SQLite finds the file damaged in the time it has."""
    if not database.exists():
        return
    gives_up_at = time.monotonic() + CHECK_SECONDS
    connection = sqlite3.connect(database)
    connection.set_progress_handler(lambda: time.monotonic() > gives_up_at, 100_000)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:  # so large a file is checked as it is read
            return
        raise DataFolderCorrupt(database, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise DataFolderCorrupt(database, str(error)) from error
    finally:
        connection.close()
    if found != "ok":
        raise DataFolderCorrupt(database, found.splitlines()[-1])


@contextmanager
def _running(command: list[str], log: IO[bytes], *, keeps: int | None = None) -> Iterator[str]:
    port = _free_port()
    # The engine keeps the lock's descriptor: should it ever outlive this process, the folder stays locked.
    process = lifeline.start(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=() if keeps is None else (keeps,),
        env={"PATH": os.environ.get("PATH", "")},
    )
    try:
        _wait_until_it_answers(process, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: IO[bytes]) -> None:
    gives_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < gives_up_at:
        if process.poll() is not None:
            log.seek(0)
            raise EngineFailed(f"the embedded engine ended at once: {log.read().decode(errors='replace').strip()}")
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            return
        time.sleep(0.005)
    raise EngineFailed(f"the embedded engine did not answer within {START_SECONDS:.0f} seconds")

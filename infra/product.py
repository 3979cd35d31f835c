"""The whole product as a program of its own, with data that is thrown away: for whoever wants to use it as people do.

It is what `make run` starts. It ends with the process that started it, however that ends.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra import lifeline

STOP_SECONDS: Final = 30

UNSET: Final = ("ENDPOINT", "DEMO", "TEST_CLOCK", "TEST_EDGE", "TEST_HOSTS")
"""What is not taken over from whoever starts it."""


class ProductFailed(Exception):
    """The product did not start; the message is what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A running product: where it is, its data, and its first account as in `ready.json`."""

    url: str
    data: Path
    process: int
    account: Mapping[str, Any]


@contextmanager
def product(settings: Mapping[str, str] | None = None) -> Iterator[Product]:
    """Serves on a free port from the moment it is given. Raises `ProductFailed`."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        url = f"http://127.0.0.1:{(port := _free_port())}"
        own = {"PORT": str(port), "DATA": str(data), **dict.fromkeys(UNSET, "")}
        variables = {**os.environ, **own, **(settings or {})}
        process = lifeline.start([sys.executable, "-m", "infra.local"], env=variables, **_PIPES)
        # A pipe that nobody empties holds up whoever writes to it, and every sign-in is a line.
        rest = threading.Thread(target=_read_to_the_end, args=(process,), name="what the product says")
        try:
            _wait_until_it_serves(process)
            rest.start()
            account = json.loads((data / "ready.json").read_text())
            yield Product(url=url, data=data, process=process.pid, account=account)
        finally:
            process.terminate()
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if rest.ident:
                rest.join()
            if process.stdout:
                process.stdout.close()


_PIPES: Final = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


def _wait_until_it_serves(process: subprocess.Popen[bytes]) -> None:
    said = []
    for line in process.stdout or ():
        said.append(line.decode())
        if said[-1].startswith("The first account"):  # the last thing it says once it answers
            return
    raise ProductFailed("".join(said).strip() or "it ended without a word")


def _read_to_the_end(process: subprocess.Popen[bytes]) -> None:
    for _ in process.stdout or ():
        pass


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
